import { createHmac } from 'node:crypto';
import { Agent, request } from 'undici';
import type { Simulator } from '../../src/simulator/simulator.ts';

const PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';

export interface SendOptions {
  readonly method?: string;
  readonly path?: string;
  readonly accessKey?: string;
  readonly secretKey?: string;
  readonly at?: number;
  /** What is sent instead of the body that was signed. */
  readonly tampered?: string;
  readonly contentType?: string;
  readonly authorization?: string;
  readonly signed?: readonly string[];
  readonly dispatcher?: Agent;
  readonly timeoutMs?: number;
}

export interface Reply {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
  readonly json: { resultCode?: unknown; resultDesc?: unknown };
}

const hmac = (key: string, text: string): string => createHmac('sha256', key).update(text).digest('hex');
const encode = (text: string): string =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

/** One signed request to a simulator, written for its tests alone. */
export async function sendQuery(simulator: Simulator, body: unknown, options: SendOptions = {}): Promise<Reply> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const { method = 'POST', path = PATH, contentType = 'application/json;charset=UTF-8' } = options;
  const headers: Record<string, string> = {
    'content-length': String(Buffer.byteLength(text)),
    'content-type': contentType,
    host: new URL(simulator.url).host,
  };
  const names = options.signed ?? Object.keys(headers);
  const timestamp = new Date(options.at ?? Date.now()).toISOString();
  const prefix = `auth-v2/${options.accessKey ?? 'demo-access-key'}/${timestamp}/${names.join(';')}`;
  const lines = names.map((name) => `${encode(name)}:${encode(headers[name] ?? '')}`);
  const canonical = [method, path, names.join(';'), ...lines, encode(text)].join('\n');
  const key = hmac(options.secretKey ?? 'demo-secret-key', prefix);
  const authorization = options.authorization ?? `${prefix}/${hmac(key, canonical)}`;

  const dispatcher =
    options.dispatcher ?? new Agent(simulator.caPem === undefined ? {} : { connect: { ca: simulator.caPem } });
  try {
    const response = await request(simulator.url + path, {
      method,
      body: method === 'GET' ? null : (options.tampered ?? text),
      headers: { 'content-type': contentType, authorization },
      dispatcher,
      signal: AbortSignal.timeout(options.timeoutMs ?? 10_000),
    });
    const received = await response.body.text();
    let json: Reply['json'] = {};
    try {
      json = JSON.parse(received) as Reply['json'];
    } catch {
      // The test looks at the text.
    }
    return { status: response.statusCode, headers: response.headers, text: received, json };
  } finally {
    await dispatcher.destroy();
  }
}

/** `YYYY-MM-DD HH:MM:SS`, as the interface wants it. */
export const date = (ms: number): string => new Date(ms).toISOString().slice(0, 19).replace('T', ' ');

export type WireRow = Readonly<Record<string, unknown>>;

export function rowsOf({ json }: Reply): readonly WireRow[] {
  const { resultDesc } = json;
  return Array.isArray(resultDesc) ? (resultDesc as WireRow[]) : (resultDesc as { data: WireRow[] }).data;
}

export const countOf = ({ json }: Reply): unknown => (json.resultDesc as { count?: unknown }).count;
