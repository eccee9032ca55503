/** Helps with a 401: shows what was signed and sent, and the likely causes. */
import type { PreparedRequest } from '../cms/signed-request.ts';
import { canonicalRequest } from '../cms/signature.ts';
import type { CallCenterConfig } from '../config/schema.ts';

/** Servers of this scheme tolerate some minutes; half a minute is more than NTP leaves. */
const NOTABLE_SKEW_MS = 30_000;

/** The canonical request, the body and the headers of a request, as text. Never the secret key. */
export function describeRequest({ path, headers, signed, body }: PreparedRequest): string {
  const canonical = canonicalRequest({ method: 'POST', path, headers: signed, body });
  const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}`);
  return [
    '--- canonical request (what is signed) ---',
    canonical,
    '--- headers sent ---',
    ...lines,
    '--- body sent ---',
    Buffer.from(body).toString('utf8'),
    '---\n',
  ].join('\n');
}

export interface Refusal {
  readonly config: CallCenterConfig;
  /** Clock of the CMS minus ours; undefined when it sent no Date header. */
  readonly skewMs: number | undefined;
  /** For its form only; it is not shown. */
  readonly secretKey: string;
}

/** Possible reasons of a 401 that can be checked here, the most likely first. */
export function explainRefusal({ config, skewMs, secretKey }: Refusal): string[] {
  const { signing, url, accessKey } = config;
  return [
    clock(skewMs),
    keys(accessKey, secretKey),
    `Signed headers: ${signing.headers.join(';')}. Some servers want host alone: try signing.headers: [host]`,
    host(url, signing.host),
    `The timestamp is sent ${signing.milliseconds ? 'with' : 'without'} milliseconds: try signing.milliseconds: ${String(!signing.milliseconds)}`,
  ];
}

function clock(skewMs: number | undefined): string {
  if (skewMs === undefined)
    return 'Clock: the response has no Date header, so the clocks cannot be compared: check NTP';
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= NOTABLE_SKEW_MS) return `Clock: within ${seconds}s of the CMS, that is not the reason`;
  const direction = skewMs > 0 ? 'behind' : 'ahead of';
  return `Clock: this machine is ${seconds}s ${direction} the CMS, which is a likely reason: check NTP on both`;
}

function keys(accessKey: string, secretKey: string): string {
  const padded = [
    ...(accessKey === accessKey.trim() ? [] : ['access_key']),
    ...(secretKey === secretKey.trim() ? [] : ['the secret key']),
  ];
  const shape = `access_key has ${accessKey.length} characters, the secret key ${secretKey.length}`;
  if (padded.length > 0) return `Keys: ${padded.join(' and ')} begins or ends with white space; ${shape}`;
  return `Keys: ${shape}: compare both with what the CMS issued`;
}

function host(url: string, configured: string | undefined): string {
  const own = new URL(url).host;
  if (configured !== undefined && configured !== own) {
    return `Host: ${configured} is sent and signed (signing.host), the URL says ${own}: try without signing.host`;
  }
  return `Host: ${own} is sent and signed; a gateway that rewrites it breaks the signature: set signing.host to what the CMS sees`;
}
