import { isIP } from 'node:net';
import { ProxyFailure } from '../cms/proxy.ts';
import { NameLookupError } from '../cms/resolver.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import type { ApiError } from '../core/errors.ts';
import type { Finding } from './findings.ts';

/** The steps of a request, in order. Each needs all before it. */
const STEPS = ['proxy', 'dns', 'tcp', 'tls', 'http', 'signature', 'permission'] as const;
type Step = (typeof STEPS)[number];

/** A certificate that expires sooner than this is a warning. */
const CERTIFICATE_WARNING_MS = 14 * 86_400_000;

/** More skew than NTP leaves. Servers of this signature scheme accept some minutes. */
const SKEW_WARNING_MS = 30_000;

/** What a request to a call center showed. */
export interface Attempt {
  readonly config: CallCenterConfig;
  /** Host and port of the proxy; undefined without one. */
  readonly proxy: string | undefined;
  readonly failure: ApiError | undefined;
  /** When the first certificate of the chain expires; undefined without TLS. */
  readonly certificateEndsAt: number | undefined;
  /** Clock of the CMS minus ours; undefined when it sent no Date header. */
  readonly skewMs: number | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function causesOf(error: unknown): unknown[] {
  const causes: unknown[] = [];
  for (let cause = error; cause instanceof Error && causes.length < 10; cause = cause.cause) causes.push(cause);
  return causes;
}

/** The step at which a request failed; undefined when it got a response of sysindex. */
function failedStep({ failure, certificateEndsAt }: Attempt): Step | undefined {
  if (failure === undefined || failure.reason === 'incomplete') return undefined;
  const causes = causesOf(failure);
  if (causes.some((cause) => cause instanceof ProxyFailure)) return 'proxy';
  if (causes.some((cause) => cause instanceof NameLookupError)) return 'dns';
  switch (failure.reason) {
    case 'tls':
      return 'tls';
    case 'auth':
      return 'signature';
    case 'api':
      return 'permission';
    case 'http':
    case 'invalid':
      return 'http';
    case 'network':
    case 'timeout':
      // Without a cause the connection was made, and the response did not come.
      return certificateEndsAt === undefined && failure.cause !== undefined ? 'tcp' : 'http';
  }
}

function tls({ config, certificateEndsAt, now }: Attempt): Omit<Finding, 'step'> {
  if (config.url.startsWith('http:'))
    return { status: 'warning', detail: 'Not used: url starts with http://', remedy: 'Use https:// if the CMS has it' };
  const until = certificateEndsAt === undefined ? 'unknown' : new Date(certificateEndsAt).toISOString().slice(0, 10);
  const detail = `Certificate valid until ${until}`;
  if (config.tls.insecureSkipVerify) {
    const remedy = 'Set tls.ca_file, and remove tls.insecure_skip_verify';
    return { status: 'warning', detail: `${detail}; it is not verified`, remedy };
  }
  if (certificateEndsAt !== undefined && certificateEndsAt - now < CERTIFICATE_WARNING_MS)
    return { status: 'warning', detail, remedy: 'Renew the certificate of the CMS' };
  return { status: 'ok', detail };
}

function passed(step: Step, attempt: Attempt): Omit<Finding, 'step'> {
  const host = new URL(attempt.config.url).hostname.replace(/^\[|\]$/g, '');
  switch (step) {
    case 'proxy':
      return { status: 'ok', detail: `Connected through ${attempt.proxy ?? ''}` };
    case 'dns':
      if (attempt.proxy !== undefined) return { status: 'ok', detail: 'Left to the proxy' };
      return { status: 'ok', detail: isIP(host) > 0 ? 'Not needed: url has an address' : `Found ${host}` };
    case 'tcp':
      return { status: 'ok', detail: 'Connected' };
    case 'tls':
      return tls(attempt);
    case 'http':
      return { status: 'ok', detail: 'The CMS responded' };
    case 'signature':
      return { status: 'ok', detail: 'Accepted' };
    case 'permission':
      return { status: 'ok', detail: 'The access key may read sysindex' };
  }
}

/** The clock decides about signatures, so a skew names it even when a later step failed. */
function clock({ skewMs }: Attempt): Finding {
  if (skewMs === undefined) return { step: 'clock', status: 'skipped', detail: 'The CMS sent no Date header' };
  const seconds = Math.round(Math.abs(skewMs) / 1000);
  if (Math.abs(skewMs) <= SKEW_WARNING_MS)
    return { step: 'clock', status: 'ok', detail: `Within ${seconds} s of the clock of the CMS` };
  const direction = skewMs > 0 ? 'behind' : 'ahead of';
  const detail = `This machine is ${seconds} s ${direction} the CMS`;
  return { step: 'clock', status: 'warning', detail, remedy: 'Check NTP on both: a wrong clock breaks signatures' };
}

/** One finding for each step of a request, and one for the clock. Steps after the one that failed are skipped. */
export function connectionFindings(attempt: Attempt): Finding[] {
  const failing = failedStep(attempt);
  const failedAt = failing === undefined ? STEPS.length : STEPS.indexOf(failing);
  const steps = STEPS.filter((step) => step !== 'proxy' || attempt.proxy !== undefined);
  const findings = steps.map((step): Finding => {
    const index = STEPS.indexOf(step);
    if (index > failedAt) return { step, status: 'skipped', detail: `Needs ${failing ?? ''}` };
    if (step !== failing || attempt.failure === undefined) return { step, ...passed(step, attempt) };
    return { step, status: 'failed', detail: attempt.failure.message, remedy: attempt.failure.hint };
  });
  const beforeSignature = findings.findIndex(({ step }) => step === 'signature');
  return failedAt < STEPS.indexOf('http')
    ? findings
    : [...findings.slice(0, beforeSignature), clock(attempt), ...findings.slice(beforeSignature)];
}
