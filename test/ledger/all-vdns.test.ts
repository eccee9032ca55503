import { describe, expect, it } from 'vitest';
import type { Query } from '../../src/cms/client.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { at, catchUp, DOWN, poll, soonAfter, startedAt, type HasRow } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

describe('a ledger of all VDNs', () => {
  const ALL: LedgerOptions = { ...OPTIONS, vdns: 'all' };
  const pollAll = (ledger: Ledger, index: number, has?: HasRow) => poll(ledger, index, has, 'all');

  it('counts the windows of a VDN that turns up, and requests all VDNs after an outage', () => {
    const ledger = new Ledger(ALL, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) pollAll(ledger, index, (vdn) => vdn === 1);
    expect([...ledger.ids()]).toEqual([1]);
    pollAll(ledger, 20);
    // Window 2 and 3 of VDN 1 may have been corrected, and those of VDN 2 may have come late.
    expect(catchUp(ledger, 20)).toEqual(['all: 4..18', '1,2: 2..4', '2: 0..2']);
    expect(ledger.totals(1).windows).toBe(21);
    expect(ledger.totals(2).windows).toBe(21);
  });

  it('continues the accounts of a list, and requests what was missed since', () => {
    const listed = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 5; index++) poll(listed, index, (vdn) => vdn === 1);
    const ledger = new Ledger(ALL, startedAt(at(20)), listed.toState());
    pollAll(ledger, 20);
    catchUp(ledger, 20);
    expect(ledger.totals(1)).toMatchObject({ windows: 21, missing: 0 });
    // It was listed, and had no row until now.
    expect(ledger.totals(2).windows).toBeGreaterThanOrEqual(15);
  });

  it('forgets a VDN that the API has not shown for a month', () => {
    const ledger = new Ledger({ ...ALL, catchUpWindows: 12 }, startedAt(at(0)));
    const isShown = (vdn: number, row: number) => vdn === 1 || row < 5;
    for (let index = -1; index <= 40; index++) pollAll(ledger, index, isShown);
    // A weekend, or a month of holidays: its counters must not start anew.
    pollAll(ledger, 30 * 288, isShown);
    expect(ledger.totals(2).windows).toBe(5);
    pollAll(ledger, 31 * 288 + 6, isShown);
    expect([...ledger.ids()]).toEqual([1]);
  });

  it('forgets no VDN because our clock is far ahead', () => {
    const ledger = new Ledger(ALL, startedAt(at(0)));
    for (let index = -1; index <= 5; index++) pollAll(ledger, index);
    const index = 40 * 288;
    const query: Query = { vdns: 'all', range: ledger.regularRange(at(index)) };
    const nothing = { windows: [], rejected: [] };
    ledger.record(query, { ...nothing, failure: DOWN }, at(index), {
      ...soonAfter(6),
      now: soonAfter(index).now,
      apiNow: undefined,
    });
    ledger.record(query, { ...nothing, failure: undefined }, at(index), { ...soonAfter(6), now: soonAfter(index).now });
    expect(ledger.totals(1).windows).toBe(6);
  });
});
