import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Clock } from './clock.ts';

/** A scrape waits no longer than this for work that can be done in pieces. */
const TURN_MS = 5;

/** To be called between two pieces of a long piece of work: lets others have the event loop when it is their turn. */
export function createYield(clock: Pick<Clock, 'monotonic'>): () => Promise<void> {
  let since = clock.monotonic();
  return async () => {
    if (clock.monotonic() - since < TURN_MS) return;
    await nextTurn();
    since = clock.monotonic();
  };
}
