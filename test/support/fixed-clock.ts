import { type Clock, systemClock } from '../../src/core/clock.ts';

export interface FixedClock extends Clock {
  /** Waits that were asked for, apart from the time limits of requests. */
  readonly waits: number[];
}

/** Stands still at `now`; waits end at once, except for `timeoutMs`, the time limit of a request. */
export function fixedClock(now: number, timeoutMs = 10_000): FixedClock {
  const waits: number[] = [];
  return {
    waits,
    now: () => now,
    monotonic: () => systemClock.monotonic(),
    sleep: (ms, signal) => {
      if (ms === timeoutMs) return systemClock.sleep(ms, signal);
      waits.push(ms);
      return Promise.resolve();
    },
  };
}
