import type { Dispatcher } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { SigningConfig } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { isFromKeptConnection } from './kept-connections.ts';
import { authorization, type SigningKey, signingTimestamp } from './signature.ts';
import { errorMessage } from '../core/format.ts';

const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';

/** The server may have closed several kept connections at once; each costs a try. */
const MAX_TRIES = 3;

/** The headers and body of a request, as they are signed and sent. */
export interface PreparedRequest {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly signed: Readonly<Record<string, string>>;
  readonly body: Uint8Array;
}

export interface SendOptions {
  readonly url: string;
  readonly accessKey: string;
  /** Called for every request, so that a renewed key is used at once. */
  readonly secretKey: () => Promise<string>;
  readonly signing: SigningConfig;
  readonly dispatcher: () => Promise<Dispatcher>;
  /** Of the interface; default {@link SYSINDEX_PATH}. */
  readonly path?: string;
  readonly clock: Clock;
  /** A longer response is an error. */
  readonly maxBodyBytes: number;
  /** For debugging a signature: called with what is about to be sent. */
  readonly onPrepared?: (prepared: PreparedRequest) => void;
}

/** Builds and signs one request. A retry must be prepared anew: the timestamp is part of the signature. */
function prepare(
  payload: object,
  key: SigningKey,
  options: Pick<SendOptions, 'url' | 'signing' | 'path'>,
  now: number,
): PreparedRequest {
  const { path = SYSINDEX_PATH } = options;
  const body = Buffer.from(JSON.stringify(payload), 'utf8');
  const sent: Record<string, string> = {
    'content-type': 'application/json;charset=UTF-8',
    'content-length': String(body.length),
    // URL.host leaves out the port when it is the scheme's default, just as the header does.
    host: options.signing.host ?? new URL(options.url).host,
  };
  const signed = Object.fromEntries(options.signing.headers.map((name) => [name, sent[name] ?? '']));
  const timestamp = signingTimestamp(now, options.signing.milliseconds);
  const authorizationValue = authorization({ method: 'POST', path, headers: signed, body }, key, timestamp);
  // Without accept-encoding, a server may choose any (RFC 9110, 12.5.3).
  const more = { accept: 'application/json', 'accept-encoding': 'identity', authorization: authorizationValue };
  const headers = { ...sent, ...more };
  return { path, headers, signed, body };
}

async function readSecretKey(options: SendOptions): Promise<string> {
  try {
    return await options.secretKey();
  } catch (cause) {
    throw new ApiError(`Cannot read the secret key: ${errorMessage(cause)}`, {
      reason: 'auth',
      hint: 'Check secret_key_file and its permissions',
      cause,
    });
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

/** One request and its response, as far as it is read without looking into it. */
export interface Exchange {
  readonly prepared: PreparedRequest;
  readonly status: number;
  readonly headers: Dispatcher.ResponseData['headers'];
  readonly body: string;
  /** What looks wrong about the keys; the reason to tell when the signature is refused. */
  readonly keyProblem: string | undefined;
}

/** Mistakes in writing a key down that only the CMS can tell for sure. */
function keyProblem({ accessKey, secretKey }: SigningKey): string | undefined {
  for (const [name, value] of [
    ['access_key', accessKey],
    ['secret_key', secretKey],
  ]) {
    if (value === undefined) continue;
    if (/^(["']).*\1$/s.test(value)) return `The value of ${name} is in quotes, which are part of it: remove them`;
    if (/^\$[A-Za-z_]\w*$/.test(value)) return `The value of ${name} starts with $: write \${NAME} for a variable`;
    if (value.trim() !== value) return `The value of ${name} starts or ends with a blank: remove it`;
  }
  return undefined;
}

/** Called as soon as the headers of a response are there, with the local time at which its request was sent. */
export type OnHeaders = (headers: Dispatcher.ResponseData['headers'], sentAt: number) => void;

async function sendOnce(payload: object, options: SendOptions, signal: AbortSignal, onHeaders: OnHeaders) {
  const { url, clock } = options;
  const dispatcher = await options.dispatcher();
  const key = { accessKey: options.accessKey, secretKey: await readSecretKey(options) };
  const sentAt = clock.now();
  const prepared = prepare(payload, key, options, sentAt);
  options.onPrepared?.(prepared);
  const responded = dispatcher.request({
    origin: new URL(url).origin,
    path: prepared.path,
    method: 'POST',
    headers: prepared.headers,
    body: prepared.body,
    signal,
    headersTimeout: 0,
    bodyTimeout: 0,
  });
  const { statusCode: status, headers, body: stream } = await orAborted(responded, signal);
  onHeaders(headers, sentAt);
  const body = readLimited(stream, url, options.maxBodyBytes);
  // The status says enough when the page that goes with it does not come whole.
  const text = await (status === 200 ? body : body.catch(() => ''));
  return { prepared, status, headers, body: text, keyProblem: keyProblem(key) };
}

async function readLimited(stream: AsyncIterable<Uint8Array>, origin: string, maxBytes: number): Promise<string> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of stream) {
    size += part.length;
    if (size > maxBytes) {
      throw new ApiError(`${origin}: the response is larger than ${Math.round(maxBytes / 1024)} KiB`, {
        reason: 'invalid',
        hint: 'Check that url points to the CC-CMS server',
      });
    }
    parts.push(part);
  }
  // Drops the byte order mark that some servers put before JSON.
  return new TextDecoder().decode(Buffer.concat(parts));
}

/**
 * Signs and sends one request and reads its response. Where the server ends a kept connection instead of a whole
 * response, the request is signed anew and sent on another connection.
 * @throws what undici throws; ApiError when there is no key or the response is too large; an error when `signal` is aborted
 */
export async function send(
  payload: object,
  options: SendOptions,
  signal: AbortSignal,
  onHeaders: OnHeaders,
): Promise<Exchange> {
  for (let tries = 1; ; tries++) {
    try {
      return await sendOnce(payload, options, signal, onHeaders);
    } catch (error) {
      if (tries === MAX_TRIES || signal.aborted || !isFromKeptConnection(error)) throw error;
    }
  }
}
