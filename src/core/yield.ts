import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** Long work gives the event loop a turn after this time, so a scrape waits no longer. */
const SLICE_MS = 5;

/**
 * Returns `yieldIfDue`. Long work calls it between two steps; when {@link SLICE_MS} have passed since the last pause,
 * it lets the event loop handle other events first.
 */
export function createYield(clock: Pick<Clock, 'monotonic'>): () => Promise<void> {
  let since = clock.monotonic();
  return async () => {
    if (clock.monotonic() - since < SLICE_MS) return;
    await nextTurn();
    since = clock.monotonic();
  };
}
