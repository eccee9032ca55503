import { setTimeout as delay } from 'node:timers/promises';
import type { Clock } from '../../src/core/clock.ts';

/**
 * What a sleep does. `wait`: it ends when the test advances the clock far enough. `pass`: its time passes at once.
 * `skip`: it ends at once, and no time passes. `real`: it takes real time, or ends when the test advances the clock.
 */
export type Sleeping = 'wait' | 'pass' | 'skip' | 'real';

export interface FakeClockOptions {
  /** Default: every sleep waits. */
  readonly sleeps?: Sleeping | ((ms: number, signal: AbortSignal | undefined) => Sleeping);
  /** Called at the start of every sleep. */
  readonly beforeSleep?: (ms: number, signal: AbortSignal | undefined) => Promise<void> | void;
  /** Whether time also passes by itself; default: it stands still until the test advances it. */
  readonly runs?: boolean;
}

/** The one clock of the tests. */
export class FakeClock implements Clock {
  /** The sleeps that ended at once because they are skipped, in milliseconds. */
  readonly skipped: number[] = [];
  #wall: number;
  #elapsed = 0;
  readonly #options: FakeClockOptions;
  readonly #startedAt = performance.now();
  readonly #sleepers = new Set<{ readonly at: number; readonly wake: () => void }>();

  /** @param now milliseconds since the epoch */
  constructor(now: number, options: FakeClockOptions = {}) {
    this.#wall = now;
    this.#options = options;
  }

  now(): number {
    return this.#wall + this.monotonic();
  }

  monotonic(): number {
    return this.#elapsed + (this.#options.runs === true ? performance.now() - this.#startedAt : 0);
  }

  /** How many sleeps wait. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    const before = this.#options.beforeSleep?.(ms, signal);
    return before === undefined ? this.#sleep(ms, signal) : before.then(() => this.#sleep(ms, signal));
  }

  #sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    const { sleeps = 'wait' } = this.#options;
    const how = typeof sleeps === 'function' ? sleeps(ms, signal) : sleeps;
    if (how === 'skip') {
      this.skipped.push(ms);
      return Promise.resolve();
    }
    if (how === 'pass') {
      this.advance(Math.max(1, ms));
      return Promise.resolve();
    }
    return new Promise((resolve) => {
      const stop = new AbortController();
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        stop.abort();
        resolve();
      };
      const sleeper = { at: this.monotonic() + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake);
      if (how === 'real') delay(ms, undefined, { signal: stop.signal }).then(wake, () => undefined);
    });
  }

  /** Time passes, and the sleeps that are over end. */
  advance(ms: number): void {
    this.#elapsed += ms;
    for (const sleeper of [...this.#sleepers]) if (sleeper.at <= this.monotonic()) sleeper.wake();
  }

  /** Sets the wall clock forward or back; the monotonic clock does not notice. */
  step(ms: number): void {
    this.#wall += ms;
  }
}

/** Stands still; sleeps are skipped, except for the time limits of requests (`timeoutMs`), which take real time. */
export function fixedClock(now: number, timeoutMs = 10_000): FakeClock {
  return new FakeClock(now, { sleeps: (ms) => (ms === timeoutMs ? 'real' : 'skip') });
}

/** Every sleep passes at once, except for the time limits of requests (`timeoutMs`), which take real time. */
export function impatientClock(now: number, timeoutMs = 10_000): FakeClock {
  return new FakeClock(now, { sleeps: (ms) => (ms === timeoutMs ? 'real' : 'pass') });
}
