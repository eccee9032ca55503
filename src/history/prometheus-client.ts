/** The query API of Prometheus, which VictoriaMetrics, Thanos and Mimir have, too. */
import { type Dispatcher, request } from 'undici';
import { basicAuthorization } from '../cms/proxy.ts';
import { oneLine } from '../core/format.ts';
import { OperationError, UsageError } from '../core/errors.ts';

/** Samples of one series, oldest first. */
export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, and the value. */
  readonly samples: readonly (readonly [ms: number, value: number])[];
}

export interface PrometheusOptions {
  /** As configured; may contain a user and a password, and a path in front of `/api/v1`. */
  readonly url: string;
  /** Sent with every request; an `authorization` among them is used instead of that of the URL. */
  readonly headers: Readonly<Record<string, string>>;
  readonly dispatcher: Dispatcher;
  /** Called with the warnings of a response, such as that it is partial. */
  readonly onWarning: (text: string) => void;
}

export interface Prometheus {
  /**
   * The raw samples of a selector from `from` on and before `to` (milliseconds).
   * @throws OperationError; the reason of `signal` when it is aborted
   */
  samples(selector: string, from: number, to: number, signal: AbortSignal): Promise<RawSeries[]>;
}

interface Target {
  readonly endpoint: URL;
  /** Without user and password, for messages. */
  readonly shown: string;
  readonly authorization: string | undefined;
}

export function targetOf(url: string): Target {
  if (!URL.canParse(url)) throw new UsageError('--prometheus.url is no URL: write http://localhost:9090');
  const { protocol, host, pathname, search } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new UsageError('--prometheus.url must start with http:// or https://');
  }
  const shown = `${protocol}//${host}${pathname.replace(/\/$/, '')}`;
  return {
    endpoint: new URL(`${shown}/api/v1/query${search}`),
    shown,
    authorization: basicAuthorization(new URL(url)),
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new Error('the response is not JSON', { cause });
  }
}

/** @throws when it is not a matrix as the query API documents it */
function parseMatrix(body: unknown): RawSeries[] {
  const data = isRecord(body) && body['status'] === 'success' ? body['data'] : undefined;
  const result = isRecord(data) && data['resultType'] === 'matrix' ? data['result'] : undefined;
  if (!Array.isArray(result)) throw new Error('the response is not a matrix');
  return result.map((series: unknown) => {
    if (!isRecord(series) || !isRecord(series['metric']) || !Array.isArray(series['values'])) {
      throw new Error('a series of the response has no values');
    }
    const labels = Object.fromEntries(Object.entries(series['metric']).map(([name, value]) => [name, String(value)]));
    const samples = series['values'].map((pair: unknown): [number, number] => {
      const [seconds, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
      return [Math.round(Number(seconds) * 1000), Number(value)];
    });
    return { labels, samples };
  });
}

/** Warnings of a response: `warnings` of Prometheus and Thanos, `isPartial` of a VictoriaMetrics cluster. */
function warningsOf(body: unknown): string[] {
  if (!isRecord(body)) return [];
  const warnings: unknown[] = Array.isArray(body['warnings']) ? body['warnings'] : [];
  return [...warnings.map(String), ...(body['isPartial'] === true ? ['the response is partial'] : [])];
}

const HEADER = /^([\w!#$%&'*+.^`|~-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*?)[ \t]*$/;

/**
 * Headers as a file has them, `Name: value` on each line; empty lines and lines that start with # are skipped.
 * @throws UsageError with the number of the line, and nothing of what may be a secret
 */
export function parseHeaders(text: string, file: string): Record<string, string> {
  const headers: Record<string, string> = {};
  for (const [index, line] of text.split(/\r?\n/).entries()) {
    if (/^\s*(#|$)/.test(line)) continue;
    const [, name, value = ''] = HEADER.exec(line) ?? [];
    if (name === undefined) throw new UsageError(`${file}:${index + 1}: no header: write Name: value`);
    headers[name.toLowerCase()] = value;
  }
  return headers;
}

/** The reason in an error response, as one line. */
function reasonOf(status: number, text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // The page of a proxy: the status is enough.
  }
  const error = isRecord(body) && typeof body['error'] === 'string' ? body['error'] : '';
  return `HTTP ${status}${error === '' ? '' : `: ${oneLine(error, 300)}`}`;
}

const HINTS: readonly (readonly [RegExp, string])[] = [
  [/^HTTP 40[13]/, 'Check the user and the password of --prometheus.url, or --prometheus.headers-file'],
  [/^HTTP 404/, 'If the server has a path in front of /api/v1, --prometheus.url must end with it'],
  [/certificate/i, 'Let NODE_EXTRA_CA_CERTS name a file with the CA of the server'],
];

function hintFor(reason: string): string {
  const [, hint] = HINTS.find(([pattern]) => pattern.test(reason)) ?? [];
  return hint ?? 'Check --prometheus.url and that the server responds to queries';
}

/** @throws UsageError when the URL cannot be used */
export function createPrometheus({ url, headers, dispatcher, onWarning }: PrometheusOptions): Prometheus {
  const { endpoint, shown, authorization } = targetOf(url);

  async function send(form: URLSearchParams, signal: AbortSignal): Promise<RawSeries[]> {
    const response = await request(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization === undefined ? {} : { authorization }),
        ...headers,
      },
      body: form.toString(),
      dispatcher,
      signal,
    });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(reasonOf(response.statusCode, text));
    const body = parseJson(text);
    for (const warning of warningsOf(body)) onWarning(`${shown}: ${oneLine(warning, 300)}`);
    return parseMatrix(body);
  }

  return {
    async samples(selector, from, to, signal) {
      // A range selector of Prometheus 2 includes both ends, of Prometheus 3 only the later one: request a little
      // more, and leave out what is before `from`.
      const form = new URLSearchParams({ query: `${selector}[${to - from}ms]`, time: String((to - 1) / 1000) });
      try {
        const series = await send(form, signal);
        return series.map(({ labels, samples }) => ({ labels, samples: samples.filter(([ms]) => ms >= from) }));
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message || String(error.cause) : String(error);
        throw new OperationError(`${shown}: ${reason}\n${hintFor(reason)}`, { cause: error });
      }
    },
  };
}
