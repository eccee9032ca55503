import { setMaxListeners } from 'node:events';
import { ApiError, type FailureReason } from '../core/errors.ts';
import type { Redact } from './json-values.ts';
import { compressed, fromStatus, notJson, retryAfter, timedOut } from './response-errors.ts';
import { parseResponse, type ResponseBody } from './response.ts';
import { type PreparedRequest, send, type SendOptions } from './signed-request.ts';
import { fromTransport } from './error-mapping.ts';

/** A row is some 300 bytes. A server that ignores `limit` sends all rows at once; one that never ends is cut off. */
const MAX_BYTES_PER_ROW = 1024;
const MIN_BODY_LIMIT = 256 * 1024;
const MAX_BODY_LIMIT = 16 * 1024 * 1024;

/** The size limit of a response body in bytes, with generous room for the rows that were requested. */
export function bodyLimit(expectedRows: number): number {
  return Math.min(MAX_BODY_LIMIT, MIN_BODY_LIMIT + expectedRows * MAX_BYTES_PER_ROW);
}

/** The outcome of one request, for metrics. */
export interface RequestReport {
  readonly durationMs: number;
  readonly failure: FailureReason | undefined;
  /** The CMS' own code, when it reported a failure. */
  readonly resultCode: string | undefined;
  /** Their clock minus ours, from the Date header; undefined when there was none. */
  readonly skewMs: number | undefined;
}

export interface TransportOptions extends Omit<SendOptions, 'maxBodyBytes'> {
  /** Time limit of one request, from connecting to the last byte. */
  readonly timeoutMs: number;
  readonly onRequest: (report: RequestReport) => void;
}

export interface RequestOptions extends TransportOptions {
  /** Rows that the whole query may bring: they bound the size of a response. */
  readonly expectedRows: number;
  /** Finds the rows in the body of a response; default {@link parseResponse}. */
  readonly parse?: (body: unknown, redact: Redact) => ResponseBody;
}

/** A page of rows. */
export interface PageResponse extends ResponseBody {
  /** Removes from a text what the response may repeat of the request's secrets. */
  readonly redact: Redact;
}

/** Their clock minus ours; the header has whole seconds, so half a second is added on average. */
function skewOf(date: string | undefined, sentAt: number, receivedAt: number): number | undefined {
  const theirs = date?.endsWith(' GMT') !== true ? NaN : Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - (sentAt + receivedAt) / 2;
}

/**
 * Removes from text of a response what it may repeat of the request's secrets. Use it where such text enters an error
 * or a log line, never on data.
 */
function redactor({ headers }: PreparedRequest, accessKey: string): Redact {
  const signature = headers['authorization']?.split('/').at(-1) ?? '';
  // A short access key may be an ordinary word, and is hardly a secret.
  const secrets = [signature, accessKey].filter((secret) => secret.length >= 8);
  const spellings = secrets.flatMap((secret) => {
    const json = JSON.stringify(secret).slice(1, -1);
    return [secret, json, json.replaceAll('/', '\\/'), encodeURIComponent(secret)];
  });
  return (text) => spellings.reduce((rest, spelling) => rest.replaceAll(spelling, '[hidden]'), text);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function parseJson(text: string, origin: string, encoding: string, redact: Redact): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Some servers name a charset there, or nothing: what is JSON was not compressed.
    if (!['', 'identity'].includes(encoding.trim().toLowerCase())) throw compressed(origin, redact(encoding));
    throw notJson(origin, redact(text), cause);
  }
}

async function exchange(
  payload: object,
  options: RequestOptions,
  signal: AbortSignal,
  onSkew: (skewMs: number | undefined) => void,
): Promise<PageResponse> {
  const { url, clock, accessKey, parse = parseResponse } = options;
  let skewMs: number | undefined;
  const limited = { ...options, maxBodyBytes: bodyLimit(options.expectedRows) };
  const { prepared, status, headers, body, keyProblem } = await send(payload, limited, signal, (early, sentAt) => {
    skewMs = skewOf(single(early['date']), sentAt, clock.now());
    onSkew(skewMs);
  });
  const redact = redactor(prepared, accessKey);
  if (status !== 200) {
    // A date in Retry-After is one of their clock.
    const wait = retryAfter(single(headers['retry-after']), clock.now() + (skewMs ?? 0));
    throw fromStatus(url, status, { body: redact(body), retryAfterMs: wait, skewMs, keyProblem });
  }
  const encoding = single(headers['content-encoding']) ?? 'identity';
  return { ...parse(parseJson(body, url, encoding, redact), redact), redact };
}

/**
 * Sends one signed POST and parses its response.
 * @throws ApiError for everything that can go wrong, except that `signal` was aborted: then its reason
 */
export async function post(payload: object, options: RequestOptions, signal: AbortSignal): Promise<PageResponse> {
  const { clock, url, timeoutMs } = options;
  signal.throwIfAborted();
  const done = new AbortController();
  // Not AbortSignal.any: its signals would be kept in memory as long as `signal`, that is, until the process ends.
  const ending = new AbortController();
  const end = () => {
    ending.abort();
  };
  // As many listeners as requests in progress; Node.js 20 warns of more than ten.
  setMaxListeners(0, signal);
  signal.addEventListener('abort', end);
  void clock.sleep(timeoutMs, done.signal).then(end);
  const started = clock.monotonic();
  let skewMs: number | undefined;
  let failure: ApiError | undefined;
  try {
    return await exchange(payload, options, ending.signal, (skew) => (skewMs = skew));
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof ApiError) failure = error;
    else failure = ending.signal.aborted ? timedOut(url, timeoutMs) : fromTransport(error, url);
    throw failure;
  } finally {
    done.abort();
    signal.removeEventListener('abort', end);
    if (!signal.aborted) {
      const { reason, resultCode } = failure ?? {};
      options.onRequest({ durationMs: clock.monotonic() - started, failure: reason, resultCode, skewMs });
    }
  }
}
