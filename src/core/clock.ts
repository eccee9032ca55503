import { setTimeout as delay } from 'node:timers/promises';

/** The only source of time. Tests pass one that they control. */
export interface Clock {
  /** Wall clock: milliseconds since the epoch. It may jump (NTP, a manual change, resume after suspend). */
  now(): number;
  /** Monotonic clock: milliseconds that never go back. Use it to measure durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** {@link sleepUntil} checks the clocks this often; by default every 5 seconds. */
  readonly checkIntervalMs?: number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(Math.max(0, ms), undefined, signal === undefined ? {} : { signal });
    } catch {
      // Aborted: the caller checks the signal.
    }
  },
};

/**
 * A moment by both clocks. A deadline has passed when either clock says so: the wall clock may be set back, and the
 * monotonic clock stands still while a machine is suspended.
 */
export interface Moment {
  readonly now: number;
  readonly monotonic: number;
}

/** The moment at which this is called. */
export function momentOf(clock: Pick<Clock, 'now' | 'monotonic'>): Moment {
  return { now: clock.now(), monotonic: clock.monotonic() };
}

/** The moment `ms` milliseconds after another. */
export function after({ now, monotonic }: Moment, ms: number): Moment {
  return { now: now + ms, monotonic: monotonic + ms };
}

/** Whole milliseconds, rounded up, from `at` to a deadline by the clock that reaches it first; 0 when it has passed. */
export function msUntil(deadline: Moment, at: Moment): number {
  return Math.max(0, Math.ceil(Math.min(deadline.now - at.now, deadline.monotonic - at.monotonic)));
}

/** Timers stand still while a machine is suspended and ignore clock steps: check the clocks this often. */
const CHECK_INTERVAL_MS = 5_000;

/** Resolves when the deadline has passed by either clock, or when `signal` is aborted. Never rejects. */
export async function sleepUntil(clock: Clock, deadline: Moment, signal: AbortSignal): Promise<void> {
  for (;;) {
    const left = msUntil(deadline, momentOf(clock));
    if (left === 0 || signal.aborted) return;
    await clock.sleep(Math.min(left, clock.checkIntervalMs ?? CHECK_INTERVAL_MS), signal);
  }
}
