import { describe, expect, it } from 'vitest';
import type { Query } from '../../src/cms/client.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { responseTo, at, catchUp, DOWN, poll, soonAfter, startedAt, T0 } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

describe('a ledger with wrong clocks', () => {
  it('neither skips nor doubles a window when the clock goes back an hour and forward again', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 20; index++) poll(ledger, index);
    for (let index = 9; index <= 12; index++) poll(ledger, index);
    for (let index = 25; index <= 40; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 41, inbound: 41, missing: 0 });
  });

  it('does not give up windows to come when the clock is a day ahead of the API', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(300)) };
    ledger.record(
      query,
      responseTo(query, () => false),
      at(300),
      { ...soonAfter(4), now: soonAfter(300).now },
    );
    for (let index = 4; index <= 20; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 21, missing: 0 });
  });

  it('starts counting earlier when the first response shows that our clock was ahead at the start', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(12), at(0) + 60_000));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(11)) };
    const clocks = { now: at(15), apiNow: at(3), monotonic: at(3) - T0 };
    const { changed } = ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(11), clocks);
    expect(changed).toBe(true);
    for (let index = 0; index <= 5; index++) poll(ledger, index);
    expect(ledger.totals(1).windows).toBe(6);
  });

  it.each([
    ['in 1970', 0],
    ['a day behind', at(-288)],
    ['a year ahead', at(105_120)],
  ])("starts counting at its own start when the API's clock is %s with a failure and right later", (_, apiNow) => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(-1)) };
    const clocks = { now: at(0) + 60_000, apiNow, monotonic: 60_000 };
    ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(-1), clocks);
    for (let index = 0; index <= 5; index++) poll(ledger, index);
    expect(ledger.totals(1)).toMatchObject({ windows: 6, missing: 0 });
  });

  it("starts counting when the API's clock is a year ahead at the first response and right later", () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(0)) };
    const ahead = at(105_120);
    ledger.record(query, responseTo(query), at(0), { ...soonAfter(0), apiNow: ahead });
    for (let index = 1; index <= 5; index++) poll(ledger, index);
    // The accepted rows prove that our clock was right at the start.
    expect(ledger.totals(1)).toMatchObject({ windows: 6, missing: 0 });
  });

  it.each([
    ['stands still', at(4)],
    ['falls back to 1970', 0],
  ])('keeps counting while the clock of the API %s: its rows prove it wrong', (_, apiNow) => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, startedAt(at(0)));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    for (let index = 4; index <= 100; index++) {
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
      ledger.record(query, responseTo(query), at(index), { ...soonAfter(index), apiNow });
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 101, missing: 0 });
  });

  it.each(['all' as const, OPTIONS.vdns])(
    'starts counting later when the first response shows that our clock was behind at the start, with VDNs %s',
    (vdns) => {
      // A machine without a battery for its clock starts in the past.
      const ledger = new Ledger({ ...OPTIONS, vdns }, startedAt(at(-1000), at(2) + 60_000));
      const query: Query = { vdns, range: ledger.regularRange(at(3)) };
      ledger.record(query, responseTo(query), at(3), soonAfter(3));
      expect(ledger.totals(1)).toMatchObject({ windows: 2, missing: 0 });
      expect(catchUp(ledger, 3)).toEqual([]);
    },
  );

  it.each([
    ['says that it is', at(0) + 900_000],
    ['does not say the time', undefined],
  ])(
    'counts nothing from before the start when our clock falls behind before the first response, which %s',
    (_, apiNow) => {
      const ledger = new Ledger(OPTIONS, startedAt(at(0)));
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(-3)) };
      ledger.record(query, responseTo(query), at(-3), { now: at(-2) + 10_000, apiNow, monotonic: 900_000 });
      poll(ledger, 0);
      expect(ledger.totals(1).windows).toBe(1);
    },
  );
});
