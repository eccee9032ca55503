import { afterEach } from 'vitest';
import { type ApiClient, createApiClient, type Query, type QueryResult } from '../../src/cms/client.ts';
import { type ConnectionOptions, connectionsTo } from '../../src/cms/connections.ts';
import type { PreparedRequest } from '../../src/cms/signed-request.ts';
import type { RequestReport } from '../../src/cms/request.ts';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import { DEFAULT_SIGNING, DEFAULT_TLS, type SigningConfig, type TlsConfig } from '../../src/config/schema.ts';
import type { ApiError } from '../../src/core/errors.ts';
import { latestEnded, WINDOW_MS } from '../../src/core/window.ts';

export interface ClientOptions {
  readonly url: string;
  readonly accessKey?: string;
  readonly secretKey?: string | (() => Promise<string>);
  readonly ccId?: number | undefined;
  readonly clock?: Clock;
  readonly timeoutMs?: number;
  readonly connections?: number;
  readonly tls?: Partial<TlsConfig>;
  readonly signing?: Partial<SigningConfig>;
  readonly proxyUrl?: string;
  readonly environment?: ConnectionOptions['environment'];
}

/** A client as the exporter builds it, and what it reported. */
export interface TestClient extends ApiClient {
  readonly reports: RequestReport[];
  readonly prepared: PreparedRequest[];
  /** Reported expiries of certificates. */
  readonly expiries: number[];
}

const open: TestClient[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});

export function clientOf(options: ClientOptions): TestClient {
  const { url, secretKey = 'demo-secret-key', clock = systemClock, timeoutMs = 10_000 } = options;
  const reports: RequestReport[] = [];
  const prepared: PreparedRequest[] = [];
  const expiries: number[] = [];
  const connections = connectionsTo({
    url,
    tls: { ...DEFAULT_TLS, ...options.tls },
    proxyUrl: options.proxyUrl,
    environment: options.environment ?? {},
    connections: options.connections ?? 4,
    connectTimeoutMs: timeoutMs,
    onCertificate: (notAfter) => expiries.push(notAfter),
  });
  const client = createApiClient({
    url,
    accessKey: options.accessKey ?? 'demo-access-key',
    secretKey: typeof secretKey === 'string' ? () => Promise.resolve(secretKey) : secretKey,
    signing: { ...DEFAULT_SIGNING, ...options.signing },
    ccId: options.ccId,
    timeoutMs,
    ...connections,
    clock,
    onRequest: (report) => reports.push(report),
    onPrepared: (request) => prepared.push(request),
  });
  const made = { ...client, reports, prepared, expiries };
  open.push(made);
  return made;
}

/** The newest window that has ended by the machine's clock, for three VDNs. */
export function queryNow(vdns: Query['vdns'] = [1, 2, 3]): Query {
  const start = latestEnded(Date.now());
  return { vdns, range: { from: start, to: start + WINDOW_MS } };
}

export async function runQuery(client: ApiClient, query = queryNow()): Promise<QueryResult> {
  return client.query(query, new AbortController().signal);
}

/** The failure of a query that is expected to fail. */
export async function failureOf(client: ApiClient, query = queryNow()): Promise<ApiError> {
  const { failure } = await runQuery(client, query);
  if (failure === undefined) throw new Error('The query did not fail');
  return failure;
}
