import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/**
 * Makes V8 trade a little CPU time for memory. Call it before the program loads its modules: a young generation that has
 * grown does not shrink. Each flag takes effect at run time in V8 11 to 13 (docs/performance.md has the figures).
 */
export function keepMemorySmall(): void {
  // The young generation stays at 1 MB a half; V8 would let it grow to 16 MB.
  setFlagsFromString('--semi-space-growth-factor=1');
  // A collection of the old generation starts when it has grown by 30 %; V8 would wait until it has doubled or more.
  setFlagsFromString('--heap-growing-percent=30');
}

/**
 * Collects all garbage, once, when everything is loaded. Until its first full collection V8 does not apply the limit
 * above, and a first poll of 5,000 VDNs would leave 25 MB of garbage resident. Takes some 10 ms.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  setFlagsFromString('--no-expose-gc');
}
