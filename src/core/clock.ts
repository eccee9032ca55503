import { setTimeout as delay } from 'node:timers/promises';

/** The only source of time. Tests pass one that they control. */
export interface Clock {
  /** Wall clock: milliseconds since the epoch. It may jump (NTP, a manual change, resume after suspend). */
  now(): number;
  /** Monotonic clock: milliseconds that never go back. Use it to measure durations. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
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

/** Timers stop while the machine is suspended and do not follow changes of the wall clock: check it this often. */
const CHECK_INTERVAL_MS = 5_000;

/**
 * Sleeps until the wall clock shows `wakeAt` (milliseconds since the epoch). Also wakes when the monotonic clock has
 * counted the time that was left at the call: a wall clock that is set back does not make the sleep longer.
 * Returns at once when `signal` is aborted.
 */
export async function sleepUntil(clock: Clock, wakeAt: number, signal: AbortSignal): Promise<void> {
  const monotonicWakeAt = clock.monotonic() + wakeAt - clock.now();
  for (;;) {
    const left = Math.min(wakeAt - clock.now(), monotonicWakeAt - clock.monotonic());
    if (left <= 0 || signal.aborted) return;
    await clock.sleep(Math.min(left, CHECK_INTERVAL_MS), signal);
  }
}
