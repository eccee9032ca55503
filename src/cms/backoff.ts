import { WINDOW_MS } from '../core/window.ts';

/** Longest wait between two tries of a failing API: at least one try in each window. */
export const MAX_BACKOFF_MS = WINDOW_MS;

/** A Retry-After beyond this is treated as a mistake. */
const MAX_RETRY_AFTER_MS = 3_600_000;

/** Limits a Retry-After to one hour. Milliseconds in and out; 0 when there was none. */
export function capRetryAfter(retryAfterMs: number | undefined): number {
  return Math.min(retryAfterMs ?? 0, MAX_RETRY_AFTER_MS);
}

/**
 * Milliseconds to wait before the next try of a failing API: exponential backoff with jitter, so that many exporters
 * do not come back at the same time. At least `retryIntervalMs`, and at least what Retry-After requests.
 * @param failures in a row, from 1
 */
export function backoff(
  failures: number,
  retryIntervalMs: number,
  random: () => number,
  retryAfterMs?: number,
): number {
  const max = Math.max(retryIntervalMs, Math.min(MAX_BACKOFF_MS, retryIntervalMs * 2 ** Math.min(failures, 16)));
  return Math.max(retryIntervalMs + random() * (max - retryIntervalMs), capRetryAfter(retryAfterMs));
}

/** Wait before the next catch-up when the API refused `times` in a row: one window, doubled each time, at most one hour. */
export function catchUpBackoff(times: number): number {
  return Math.min(MAX_RETRY_AFTER_MS, WINDOW_MS * 2 ** Math.min(times - 1, 16));
}
