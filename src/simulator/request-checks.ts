import type { IncomingMessage } from 'node:http';
import type { MatchedFaults } from './faults.ts';
import { interfaceAt } from './interfaces.ts';
import { refuseSignature } from './signature.ts';

const CONTENT_TYPE = /^application\/json;\s*charset=utf-8$/i;

export interface CheckRules {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly checkSignatures: boolean;
  readonly maxClockSkewMs: number;
}

/** The response to a request that gets no rows. */
export interface Refusal {
  readonly status: number;
  readonly body: object;
  /** What is wrong with the request; undefined when a fault of the simulator refuses a correct one. */
  readonly reason: string | undefined;
}

/** A request as it was received: `query` is what its interface made of `body`. `now` is in milliseconds since the epoch. */
export interface ReceivedRequest<AnyQuery> {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly query: AnyQuery | string;
  readonly now: number;
}

/** Returns the query of a correct request, or the response that refuses it. The faults `unauthorized` and `code` apply. */
export function checkRequest<AnyQuery extends object>(
  received: ReceivedRequest<AnyQuery>,
  rules: CheckRules,
  faults: MatchedFaults,
): AnyQuery | Refusal {
  const refused = faults.has('unauthorized')
    ? httpRefusal(401, 'The signature does not match')
    : checkHttp(received, rules);
  if (refused !== undefined) return refused;
  const code = faults.get('code');
  if (code !== undefined) return refusal(code.code ?? '0100001', 'Failed to invoke the interface', undefined);
  const { query } = received;
  return typeof query === 'string' ? refusal('0100002', `Invalid parameter: ${query}`, query) : query;
}

function checkHttp({ request, body, now }: ReceivedRequest<object>, rules: CheckRules): Refusal | undefined {
  const { url, method, headers } = request;
  if (url === undefined || interfaceAt(url) === undefined) return httpRefusal(404, 'There is no such resource');
  if (method !== 'POST') return httpRefusal(405, 'Only POST is supported');
  if (rules.checkSignatures) {
    const text = refuseSignature({ method, path: url, headers, body }, { ...rules, now });
    if (text !== undefined) return httpRefusal(401, text);
  }
  if (CONTENT_TYPE.test(headers['content-type'] ?? '')) return undefined;
  return httpRefusal(415, 'The content type is not application/json;charset=UTF-8');
}

function httpRefusal(status: number, reason: string): Refusal {
  return { status, body: { errorCode: String(status), errorMsg: reason }, reason };
}

function refusal(resultCode: string, resultDesc: string, reason: string | undefined): Refusal {
  return { status: 200, body: { resultCode, resultDesc }, reason };
}
