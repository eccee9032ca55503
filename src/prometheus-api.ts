/** The query API of Prometheus, and of what speaks like it: VictoriaMetrics, Thanos, Mimir. */
import { type Dispatcher, request } from 'undici';
import { OperationError, UsageError } from './errors.ts';

/** Samples of one series, oldest first. */
export interface RawSeries {
  readonly labels: Readonly<Record<string, string>>;
  /** Milliseconds since the epoch, and the value. */
  readonly samples: readonly (readonly [ms: number, value: number])[];
}

export interface PrometheusOptions {
  /** As the user gave it; may carry a user and a password, and a path in front of `/api/v1`. */
  readonly url: string;
  readonly dispatcher: Dispatcher;
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

function targetOf(url: string): Target {
  if (!URL.canParse(url)) throw new UsageError('--prometheus.url is no URL: write http://localhost:9090');
  const { protocol, username, password, host, pathname } = new URL(url);
  if (protocol !== 'http:' && protocol !== 'https:') {
    throw new UsageError('--prometheus.url must begin with http:// or https://');
  }
  const shown = `${protocol}//${host}${pathname.replace(/\/$/, '')}`;
  const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return {
    endpoint: new URL(`${shown}/api/v1/query`),
    shown,
    authorization: credentials === ':' ? undefined : `Basic ${Buffer.from(credentials).toString('base64')}`,
  };
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws when it is not a matrix as the query API documents it */
function parseMatrix(body: unknown): RawSeries[] {
  const data = isRecord(body) && body['status'] === 'success' ? body['data'] : undefined;
  const result = isRecord(data) && data['resultType'] === 'matrix' ? data['result'] : undefined;
  if (!Array.isArray(result)) throw new Error('the answer is not a matrix');
  return result.map((series: unknown) => {
    if (!isRecord(series) || !isRecord(series['metric']) || !Array.isArray(series['values'])) {
      throw new Error('a series of the answer has no values');
    }
    const labels = Object.fromEntries(Object.entries(series['metric']).map(([name, value]) => [name, String(value)]));
    const samples = series['values'].map((pair: unknown): [number, number] => {
      const [seconds, value] = Array.isArray(pair) ? (pair as unknown[]) : [];
      return [Math.round(Number(seconds) * 1000), Number(value)];
    });
    return { labels, samples };
  });
}

/** What a refusal says of itself, without line breaks. */
function reasonOf(status: number, text: string): string {
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    // A proxy's page: the status says enough.
  }
  const error = isRecord(body) && typeof body['error'] === 'string' ? body['error'] : '';
  return `HTTP ${status}${error === '' ? '' : `: ${error.replaceAll(/\s+/g, ' ').slice(0, 300)}`}`;
}

/** @throws UsageError when the URL cannot be used */
export function createPrometheus({ url, dispatcher }: PrometheusOptions): Prometheus {
  const { endpoint, shown, authorization } = targetOf(url);

  async function ask(form: URLSearchParams, signal: AbortSignal): Promise<RawSeries[]> {
    const response = await request(endpoint, {
      method: 'POST',
      headers: {
        'content-type': 'application/x-www-form-urlencoded',
        ...(authorization === undefined ? {} : { authorization }),
      },
      body: form.toString(),
      dispatcher,
      signal,
    });
    const text = await response.body.text();
    if (response.statusCode !== 200) throw new Error(reasonOf(response.statusCode, text));
    return parseMatrix(JSON.parse(text));
  }

  return {
    async samples(selector, from, to, signal) {
      // A range selector of Prometheus 2 takes both ends in, of Prometheus 3 only the later one: ask for a little
      // more, and leave out what is before `from`.
      const form = new URLSearchParams({ query: `${selector}[${to - from}ms]`, time: String((to - 1) / 1000) });
      try {
        const series = await ask(form, signal);
        return series.map(({ labels, samples }) => ({ labels, samples: samples.filter(([ms]) => ms >= from) }));
      } catch (error) {
        signal.throwIfAborted();
        const reason = error instanceof Error ? error.message || String(error.cause) : String(error);
        throw new OperationError(`${shown}: ${reason}\nCheck --prometheus.url and that the server answers queries`, {
          cause: error,
        });
      }
    },
  };
}
