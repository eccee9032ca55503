import { createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A request as it was received; `body` holds the raw bytes. */
export interface SignedRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: Uint8Array;
}

export interface SignatureRules {
  readonly accessKey: string;
  readonly secretKey: string;
  /** Milliseconds since the epoch. */
  readonly now: number;
  readonly maxClockSkewMs: number;
}

const TIMESTAMP = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z$/;
const HEADER_NAME = /^[a-z0-9!#$%&'*+.^_`|~-]+$/;

const hmac = (key: string, message: string): string => createHmac('sha256', key).update(message).digest('hex');

/** Percent-encodes every byte except the unreserved characters of RFC 3986. */
function normalize(bytes: Uint8Array): string {
  let text = '';
  for (const byte of bytes) {
    const character = String.fromCharCode(byte);
    text += /[A-Za-z0-9._~-]/.test(character) ? character : `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
  }
  return text;
}

function canonicalHeader(name: string, value: string | string[] | undefined = ''): string {
  const text = Array.isArray(value) ? value.join(',') : value;
  // Node reads header bytes as latin1.
  return `${normalize(Buffer.from(name))}:${normalize(Buffer.from(text, 'latin1'))}`;
}

/** Why the auth-v2 signature of a request is refused, or undefined when it is good. */
export function refuseSignature(request: SignedRequest, rules: SignatureRules): string | undefined {
  const { authorization } = request.headers;
  if (authorization === undefined) return 'The Authorization header is missing';
  const [scheme, accessKey, timestamp, names, signature, ...rest] = authorization.split('/');
  if (
    scheme !== 'auth-v2' ||
    accessKey === undefined ||
    timestamp === undefined ||
    names === undefined ||
    signature === undefined ||
    rest.length > 0
  ) {
    return 'The Authorization header is not auth-v2/AK/timestamp/headers/signature';
  }
  if (accessKey !== rules.accessKey) return 'The access key is unknown';

  const time = TIMESTAMP.test(timestamp) ? Date.parse(timestamp) : NaN;
  if (Number.isNaN(time)) return 'The timestamp is not yyyy-MM-ddTHH:mm:ss.SSSZ';
  if (Math.abs(time - rules.now) > rules.maxClockSkewMs) return 'The timestamp is too far from the clock of the server';

  const signed = names.split(';');
  if (signed.some((name) => !HEADER_NAME.test(name))) return 'A signed header is not a lower-case header name';
  if (signed.some((name, i) => i > 0 && name <= (signed[i - 1] ?? ''))) return 'The signed headers are not sorted';
  if (!signed.includes('host')) return 'The host header is not signed';

  const missing = signed.find((name) => request.headers[name] === undefined);
  if (missing !== undefined) return `The signed header ${missing} was not sent`;

  const lines = signed.map((name) => canonicalHeader(name, request.headers[name]));
  const canonical = [request.method, request.path, names, ...lines.sort(), normalize(request.body)].join('\n');
  const prefix = `auth-v2/${accessKey}/${timestamp}/${names}`;
  const expected = Buffer.from(hmac(hmac(rules.secretKey, prefix), canonical));
  const given = Buffer.from(signature);
  return given.length === expected.length && timingSafeEqual(given, expected)
    ? undefined
    : 'The signature does not match';
}
