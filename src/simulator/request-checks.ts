import type { IncomingMessage } from 'node:http';
import type { MatchedFaults } from './faults.ts';
import type { Query } from './query.ts';
import { refuseSignature } from './signature.ts';

export const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';
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

/** A request as it was received: `query` is what `readQuery` made of `body`. `now` is in milliseconds since the epoch. */
export interface ReceivedRequest {
  readonly request: IncomingMessage;
  readonly body: Buffer;
  readonly query: Query | string;
  readonly now: number;
}

/** Returns the query of a correct request, or the response that refuses it. The faults `unauthorized` and `code` apply. */
export function checkRequest(received: ReceivedRequest, rules: CheckRules, faults: MatchedFaults): Query | Refusal {
  const refused = faults.has('unauthorized')
    ? httpRefusal(401, 'The signature does not match')
    : checkHttp(received, rules);
  if (refused !== undefined) return refused;
  const code = faults.get('code');
  if (code !== undefined) return refusal(code.code ?? '0100001', 'Failed to invoke the interface', undefined);
  const { query } = received;
  return typeof query === 'string' ? refusal('0100002', `Invalid parameter: ${query}`, query) : query;
}

function checkHttp({ request, body, now }: ReceivedRequest, rules: CheckRules): Refusal | undefined {
  const { url, method, headers } = request;
  if (url !== SYSINDEX_PATH) return httpRefusal(404, 'There is no such resource');
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
