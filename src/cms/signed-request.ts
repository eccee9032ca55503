import { type Dispatcher, errors, request } from 'undici';
import type { Clock } from '../core/clock.ts';
import type { SigningConfig } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { authorization, type SigningKey, signingTimestamp } from './signature.ts';
import { errorMessage } from '../core/format.ts';

export const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';

/** Several kept connections may have been closed at once; each costs a try. */
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
  /** Called for every request, so that a rotated key is used at once. */
  readonly secretKey: () => Promise<string>;
  readonly signing: SigningConfig;
  readonly dispatcher: Dispatcher;
  readonly clock: Clock;
  /** For people who debug a signature: what is about to be sent. */
  readonly onPrepared?: (prepared: PreparedRequest) => void;
}

/** Builds and signs one request. A retry must be prepared anew: the timestamp is part of the signature. */
export function prepare(
  payload: object,
  key: SigningKey,
  options: Pick<SendOptions, 'url' | 'signing'>,
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
  // Without accept-encoding, a server may choose any (RFC 9110, 12.5.3).
  const more = { accept: 'application/json', 'accept-encoding': 'identity', authorization: authorizationValue };
  const headers = { ...sent, ...more };
  return { path: SYSINDEX_PATH, headers, signed, body };
}

async function readSecretKey(options: SendOptions): Promise<string> {
  try {
    return await options.secretKey();
  } catch (cause) {
    throw new ApiError(`The secret key cannot be read: ${errorMessage(cause)}`, {
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

/** Whether a connection that had served before was closed by the other side instead of an answer. */
function wasStale(error: unknown): boolean {
  return error instanceof errors.SocketError && (error.socket?.bytesRead ?? 0) > 0;
}

export interface Sent {
  readonly prepared: PreparedRequest;
  readonly sentAt: number;
  readonly response: Dispatcher.ResponseData;
}

async function sendOnce(payload: object, options: SendOptions, signal: AbortSignal): Promise<Sent> {
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
  return { prepared, sentAt, response: await orAborted(answered, signal) };
}

/**
 * Signs and sends one request, and again where the server had closed the kept connection just then.
 * @throws what undici throws, ApiError when there is no key, or an error when `signal` is aborted
 */
export async function send(payload: object, options: SendOptions, signal: AbortSignal): Promise<Sent> {
  for (let tries = 1; ; tries++) {
    try {
      return await sendOnce(payload, options, signal);
    } catch (error) {
      if (tries === MAX_TRIES || !wasStale(error)) throw error;
    }
  }
}
