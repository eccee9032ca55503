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

/** Timers stand still while a machine is suspended and know nothing of clock steps: look at the clock this often. */
const CHECK_INTERVAL_MS = 5_000;

/** Waits `ms` by the wall clock or the monotonic one, whichever is first: a clock step either way ends the wait in time. */
export async function sleepFor(clock: Clock, ms: number, signal: AbortSignal): Promise<void> {
  const wakeAt = clock.now() + ms;
  const monotonicWakeAt = clock.monotonic() + ms;
  for (;;) {
    const left = Math.min(wakeAt - clock.now(), monotonicWakeAt - clock.monotonic());
    if (left <= 0 || signal.aborted) return;
    await clock.sleep(Math.min(left, CHECK_INTERVAL_MS), signal);
  }
}
