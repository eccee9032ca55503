import { setTimeout as delay } from 'node:timers/promises';

/** The only source of time. Tests pass one that they turn by hand. */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch; may jump (NTP step, resume after suspend). */
  now(): number;
  /** Milliseconds that only ever go up; for measuring durations. */
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
      // Aborted: the caller looks at the signal.
    }
  },
};
