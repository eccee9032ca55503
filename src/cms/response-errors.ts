import { ApiError } from '../core/errors.ts';
import { count, oneLine } from '../core/format.ts';
import { ALLOWED, MANGLED, NOT_CMS } from './error-mapping.ts';

/** The request took longer than `poll.timeout`. */
export function timedOut(origin: string, timeoutMs: number): ApiError {
  return new ApiError(`${origin}: no complete response within ${timeoutMs / 1000}s`, {
    reason: 'timeout',
    hint: `Check the load of the CMS and that ${ALLOWED}; raise poll.timeout if the CMS is just slow`,
  });
}

/** Delay that a Retry-After header requests, in either form; undefined when there is none that makes sense. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** The title of an HTML page: enough to recognise a firewall's refusal. */
function pageTitle(body: string): string {
  const title = oneLine(/<title[^>]*>([^<]{1,200})/i.exec(body)?.[1] ?? '', 80);
  return title ? ` with a page titled "${title}"` : '';
}

export interface StatusDetails {
  /** Without secrets that it may repeat. */
  readonly body: string;
  readonly retryAfterMs: number | undefined;
  /** Their clock minus ours, when they sent a `Date`. */
  readonly skewMs: number | undefined;
  /** Hints about keys that look wrong. */
  readonly keyProblem: string | undefined;
}

/** Clocks that differ by more than this are the likeliest reason for a refused signature. */
const MAX_SKEW_MS = 60_000;

function hintFor401({ skewMs = 0, keyProblem }: StatusDetails): string {
  if (keyProblem !== undefined) return keyProblem;
  if (Math.abs(skewMs) > MAX_SKEW_MS) {
    const direction = skewMs > 0 ? 'behind' : 'ahead of';
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    return `Check the clock of this machine: it is ${count(seconds, 'second')} ${direction} that of the CMS, and the signature contains the time; query --debug-signature shows what was signed`;
  }
  return 'Check access_key and secret_key, the clock of this machine, and the signing options; query --debug-signature shows what was signed';
}

/** A response whose status is not 200. */
export function fromStatus(origin: string, status: number, details: StatusDetails): ApiError {
  const common = { status, retryAfterMs: details.retryAfterMs };
  if (status === 401) {
    const hint = hintFor401(details);
    return new ApiError(`${origin}: HTTP 401, the signature was refused`, { ...common, reason: 'auth', hint });
  }
  const hints: Readonly<Record<number, string>> = {
    403: "A firewall may refuse this machine: have its source address allow-listed; if the page is the CMS' own, check the permissions of the access key",
    404: 'Check that url points to the CC-CMS server, without a path',
    407: 'Check the credentials in proxy_url',
    429: 'The CMS or a firewall limits requests: lower poll.concurrency or raise poll.retry_interval',
  };
  const fallback = status >= 500 ? 'The CMS or the gateway in front of it has a problem: look there' : NOT_CMS;
  return new ApiError(`${origin}: HTTP ${status}${pageTitle(details.body)}`, {
    ...common,
    reason: 'http',
    hint: hints[status] ?? fallback,
  });
}

/** A response with status 200 that is not JSON. */
export function notJson(origin: string, body: string, cause: unknown): ApiError {
  const isPage = /^\s*</.test(body);
  return new ApiError(
    isPage
      ? `${origin}: the response is a web page${pageTitle(body)}, not JSON`
      : `${origin}: the response is ${body.trim() === '' ? 'empty' : `not complete JSON (${body.length} characters)`}`,
    {
      reason: 'invalid',
      hint: isPage ? 'A portal or firewall responds instead of the CMS: check url and the path to it' : MANGLED,
      cause,
    },
  );
}

/** A response in a coding that was not requested. */
export function compressed(origin: string, encoding: string): ApiError {
  return new ApiError(`${origin}: the response is compressed (${oneLine(encoding, 40)}), which was not requested`, {
    reason: 'invalid',
    hint: 'Have the gateway in front of the CMS not compress responses to requests that accept identity only',
  });
}
