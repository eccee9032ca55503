import { describe, expect, it } from 'vitest';
import type { Query } from '../../src/cms/client.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { responseTo, at, catchUp, DOWN, poll, soonAfter, startedAt } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

describe('a ledger', () => {
  it('counts from the window that was running at the first start', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    poll(ledger, -1);
    expect(ledger.totals(1).windows).toBe(0);
    poll(ledger, 0);
    expect(ledger.totals(1)).toMatchObject({ inbound: 1, windows: 1 });
  });

  it('gives up what is older than catch_up', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, startedAt(at(0)));
    poll(ledger, 0);
    poll(ledger, 30);
    catchUp(ledger, 30);
    expect(ledger.totals(1)).toMatchObject({ windows: 1 + 13, missing: 17 });
  });

  it('gives nothing up while the API does not respond', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, startedAt(at(0)));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(100)) };
    ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(100), soonAfter(100));
    expect(ledger.totals(1).missing).toBe(0);
  });

  it('uses the rows that came before a failure, and requests the rest again', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    poll(ledger, -1);
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(0)) };
    const partial = { ...responseTo(query, (vdn) => vdn === 1), failure: DOWN };
    ledger.record(query, partial, at(0), soonAfter(0));
    expect(ledger.totals(1).windows).toBe(1);
    poll(ledger, 10);
    expect(catchUp(ledger, 10)).toEqual(['1,2: 0..8', '1: 0..1']);
  });

  it('reports which rows show the settle lag: those requested from the end of their window on', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    expect(poll(ledger, -1).settled).toEqual([]);
    expect(poll(ledger, 0).settled).toHaveLength(2);
    expect(poll(ledger, 0).settled).toEqual([]);
    // After an outage it is unknown when the rows came.
    expect(poll(ledger, 20).settled).toEqual([]);
  });

  it('opens an account for a new VDN, and drops that of a VDN that is not configured any more', () => {
    const before = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 5; index++) poll(before, index);
    const after = new Ledger({ ...OPTIONS, vdns: [2, 3] }, startedAt(at(6)), before.toState());
    expect([...after.ids()]).toEqual([2, 3]);
    expect(after.totals(2).windows).toBe(6);
    expect(after.totals(3).windows).toBe(0);
    expect(after.totals(1).windows).toBe(0);
  });

  it('is the same again after it was stored', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 40; index += index === 10 ? 20 : 1)
      poll(ledger, index, (vdn, row) => (vdn + row) % 5 > 0);
    const state = ledger.toState();
    const again = new Ledger(OPTIONS, startedAt(at(99)), JSON.parse(JSON.stringify(state)) as typeof state).toState();
    expect({ ...again, countingStart: state.countingStart }).toEqual(state);
  });
});
