import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/core/errors.ts';
import { QueryCoverage } from '../../src/ledger/coverage.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { at, catchUp, describeQuery, poll, queriesOf, soonAfter, startedAt } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };
const REFUSED = new ApiError('Refused', { reason: 'api', hint: 'None' });

describe('what was not requested', () => {
  it('is requested again after the queries of a catch-up failed', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    poll(ledger, 20);
    const plan = ledger.catchUp(at(20));
    const queries = [...queriesOf(plan)];
    for (const query of queries)
      ledger.record(query, { windows: [], rejected: [], failure: REFUSED }, at(20), soonAfter(20));
    if (plan !== undefined) ledger.finish(plan, at(20), queries);
    poll(ledger, 21);
    expect(catchUp(ledger, 21)).toEqual(['1,2: 4..18', '1,2: 2..4']);
    expect(ledger.totals(1)).toMatchObject({ windows: 22, missing: 0 });
  });

  it('is rechecked after a catch-up that was planned by a clock a day ahead', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 10; index++) poll(ledger, index, (vdn, row) => !(vdn === 1 && row === 4));
    const plan = ledger.catchUp(at(300));
    for (const query of queriesOf(plan))
      ledger.record(query, { windows: [], rejected: [], failure: undefined }, at(300), {
        ...soonAfter(10),
        now: soonAfter(300).now,
      });
    if (plan !== undefined) ledger.finish(plan, at(11));
    expect(ledger.toState().recheckedAt).toBe(at(11));
    poll(ledger, 12);
    expect(catchUp(ledger, 12).join(' ')).toContain('4');
    expect(ledger.totals(1)).toMatchObject({ windows: 13, missing: 0 });
  });

  it('is rechecked after a first start by a clock 3 days ahead', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(864), at(0)));
    for (let index = -1; index <= 30; index++) {
      poll(ledger, index, (vdn, row) => !(vdn === 1 && row === 4));
      catchUp(ledger, index, (vdn, row) => !(vdn === 1 && row === 4) || index > 20);
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 31, missing: 0 });
  });

  it('is rechecked from the newest window on that has passed the lookback', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 12; index++) poll(ledger, index, (vdn, row) => !(vdn === 2 && row === 8));
    const sent = [...queriesOf(ledger.catchUp(at(12)))].map(describeQuery);
    expect(sent).toEqual(['2: 8..9']);
  });

  it('is requested after a switch from all VDNs to a list', () => {
    const all = new Ledger({ ...OPTIONS, vdns: 'all' }, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(all, index, undefined, 'all');
    const ledger = new Ledger(OPTIONS, startedAt(at(20)), all.toState());
    poll(ledger, 20);
    expect(catchUp(ledger, 20)).toEqual(['1,2: 4..18', '1,2: 2..4']);
    expect(ledger.totals(1)).toMatchObject({ windows: 21, missing: 0 });
  });

  it('is not forgotten: of two runs beyond a gap the newer one is kept', () => {
    const coverage = new QueryCoverage([[1, at(10)]]);
    const mark = (from: number, to: number) => {
      coverage.markCovered(1, { from: at(from), to: at(to) }, at(50), at(0));
    };
    mark(20, 23);
    mark(40, 43);
    mark(11, 40);
    expect(coverage.coveredUpTo(1)).toBe(at(42));
  });
});
