import type { Clock } from '../core/clock.ts';

export interface RateLimit {
  /** A request becomes free again after this time. */
  readonly intervalMs: number;
  /** Requests that may come at once. */
  readonly burst: number;
}

/** A token bucket: each call takes a token if there is one, and returns whether there was. */
export function rateLimiter({ intervalMs, burst }: RateLimit, clock: Pick<Clock, 'monotonic'>): () => boolean {
  let tokens = burst;
  let filledAt = clock.monotonic();
  return () => {
    const now = clock.monotonic();
    tokens = Math.min(burst, tokens + (now - filledAt) / intervalMs);
    filledAt = now;
    if (tokens < 1) return false;
    tokens -= 1;
    return true;
  };
}
