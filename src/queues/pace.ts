import { after, type Clock, type Moment, momentOf, sleepUntil } from '../core/clock.ts';

/**
 * Limits how often something starts. The function that it returns resolves when the next start is allowed: `intervalMs`
 * after the one before, and after the creation. It rejects when its signal is aborted.
 */
export function createPace(clock: Clock, intervalMs: number): (signal: AbortSignal) => Promise<void> {
  let next = after(momentOf(clock), intervalMs);
  return async (signal) => {
    // Only the monotonic clock: a wall clock that is set forward must not allow more.
    const turn: Moment = { now: Infinity, monotonic: Math.max(next.monotonic, clock.monotonic()) };
    next = after(turn, intervalMs);
    await sleepUntil(clock, turn, signal);
    signal.throwIfAborted();
  };
}
