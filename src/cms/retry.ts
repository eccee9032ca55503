import type { post } from './request.ts';
import { ApiError } from '../core/errors.ts';
import { backoff } from './backoff.ts';

type Send = typeof post;

/** Tries of one request. Their waits add up to about 8 minutes: longer than a restart of the CMS. */
const MAX_TRIES = 10;
const RETRY_INTERVAL_MS = 1000;

/** Codes that describe the state of the CMS, not our request (AICC "Error Code Reference"). */
const TRANSIENT_CODES = new Set(['0100001', '0100999']);
const TRANSIENT_STATUS = new Set([408, 425, 429]);

/** Whether the same request may succeed a little later. A refused signature or certificate will not. */
export function isTransient({ reason, status = 0, resultCode = '' }: ApiError): boolean {
  if (reason === 'http') return status >= 500 || TRANSIENT_STATUS.has(status);
  if (reason === 'api') return TRANSIENT_CODES.has(resultCode);
  return reason === 'network' || reason === 'timeout' || reason === 'invalid';
}

export interface RetryOptions {
  /** 0 <= random() < 1. */
  readonly random: () => number;
  /** Called before each wait. */
  readonly onRetry: (failure: ApiError, waitMs: number) => void;
  /** Called with the number of rows of each response. */
  readonly onRows: (rows: number) => void;
}

/**
 * Wraps `send` so that a request that failed for a transient reason is repeated, after a pause that grows and that
 * Retry-After can make longer. Only the page that failed is repeated, not the pages before it.
 */
export function withRetry(send: Send, { random, onRetry, onRows }: RetryOptions): Send {
  return async (payload, options, signal) => {
    for (let tries = 1; ; tries++) {
      try {
        const response = await send(payload, options, signal);
        onRows(response.rows.length);
        return response;
      } catch (error) {
        if (!(error instanceof ApiError) || !isTransient(error) || tries >= MAX_TRIES) throw error;
        const wait = backoff(tries, RETRY_INTERVAL_MS, random, error.retryAfterMs);
        onRetry(error, wait);
        await options.clock.sleep(wait, signal);
        signal.throwIfAborted();
      }
    }
  };
}
