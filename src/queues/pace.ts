import { type Clock, sleepUntil } from '../core/clock.ts';

/** Runs something when it may start. Rejects with the reason of `signal` when that is aborted before. */
export type Pace = <Result>(run: () => Promise<Result>, signal: AbortSignal) => Promise<Result>;

/**
 * Runs one at a time, each at least `intervalMs` after the end of the one before. So a server gets the requests that far
 * apart, however long they take on their way. The first one waits as long, too: another process may have sent one.
 */
export function createPace(clock: Clock, intervalMs: number): Pace {
  let next = clock.monotonic() + intervalMs;
  let last: Promise<unknown> = Promise.resolve();
  return (run, signal) => {
    const inTurn = async () => {
      // Only the monotonic clock: a wall clock that is set forward must not allow more.
      await sleepUntil(clock, { now: Infinity, monotonic: next }, signal);
      signal.throwIfAborted();
      try {
        return await run();
      } finally {
        next = clock.monotonic() + intervalMs;
      }
    };
    const result = last.then(inTurn);
    last = result.catch(() => undefined);
    return result;
  };
}
