import { setMaxListeners } from 'node:events';
import { ApiError, type FailureReason } from '../core/errors.ts';
import { type Answer, parseAnswer } from './rows.ts';
import { compressed, fromStatus, fromTransport, notJson, retryAfter, timedOut } from './error-mapping.ts';
import { type PreparedRequest, send, type SendOptions } from './signed-request.ts';

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

export interface TransportOptions extends SendOptions {
  readonly timeoutMs: number;
  readonly onRequest: (report: RequestReport) => void;
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
  // Drops the byte order mark that some servers put before JSON.
  return new TextDecoder().decode(Buffer.concat(parts));
}

/** Their clock minus ours; the header has whole seconds, so half a second is added on average. */
function skewOf(date: string | undefined, sentAt: number, receivedAt: number): number | undefined {
  const theirs = date?.endsWith(' GMT') !== true ? NaN : Date.parse(date);
  return Number.isNaN(theirs) ? undefined : theirs + 500 - (sentAt + receivedAt) / 2;
}

/** Takes out what an answer may repeat of the request's secrets before any of it gets into a message. */
function withoutEchoes(text: string, { headers }: PreparedRequest, accessKey: string): string {
  const signature = headers['authorization']?.split('/').at(-1) ?? '';
  // A short access key is as good as any word, and no secret to speak of.
  const secrets = [signature, accessKey].filter((secret) => secret.length >= 8);
  const spellings = secrets.flatMap((secret) => {
    const json = JSON.stringify(secret).slice(1, -1);
    return [secret, json, json.replaceAll('/', '\\/'), encodeURIComponent(secret)];
  });
  return spellings.reduce((rest, spelling) => rest.replaceAll(spelling, '[hidden]'), text);
}

function single(header: string | string[] | undefined): string | undefined {
  return Array.isArray(header) ? header[0] : header;
}

function parseJson(text: string, origin: string, encoding: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    // Some servers name a charset there, or nothing: what is JSON was not compressed.
    if (!['', 'identity'].includes(encoding.trim().toLowerCase())) throw compressed(origin, encoding);
    throw notJson(origin, text, cause);
  }
}

async function exchange(
  payload: object,
  options: TransportOptions,
  signal: AbortSignal,
  onSkew: (skewMs: number | undefined) => void,
): Promise<Answer> {
  const { url, clock } = options;
  const { prepared, sentAt, response } = await send(payload, options, signal);
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
  const text = withoutEchoes(await body, prepared, options.accessKey);
  const encoding = withoutEchoes(
    single(response.headers['content-encoding']) ?? 'identity',
    prepared,
    options.accessKey,
  );
  return parseAnswer(parseJson(text, url, encoding));
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
