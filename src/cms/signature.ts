import { createHmac } from 'node:crypto';

/** What auth-v2 signs. `path` is without the query; `headers` are the ones to be signed, by any spelling of their names. */
export interface SignableRequest {
  readonly method: string;
  readonly path: string;
  /** Without the question mark; empty when there is none. */
  readonly query?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The very bytes that are sent. */
  readonly body: Uint8Array;
}

export interface SigningKey {
  readonly accessKey: string;
  readonly secretKey: string;
}

const UNRESERVED = new Set(Buffer.from('ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~'));
const ESCAPED = Array.from({ length: 256 }, (_, byte) =>
  UNRESERVED.has(byte) ? String.fromCharCode(byte) : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
);

/** Percent-encodes every byte but the unreserved ones of RFC 3986 (`encodeURIComponent` would leave `!'()*` alone). */
export function normalize(text: string | Uint8Array): string {
  let out = '';
  for (const byte of typeof text === 'string' ? Buffer.from(text, 'utf8') : text) out += ESCAPED[byte] ?? '';
  return out;
}

/** UTC, `yyyy-MM-ddTHH:mm:ss.SSSZ`, or without the milliseconds. */
export function signingTimestamp(now: number, milliseconds = true): string {
  const iso = new Date(now).toISOString();
  return milliseconds ? iso : iso.replace(/\.\d{3}Z$/, 'Z');
}

/** Lower-case names of the signed headers, sorted and joined with `;`. */
export function signedHeaderNames(headers: SignableRequest['headers']): string {
  return Object.keys(headers)
    .map((name) => name.toLowerCase())
    .sort()
    .join(';');
}

/** The text that auth-v2 signs (vendor's "C2 Monitoring ... Interface Authentication"). */
export function canonicalRequest(request: SignableRequest): string {
  const lines = Object.entries(request.headers)
    .map(([name, value]) => `${normalize(name.toLowerCase())}:${normalize(value)}`)
    .sort();
  return [
    request.method,
    request.path,
    ...(request.query ? [request.query] : []),
    signedHeaderNames(request.headers),
    ...lines,
    normalize(request.body),
  ].join('\n');
}

/**
 * The value of the Authorization header.
 * @param timestamp as {@link signingTimestamp} writes it
 */
export function authorization(request: SignableRequest, key: SigningKey, timestamp: string): string {
  const prefix = `auth-v2/${key.accessKey}/${timestamp}/${signedHeaderNames(request.headers)}`;
  // The hex text of the first digest, not its bytes, is the key of the second.
  const signingKey = createHmac('sha256', key.secretKey).update(prefix).digest('hex');
  const signature = createHmac('sha256', signingKey).update(canonicalRequest(request)).digest('hex');
  return `${prefix}/${signature}`;
}
