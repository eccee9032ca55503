import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL, Asked } from '../src/asked.ts';
import { WINDOW_MS } from '../src/window.ts';

const at = (index: number) => index * WINDOW_MS;
const range = (from: number, to: number) => ({ from: at(from), to: at(to) });
const upTo = (asked: Asked, unit: number) => (asked.upTo(unit) ?? NaN) / WINDOW_MS;

describe('what was asked for', () => {
  it('moves on with every range that follows or overlaps, and not across a gap', () => {
    const asked = new Asked([[1, at(10)]]);
    asked.note(1, range(11, 14), at(20), at(0));
    expect(upTo(asked, 1)).toBe(13);
    asked.note(1, range(12, 16), at(20), at(0));
    expect(upTo(asked, 1)).toBe(15);
    asked.note(1, range(18, 20), at(20), at(0));
    expect(upTo(asked, 1)).toBe(15);
  });

  it('moves over what was asked for beyond a gap once the gap is filled from its newer end', () => {
    const asked = new Asked([[1, at(10)]]);
    asked.note(1, range(30, 33), at(40), at(0));
    asked.note(1, range(20, 30), at(40), at(0));
    asked.note(1, range(31, 34), at(40), at(0));
    expect(upTo(asked, 1)).toBe(10);
    asked.note(1, range(11, 20), at(40), at(0));
    expect(upTo(asked, 1)).toBe(33);
  });

  it('begins anew when the clock went back behind it', () => {
    const asked = new Asked([[ALL, at(100)]]);
    asked.note(ALL, range(60, 63), at(62), at(50));
    expect(upTo(asked, ALL)).toBe(49);
    asked.note(ALL, range(50, 60), at(62), at(50));
    expect(upTo(asked, ALL)).toBe(62);
  });

  it('knows nothing of units that are not asked for', () => {
    const asked = new Asked([[1, at(10)]]);
    asked.note(2, range(0, 30), at(40), at(0));
    expect(asked.upTo(2)).toBeUndefined();
    expect([...asked.entries()]).toEqual([[1, at(10)]]);
  });

  it('never says more than what was really asked for', () => {
    const ranges = fc.array(
      fc.record({ from: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 8 }) }),
    );
    fc.assert(
      fc.property(ranges, (list) => {
        const asked = new Asked([[1, at(9)]]);
        const truth = new Set<number>();
        for (const { from, length } of list) {
          asked.note(1, range(from, from + length), at(100), at(0));
          for (let index = from; index < from + length; index++) truth.add(index);
          for (let index = 10; index <= upTo(asked, 1); index++) expect(truth.has(index)).toBe(true);
        }
      }),
    );
  });
});
