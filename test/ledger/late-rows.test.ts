import { describe, expect, it } from 'vitest';
import type { Query } from '../../src/cms/client.ts';
import { ApiError } from '../../src/core/errors.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import {
  responseTo,
  at,
  catchUp,
  describeQuery,
  type HasRow,
  poll,
  queriesOf,
  soonAfter,
  startedAt,
  withZeros,
} from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 48 };
const CUT_OFF = new ApiError('Cut off', { reason: 'invalid', hint: 'None' });

/** A catch-up whose queries all fail. */
function failCatchUp(ledger: Ledger, index: number): Query[] {
  const plan = ledger.catchUp(at(index));
  if (plan === undefined) return [];
  const queries = [...queriesOf(plan)];
  for (const query of queries) {
    const result = { windows: [], rejected: [], failure: CUT_OFF };
    ledger.record(query, result, at(index), soonAfter(index));
  }
  ledger.finish(plan, at(index), queries);
  return queries;
}

describe('a late row', () => {
  /** VDN 2 gets its row of window 6 two hours late. */
  const has =
    (index: number): HasRow =>
    (vdn, row) =>
      !(vdn === 2 && row === 6 && index < 30);

  it('is requested again after a failed recheck, also by the next process', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 47; index++) {
      poll(ledger, index, has(index));
      catchUp(ledger, index, () => false);
    }
    poll(ledger, 48, has(48));
    expect(failCatchUp(ledger, 48).map(describeQuery)).toContain('2: 6..7');
    const next = new Ledger(OPTIONS, startedAt(at(49)), ledger.toState());
    for (const one of [ledger, next]) {
      poll(one, 49, has(49));
      expect(catchUp(one, 49, has(49))).toContain('2: 6..7');
      expect(one.totals(2)).toMatchObject({ windows: 50, missing: 0 });
      poll(one, 50, has(50));
      expect(catchUp(one, 50)).toEqual([]);
    }
  });

  it('is counted when the window first came with zeros only', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 40; index++) {
      const isZero: HasRow = (vdn, row) => vdn === 2 && row === 6 && index < 20;
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
      ledger.record(query, withZeros(responseTo(query), isZero), at(index), soonAfter(index));
      const plan = ledger.catchUp(at(index));
      for (const again of queriesOf(plan)) {
        expect(describeQuery(again)).toBe('2: 6..7');
        ledger.record(again, withZeros(responseTo(again), isZero), at(index), soonAfter(index));
      }
      if (plan !== undefined) ledger.finish(plan, at(index));
    }
    expect(ledger.totals(2)).toMatchObject({ inbound: 41, windows: 41, revised: 1, missing: 0 });
  });

  it('is not looked for in the zeros of a VDN without traffic', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 40; index++) {
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
      ledger.record(
        query,
        withZeros(responseTo(query), (vdn) => vdn === 2),
        at(index),
        soonAfter(index),
      );
      const plan = ledger.catchUp(at(index));
      expect([...queriesOf(plan)]).toEqual([]);
      if (plan !== undefined) ledger.finish(plan, at(index));
    }
  });
});
