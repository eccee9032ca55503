import { describe, expect, it } from 'vitest';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { at, catchUp, poll, queriesOf, startedAt } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

describe('a catch-up', () => {
  it('requests nothing while polls are regular and complete', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index < 30; index++) {
      poll(ledger, index);
      expect([...queriesOf(ledger.catchUp(at(index)))]).toEqual([]);
    }
  });

  it('requests the windows of an outage, and counts them once', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    poll(ledger, 20);
    // Window 2 and 3 were counted but could still be corrected when the outage began.
    expect(catchUp(ledger, 20)).toEqual(['1,2: 4..18', '1,2: 2..4']);
    expect(ledger.totals(1)).toMatchObject({ inbound: 21, windows: 21, missing: 0 });
    expect(catchUp(ledger, 20)).toEqual([]);
    poll(ledger, 21);
    expect(catchUp(ledger, 21)).toEqual([]);
  });

  it('requests the newest windows of a long outage first, in queries of bounded size', () => {
    const vdns = Array.from({ length: 250 }, (_, i) => i + 1);
    const ledger = new Ledger({ ...OPTIONS, vdns }, startedAt(at(0)));
    const queries = [...queriesOf(ledger.catchUp(at(280)))];
    const ends = queries.map(({ range }) => range.to);
    expect(ends.length).toBeGreaterThan(3);
    expect(ends).toEqual([...ends].sort((a, b) => b - a));
    for (const { vdns: ids, range } of queries) {
      expect(ids.length).toBeLessThanOrEqual(100);
      expect((ids.length * (range.to - range.from)) / WINDOW_MS).toBeLessThanOrEqual(10_000);
    }
  });

  it('plans a month of 5,000 VDNs in small steps, every window once', () => {
    const vdns = Array.from({ length: 5000 }, (_, i) => i + 1);
    const ledger = new Ledger({ ...OPTIONS, vdns, catchUpWindows: 31 * 288 }, startedAt(at(0)));
    let steps = 0;
    const requested = new Map<number, number>();
    for (const query of ledger.catchUp(at(31 * 288))?.queries ?? []) {
      steps++;
      if (query === undefined) continue;
      const windows = (query.range.to - query.range.from) / WINDOW_MS;
      for (const id of query.vdns as readonly number[]) requested.set(id, (requested.get(id) ?? 0) + windows);
    }
    // Each VDN is requested for every window that is not in the regular range, once.
    expect(new Set(requested.values())).toEqual(new Set([31 * 288 - 2]));
    expect(steps).toBeGreaterThan(5000);
  });

  it('requests a missing window again whenever its age has doubled, once an hour', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    const has = (vdn: number, index: number) => !(vdn === 2 && index === 5);
    const requested: number[] = [];
    for (let index = -1; index <= 290; index++) {
      poll(ledger, index, has);
      for (const query of catchUp(ledger, index, has)) {
        expect(query).toBe('2: 5..6');
        requested.push(index);
      }
    }
    expect(requested).toEqual([12, 24, 48, 72, 144, 264]);
    expect(ledger.totals(2)).toMatchObject({ missing: 0, windows: 290 });
    poll(ledger, 300, has);
    expect(ledger.totals(2).missing).toBe(1);
  });

  it('counts a row that comes hours late', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 100; index++) {
      const has = (vdn: number, row: number) => !(vdn === 1 && row === 7 && index < 40);
      poll(ledger, index, has);
      catchUp(ledger, index, has);
    }
    expect(ledger.totals(1)).toEqual(ledger.totals(2));
    expect(ledger.totals(1).windows).toBe(101);
  });

  it('requests nothing before its horizon, however long the API does not respond', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    const queries = [...queriesOf(ledger.catchUp(at(10_000)))];
    expect(Math.min(...queries.map(({ range }) => range.from))).toBe(at(10_000 - 288));
  });
});
