import { setMaxListeners } from 'node:events';
import { type Dispatcher, request } from 'undici';
import type { Clock } from '../clock.ts';
import type { SigningConfig } from '../config/schema.ts';
import { ApiError, type FailureReason } from '../errors.ts';
import { type Answer, parseAnswer } from './rows.ts';
import { fromStatus, fromTransport, notJson, retryAfter, timedOut } from './failures.ts';
import { authorization, type SigningKey, signingTimestamp } from './sign.ts';

export const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';

/** A page of 100 rows is some 30 kB; a server that ignores `limit` gets room, one that never ends does not. */
export const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** What became of one request; for metrics. */
export interface RequestReport {
  readonly durationMs: number;
  readonly failure: FailureReason | undefined;
  /** The CMS' own code, when it reported a failure. */
  readonly resultCode: string | undefined;
  /** Their clock minus ours, from the Date header; undefined when there was none. */
  readonly skewMs: number | undefined;
}

/** The headers and body of a request, as they are signed and sent. */
export interface PreparedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signed: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface TransportOptions {
  readonly url: string;
  readonly accessKey: string;
  /** Called for every request, so that a rotated key is used at once. */
  readonly secretKey: () => Promise<string>;
  readonly signing: SigningConfig;
  readonly timeoutMs: number;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  readonly onRequest: (report: RequestReport) => void;
  /** For people who debug a signature: what is about to be sent. */
  readonly onPrepared?: (prepared: PreparedRequest) => void;
}

/** Builds and signs one request. A retry must be prepared anew: the timestamp is part of the signature. */
export function prepare(
  payload: object,
  key: SigningKey,
  options: Pick<TransportOptions, 'url' | 'signing'>,
  now: number,
): PreparedRequest {
  const body = Buffer.from(JSON.stringify(payload), 'utf8');
  const sent: Record<string, string> = {
    'content-type': 'application/json;charset=UTF-8',
    'content-length': String(body.length),
    // URL.host leaves out the port when it is the scheme's default, just as the header does.
    host: options.signing.host ?? new URL(options.url).host,
  };
  const signed = Object.fromEntries(options.signing.headers.map((name) => [name, sent[name] ?? '']));
  const timestamp = signingTimestamp(now, options.signing.milliseconds);
  const authorizationValue = authorization(
    { method: 'POST', path: SYSINDEX_PATH, headers: signed, body },
    key,
    timestamp,
  );
  const headers = { ...sent, accept: 'application/json', authorization: authorizationValue };
  return { path: SYSINDEX_PATH, headers, signed, body };
}

async function readLimited(stream: AsyncIterable<Uint8Array>, origin: string): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > MAX_BODY_BYTES) {
      throw new ApiError(`${origin}: the answer is larger than ${MAX_BODY_BYTES / 1024 / 1024} MiB`, {
        reason: 'invalid',
        hint: 'Check that url points to the CC-CMS server',
      });
    }
    parts.push(part);
  }
  return Buffer.concat(parts).toString('utf8');
}

/** Their clock minus ours; the header has whole seconds, so half a second is added on average. */
function skewOf(date: string | undefined, sentAt: number, receivedAt: number): number | undefined {
  const theirs = date === undefined ? NaN : Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - (sentAt + receivedAt) / 2;
}

/** Takes out what an answer may repeat of the request's secrets before any of it gets into a message. */
function withoutEchoes(text: string, { headers }: PreparedRequest, accessKey: string): string {
  const signature = headers['authorization']?.split('/').at(-1) ?? '';
  // A short access key is as good as any word, and no secret to speak of.
  const secrets = [signature, accessKey].filter((secret) => secret.length >= 8);
  return secrets.reduce((rest, secret) => rest.replaceAll(secret, '[hidden]'), text);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

async function readSecretKey(options: TransportOptions): Promise<string> {
  try {
    return await options.secretKey();
  } catch (cause) {
    throw new ApiError(`The secret key cannot be read: ${cause instanceof Error ? cause.message : 'unknown error'}`, {
      reason: 'auth',
      hint: 'Check secret_key_file and its permissions',
      cause,
    });
  }
}

function parseJson(text: string, origin: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw notJson(origin, text, cause);
  }
}

/** Rejects as soon as `signal` is aborted: undici itself looks at it only when the connection is there. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    signal.addEventListener('abort', () => {
      reject(new Error('Aborted'));
    });
    promise.then(resolve, reject);
  });
}

async function exchange(
  payload: object,
  options: TransportOptions,
  signal: AbortSignal,
  onSkew: (skewMs: number | undefined) => void,
): Promise<Answer> {
  const { url, clock, dispatcher } = options;
  const secretKey = await readSecretKey(options);
  const sentAt = clock.now();
  const prepared = prepare(payload, { accessKey: options.accessKey, secretKey }, options, sentAt);
  options.onPrepared?.(prepared);
  const answered = request(new URL(prepared.path, url), {
    method: 'POST',
    headers: prepared.headers,
    body: prepared.body,
    dispatcher,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const response = await orAborted(answered, signal);
  const skewMs = skewOf(single(response.headers['date']), sentAt, clock.now());
  onSkew(skewMs);
  const body = readLimited(response.body, url);
  if (response.statusCode !== 200) {
    // The status says enough when the page that goes with it does not come whole.
    const page = withoutEchoes(await body.catch(() => ''), prepared, options.accessKey);
    // A date is one of their clock.
    const wait = retryAfter(single(response.headers['retry-after']), clock.now() + (skewMs ?? 0));
    throw fromStatus(url, response.statusCode, page, wait);
  }
  return parseAnswer(parseJson(withoutEchoes(await body, prepared, options.accessKey), url));
}

/**
 * Sends one signed POST and takes its answer apart.
 * @throws ApiError for everything that can go wrong, except that `signal` was aborted: then its reason
 */
export async function post(payload: object, options: TransportOptions, signal: AbortSignal): Promise<Answer> {
  const { clock, url, timeoutMs } = options;
  signal.throwIfAborted();
  const done = new AbortController();
  // Not AbortSignal.any: what it makes is never let go of by a signal that lives as long as the process.
  const ending = new AbortController();
  const end = () => {
    ending.abort();
  };
  // As many listeners as requests under way; Node.js 20 takes more than ten for a leak.
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
