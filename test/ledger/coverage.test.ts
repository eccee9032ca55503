import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { ALL, QueryCoverage } from '../../src/ledger/coverage.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const at = (index: number) => index * WINDOW_MS;
const range = (from: number, to: number) => ({ from: at(from), to: at(to) });
const upTo = (coverage: QueryCoverage, unit: number) => (coverage.coveredUpTo(unit) ?? NaN) / WINDOW_MS;

describe('a query coverage', () => {
  it('grows with every range that follows or overlaps, and not across a gap', () => {
    const coverage = new QueryCoverage([[1, at(10)]]);
    coverage.markCovered(1, range(11, 14), at(20), at(0));
    expect(upTo(coverage, 1)).toBe(13);
    coverage.markCovered(1, range(12, 16), at(20), at(0));
    expect(upTo(coverage, 1)).toBe(15);
    coverage.markCovered(1, range(18, 20), at(20), at(0));
    expect(upTo(coverage, 1)).toBe(15);
  });

  it('takes in what was queried beyond a gap once the gap is filled from its newer end', () => {
    const coverage = new QueryCoverage([[1, at(10)]]);
    coverage.markCovered(1, range(30, 33), at(40), at(0));
    coverage.markCovered(1, range(20, 30), at(40), at(0));
    coverage.markCovered(1, range(31, 34), at(40), at(0));
    expect(upTo(coverage, 1)).toBe(10);
    coverage.markCovered(1, range(11, 20), at(40), at(0));
    expect(upTo(coverage, 1)).toBe(33);
  });

  it('starts anew when the clock went back behind it', () => {
    const coverage = new QueryCoverage([[ALL, at(100)]]);
    coverage.markCovered(ALL, range(60, 63), at(62), at(50));
    expect(upTo(coverage, ALL)).toBe(49);
    coverage.markCovered(ALL, range(50, 60), at(62), at(50));
    expect(upTo(coverage, ALL)).toBe(62);
  });

  it('knows nothing of units that are not queried', () => {
    const coverage = new QueryCoverage([[1, at(10)]]);
    coverage.markCovered(2, range(0, 30), at(40), at(0));
    expect(coverage.coveredUpTo(2)).toBeUndefined();
    expect([...coverage.entries()]).toEqual([[1, at(10)]]);
  });

  it('never claims more than what was really queried', () => {
    const ranges = fc.array(
      fc.record({ from: fc.integer({ min: 0, max: 60 }), length: fc.integer({ min: 1, max: 8 }) }),
    );
    fc.assert(
      fc.property(ranges, (list) => {
        const coverage = new QueryCoverage([[1, at(9)]]);
        const truth = new Set<number>();
        for (const { from, length } of list) {
          coverage.markCovered(1, range(from, from + length), at(100), at(0));
          for (let index = from; index < from + length; index++) truth.add(index);
          for (let index = 10; index <= upTo(coverage, 1); index++) expect(truth.has(index)).toBe(true);
        }
      }),
    );
  });
});
