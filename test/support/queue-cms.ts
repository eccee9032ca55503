import type { RequestListener } from 'node:http';
import { onTestFinished } from 'vitest';
import { connectionsTo } from '../../src/cms/connections.ts';
import type { RequestReport } from '../../src/cms/request.ts';
import { DEFAULT_SIGNING, DEFAULT_TLS } from '../../src/config/schema.ts';
import type { Clock } from '../../src/core/clock.ts';
import { createQueueClient, type QueueClient } from '../../src/queues/client.ts';
import { impatientClock } from './fake-clock.ts';
import { serveHttp } from './local-servers.ts';

export interface ReceivedRequest {
  /** The last part of the path. */
  readonly name: string;
  readonly body: Readonly<Record<string, unknown>>;
  /** Milliseconds by the monotonic clock of this process. */
  readonly at: number;
}

export interface CmsAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** An object becomes JSON. */
  readonly body: unknown;
}

const TIMEOUT_MS = 10_000;

/** A server whose answers the test chooses, and a client as the exporter builds it; both end with the test. */
export async function queueCms(
  answer: (request: ReceivedRequest) => CmsAnswer,
  options: { readonly clock?: Clock; readonly requestForm?: 'flat' | 'wrapped' } = {},
): Promise<{
  client: QueueClient;
  requests: ReceivedRequest[];
  reports: (RequestReport & { name: string })[];
  url: string;
}> {
  const requests: ReceivedRequest[] = [];
  const listener: RequestListener = (request, response) => {
    let text = '';
    request.on('data', (data: Buffer) => (text += data.toString()));
    request.on('end', () => {
      const received = {
        name: request.url?.split('/').at(-1) ?? '',
        body: JSON.parse(text) as ReceivedRequest['body'],
        at: performance.now(),
      };
      requests.push(received);
      const { status = 200, headers = {}, body } = answer(received);
      response.writeHead(status, { 'Content-Type': 'application/json;charset=UTF-8', ...headers });
      response.end(typeof body === 'string' ? body : JSON.stringify(body));
    });
  };
  const server = await serveHttp(listener);
  const reports: (RequestReport & { name: string })[] = [];
  const client = createQueueClient({
    url: server.url,
    accessKey: 'demo-access-key',
    secretKey: () => Promise.resolve('demo-secret-key'),
    signing: DEFAULT_SIGNING,
    ccId: 1,
    timeoutMs: TIMEOUT_MS,
    clock: options.clock ?? impatientClock(Date.now()),
    requestForm: options.requestForm ?? 'flat',
    onQueueRequest: (name, report) => reports.push({ name, ...report }),
    ...connectionsTo({
      url: server.url,
      ...{ tls: DEFAULT_TLS, proxyUrl: undefined, environment: {}, connections: 4, connectTimeoutMs: TIMEOUT_MS },
      onCertificate: () => undefined,
    }),
  });
  onTestFinished(async () => {
    await client.close();
    await server.close();
  });
  return { client, requests, reports, url: server.url };
}
