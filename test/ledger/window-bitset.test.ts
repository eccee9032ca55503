import fc from 'fast-check';
import { expect, it } from 'vitest';
import { WindowBitset } from '../../src/ledger/window-bitset.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const T0 = Date.UTC(2026, 10, 18, 8);
const SPAN = 40;
const at = (index: number) => T0 + index * WINDOW_MS;

/** The span starts anywhere in a byte, moves by any number of windows, and is stored and restored at times. */
const scenarios = fc.record({
  first: fc.nat(7),
  events: fc.array(
    fc.oneof(
      fc.record({ kind: fc.constant('add' as const), by: fc.nat(SPAN - 1) }),
      fc.record({ kind: fc.constant('move' as const), by: fc.nat(2 * SPAN) }),
      fc.record({ kind: fc.constant('store' as const), by: fc.constant(0) }),
    ),
    { maxLength: 60 },
  ),
  from: fc.integer({ min: -20, max: SPAN + 20 }),
  length: fc.integer({ min: -5, max: SPAN + 40 }),
});

it('holds what a plain set holds, however its span moves and however often it is stored', () => {
  fc.assert(
    fc.property(scenarios, ({ first, events, from, length }) => {
      let horizonStart = at(first);
      let set = new WindowBitset(horizonStart, SPAN);
      let plain = new Set<number>();
      for (const { kind, by } of events) {
        if (kind === 'add') {
          set.add(horizonStart + by * WINDOW_MS);
          plain.add(horizonStart + by * WINDOW_MS);
        } else if (kind === 'move') {
          horizonStart += by * WINDOW_MS;
          set.moveTo(horizonStart);
          plain = new Set([...plain].filter((start) => start >= horizonStart));
        } else {
          set = new WindowBitset(horizonStart, SPAN, set.toString());
        }
      }
      const start = horizonStart + from * WINDOW_MS;
      const windows = Array.from({ length: Math.max(0, length) }, (_, i) => start + i * WINDOW_MS);
      const end = start + length * WINDOW_MS;
      expect(windows.filter((start) => set.has(start))).toEqual(windows.filter((start) => plain.has(start)));
      expect(set.count(start, end)).toBe(windows.filter((start) => plain.has(start)).length);
      expect(set.present(start, end)).toEqual(windows.filter((start) => plain.has(start)));
      expect(set.absent(start, end)).toEqual(windows.filter((start) => !plain.has(start)));
    }),
    { numRuns: 2000 },
  );
});

it('keeps what was stored of a longer span', () => {
  const long = new WindowBitset(at(3), 100);
  for (let index = 3; index < 103; index++) long.add(at(index));
  const short = new WindowBitset(at(3), 10, long.toString());
  expect(short.count(at(0), at(200))).toBe(100);
});

it('uses no space for windows to come', () => {
  const set = new WindowBitset(T0, 8928);
  expect(set.toString()).toBe('');
  set.add(at(9));
  expect(set.toString()).toHaveLength(4);
});
