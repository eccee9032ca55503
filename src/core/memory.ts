import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** V8 options that save memory, and that V8 11 to 13 takes at run time (docs/performance.md has the figures). */
export const MEMORY_OPTIONS = [
  // The young generation stays at 1 MB a half; V8 would let it grow to 16 MB.
  '--semi-space-growth-factor=1',
  // A collection of the old generation starts when it has grown by 30 %; V8 would wait until it has doubled or more.
  '--heap-growing-percent=30',
  // The parser of the HTTP client is WebAssembly. Its second, optimizing compilation would take 10 MB.
  '--liftoff-only',
];

/**
 * Makes V8 trade a little CPU time for memory. Call it before the program loads its modules: a young generation that has
 * grown does not shrink.
 */
export function keepMemorySmall(): void {
  for (const option of MEMORY_OPTIONS) setFlagsFromString(option);
}

/**
 * Collects all garbage, once, when everything is loaded. Until its first full collection V8 does not apply the limit of
 * growth, and a first poll of 5,000 VDNs would leave 25 MB of garbage resident. Takes some 10 ms.
 */
export function collectGarbage(): void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  collect();
  setFlagsFromString('--no-expose-gc');
}
