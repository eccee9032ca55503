import { describe, expect, it } from 'vitest';
import type { Query, QueryResult } from '../../src/cms/client.ts';
import type { CatchUp } from '../../src/ledger/catch-up-plan.ts';
import { ApiError } from '../../src/core/errors.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const T0 = Date.UTC(2026, 10, 18, 8);
const at = (index: number) => T0 + index * WINDOW_MS;
const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

/** An answer with a row of each VDN for each window, where `has` says so. */
function answer(query: Query, has: (vdn: number, index: number) => boolean = () => true): QueryResult {
  const windows = [];
  for (const vdn of query.vdns === 'all' ? [1, 2] : query.vdns) {
    for (let start = query.range.from; start < query.range.to; start += WINDOW_MS) {
      if (has(vdn, (start - T0) / WINDOW_MS)) windows.push({ vdn, start, inbound: 1, answered: 1, outbound: 1 });
    }
  }
  return { windows, rejected: [], failure: undefined };
}

const DOWN = new ApiError('Down', { reason: 'network', hint: 'None' });
/** Ten seconds after the window ended, by both clocks. */
const soonAfter = (index: number) => ({ now: at(index + 1) + 10_000, apiNow: at(index + 1) + 10_000 });

function poll(ledger: Ledger, index: number, has?: (vdn: number, index: number) => boolean) {
  const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
  return ledger.record(query, answer(query, has), at(index), soonAfter(index));
}

function catchUp(ledger: Ledger, index: number, has?: (vdn: number, index: number) => boolean): string[] {
  const plan = ledger.catchUp(at(index));
  if (plan === undefined) return [];
  const asked: string[] = [];
  for (const query of queriesOf(plan)) {
    ledger.record(query, answer(query, has), at(index), soonAfter(index));
    const { vdns, range } = query;
    asked.push(`${String(vdns)}: ${(range.from - T0) / WINDOW_MS}..${(range.to - T0) / WINDOW_MS}`);
  }
  ledger.finish(plan, at(index));
  return asked;
}

function* queriesOf(plan: CatchUp | undefined): Generator<Query> {
  for (const query of plan?.queries ?? []) if (query !== undefined) yield query;
}

describe('a ledger', () => {
  it('counts from the window that was running at the first start', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    poll(ledger, -1);
    expect(ledger.totals(1).windows).toBe(0);
    poll(ledger, 0);
    expect(ledger.totals(1)).toMatchObject({ inbound: 1, windows: 1 });
  });

  it('asks for nothing else while polls are regular and complete', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index < 30; index++) {
      poll(ledger, index);
      expect([...queriesOf(ledger.catchUp(at(index)))]).toEqual([]);
    }
  });

  it('asks for the windows of an outage, and counts them once', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    poll(ledger, 20);
    // Window 2 and 3 were counted but could still be corrected when the outage began.
    expect(catchUp(ledger, 20)).toEqual(['1,2: 4..18', '1,2: 2..4']);
    expect(ledger.totals(1)).toMatchObject({ inbound: 21, windows: 21, missing: 0 });
    expect(catchUp(ledger, 20)).toEqual([]);
    poll(ledger, 21);
    expect(catchUp(ledger, 21)).toEqual([]);
  });

  it('asks for the newest windows of a long outage first, in pieces of bounded size', () => {
    const vdns = Array.from({ length: 250 }, (_, i) => i + 1);
    const ledger = new Ledger({ ...OPTIONS, vdns }, at(0));
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
    const ledger = new Ledger({ ...OPTIONS, vdns, catchUpWindows: 31 * 288 }, at(0));
    let steps = 0;
    const asked = new Map<number, number>();
    for (const query of ledger.catchUp(at(31 * 288))?.queries ?? []) {
      steps++;
      if (query === undefined) continue;
      const windows = (query.range.to - query.range.from) / WINDOW_MS;
      for (const id of query.vdns as readonly number[]) asked.set(id, (asked.get(id) ?? 0) + windows);
    }
    // Each VDN is asked for every window that is not in the regular range, once.
    expect(new Set(asked.values())).toEqual(new Set([31 * 288 - 2]));
    expect(steps).toBeGreaterThan(5000);
  });

  it('gives up what is older than catch_up', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, at(0));
    poll(ledger, 0);
    poll(ledger, 30);
    catchUp(ledger, 30);
    expect(ledger.totals(1)).toMatchObject({ windows: 1 + 13, missing: 17 });
  });

  it('asks for a missing window again whenever its age has doubled, once an hour', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    const has = (vdn: number, index: number) => !(vdn === 2 && index === 5);
    const asked: number[] = [];
    for (let index = -1; index <= 290; index++) {
      poll(ledger, index, has);
      for (const query of catchUp(ledger, index, has)) {
        expect(query).toBe('2: 5..6');
        asked.push(index);
      }
    }
    expect(asked).toEqual([12, 24, 48, 72, 144, 264]);
    expect(ledger.totals(2)).toMatchObject({ missing: 0, windows: 290 });
    poll(ledger, 300, has);
    expect(ledger.totals(2).missing).toBe(1);
  });

  it('counts a row that comes hours late', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 100; index++) {
      const has = (vdn: number, row: number) => !(vdn === 1 && row === 7 && index < 40);
      poll(ledger, index, has);
      catchUp(ledger, index, has);
    }
    expect(ledger.totals(1)).toEqual(ledger.totals(2));
    expect(ledger.totals(1).windows).toBe(101);
  });

  it('gives nothing up while the API does not answer', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, at(0));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(100)) };
    ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(100), soonAfter(100));
    expect(ledger.totals(1).missing).toBe(0);
  });

  it('uses the rows that came before a failure, and asks for the rest again', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    poll(ledger, -1);
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(0)) };
    const partial = { ...answer(query, (vdn) => vdn === 1), failure: DOWN };
    ledger.record(query, partial, at(0), soonAfter(0));
    expect(ledger.totals(1).windows).toBe(1);
    poll(ledger, 10);
    expect(catchUp(ledger, 10)).toEqual(['1,2: 0..8', '1: 0..1']);
  });

  it('neither skips nor doubles a window when the clock goes back an hour and forth again', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 20; index++) poll(ledger, index);
    for (let index = 9; index <= 12; index++) poll(ledger, index);
    for (let index = 25; index <= 40; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 41, inbound: 41, missing: 0 });
  });

  it('does not give up windows to come when the clock is a day ahead of the API', () => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, at(0));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(300)) };
    ledger.record(
      query,
      answer(query, () => false),
      at(300),
      { now: soonAfter(300).now, apiNow: soonAfter(4).apiNow },
    );
    for (let index = 4; index <= 20; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 21, missing: 0 });
  });

  it('begins to count earlier when the first answer shows that our clock was ahead at the start', () => {
    const ledger = new Ledger(OPTIONS, at(12));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(11)) };
    const clocks = { now: at(15), apiNow: at(3), apiStartedAt: at(0) + 60_000 };
    const { changed } = ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(11), clocks);
    expect(changed).toBe(true);
    for (let index = 0; index <= 5; index++) {
      const polled: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
      ledger.record(polled, answer(polled), at(index), { ...soonAfter(index), apiStartedAt: at(0) + 60_000 });
    }
    expect(ledger.totals(1).windows).toBe(6);
  });

  it.each([
    ['in 1970', 0],
    ['a day behind', at(-288)],
    ['a year ahead', at(105_120)],
  ])('begins at the start when a clock of the API that said %s with a failure is right later', (_, apiNow) => {
    const ledger = new Ledger(OPTIONS, at(0));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(-1)) };
    const clocks = { now: at(0) + 60_000, apiNow, apiStartedAt: apiNow - 60_000 };
    ledger.record(query, { windows: [], rejected: [], failure: DOWN }, at(-1), clocks);
    for (let index = 0; index <= 5; index++) poll(ledger, index);
    expect(ledger.totals(1)).toMatchObject({ windows: 6, missing: 0 });
  });

  it('begins to count when a clock of the API that was a year ahead at the first answer is right later', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(0)) };
    const ahead = at(105_120);
    ledger.record(query, answer(query), at(0), { now: soonAfter(0).now, apiNow: ahead, apiStartedAt: ahead - 60_000 });
    for (let index = 1; index <= 5; index++) poll(ledger, index);
    expect(ledger.totals(1)).toMatchObject({ windows: 4, missing: 0 });
  });

  it.each([
    ['stands still', at(4)],
    ['falls back to 1970', 0],
  ])('goes on counting while the clock of the API %s: its rows tell it wrong', (_, apiNow) => {
    const ledger = new Ledger({ ...OPTIONS, catchUpWindows: 12 }, at(0));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    for (let index = 4; index <= 100; index++) {
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(index)) };
      ledger.record(query, answer(query), at(index), { now: soonAfter(index).now, apiNow });
    }
    expect(ledger.totals(1)).toMatchObject({ windows: 101, missing: 0 });
  });

  it('asks for nothing behind its horizon, however long the API does not answer', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 3; index++) poll(ledger, index);
    const queries = [...queriesOf(ledger.catchUp(at(10_000)))];
    expect(Math.min(...queries.map(({ range }) => range.from))).toBe(at(10_000 - 288));
  });

  it.each(['all' as const, OPTIONS.vdns])(
    'begins to count later when the first answer shows that our clock was behind at the start, with VDNs %s',
    (vdns) => {
      // A machine without a battery for its clock begins in the past.
      const ledger = new Ledger({ ...OPTIONS, vdns }, at(-1000));
      const query: Query = { vdns, range: ledger.regularRange(at(3)) };
      const clocks = { now: at(4) + 10_000, apiNow: at(4) + 10_000, apiStartedAt: at(2) + 60_000 };
      ledger.record(query, answer(query), at(3), clocks);
      expect(ledger.totals(1)).toMatchObject({ windows: 2, missing: 0 });
      expect(catchUp(ledger, 3)).toEqual([]);
    },
  );

  it.each([
    ['says that it is', at(0) + 900_000],
    ['does not say the time', undefined],
  ])(
    'counts nothing from before the start when our clock falls behind before the first answer, which %s',
    (_, apiNow) => {
      const ledger = new Ledger(OPTIONS, at(0));
      const query: Query = { vdns: [1, 2], range: ledger.regularRange(at(-3)) };
      ledger.record(query, answer(query), at(-3), { now: at(-2) + 10_000, apiNow });
      poll(ledger, 0);
      expect(ledger.totals(1).windows).toBe(1);
    },
  );

  it('says which rows tell the settle lag: those asked for from their end on', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    expect(poll(ledger, -1).settled).toEqual([]);
    expect(poll(ledger, 0).settled).toHaveLength(2);
    expect(poll(ledger, 0).settled).toEqual([]);
    // After an outage nobody knows when the rows came.
    expect(poll(ledger, 20).settled).toEqual([]);
  });

  it('takes a new VDN in, and leaves one out that is not configured any more', () => {
    const before = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 5; index++) poll(before, index);
    const after = new Ledger({ ...OPTIONS, vdns: [2, 3] }, at(6), before.toState());
    expect([...after.ids()]).toEqual([2, 3]);
    expect(after.totals(2).windows).toBe(6);
    expect(after.totals(3).windows).toBe(0);
    expect(after.totals(1).windows).toBe(0);
  });

  it('is the same again after it was stored', () => {
    const ledger = new Ledger(OPTIONS, at(0));
    for (let index = -1; index <= 40; index += index === 10 ? 20 : 1)
      poll(ledger, index, (vdn, row) => (vdn + row) % 5 > 0);
    const state = ledger.toState();
    const again = new Ledger(OPTIONS, at(99), JSON.parse(JSON.stringify(state)) as typeof state).toState();
    expect({ ...again, countingStart: state.countingStart }).toEqual(state);
  });

  describe('with the choice of VDNs left to the API', () => {
    const ALL: LedgerOptions = { ...OPTIONS, vdns: 'all' };
    const pollAll = (ledger: Ledger, index: number, has?: (vdn: number, index: number) => boolean) => {
      const query: Query = { vdns: 'all', range: ledger.regularRange(at(index)) };
      ledger.record(query, answer(query, has), at(index), soonAfter(index));
    };

    it('counts the windows of a VDN that turns up, and asks for all VDNs after an outage', () => {
      const ledger = new Ledger(ALL, at(0));
      for (let index = -1; index <= 3; index++) pollAll(ledger, index, (vdn) => vdn === 1);
      expect([...ledger.ids()]).toEqual([1]);
      pollAll(ledger, 20);
      // Window 2 and 3 of VDN 1 may have been corrected, and those of VDN 2 may have come late.
      expect(catchUp(ledger, 20)).toEqual(['all: 4..18', '1,2: 2..4', '2: 0..2']);
      expect(ledger.totals(1).windows).toBe(21);
      expect(ledger.totals(2).windows).toBe(21);
    });

    it('goes on with the accounts of a list, and asks for what was missed since', () => {
      const listed = new Ledger(OPTIONS, at(0));
      for (let index = -1; index <= 5; index++) poll(listed, index, (vdn) => vdn === 1);
      const ledger = new Ledger(ALL, at(20), listed.toState());
      pollAll(ledger, 20);
      catchUp(ledger, 20);
      expect(ledger.totals(1)).toMatchObject({ windows: 21, missing: 0 });
      // It was listed, and had no row until now.
      expect(ledger.totals(2).windows).toBeGreaterThanOrEqual(15);
    });

    it('forgets a VDN that the API has not shown for a month', () => {
      const ledger = new Ledger({ ...ALL, catchUpWindows: 12 }, at(0));
      const isShown = (vdn: number, row: number) => vdn === 1 || row < 5;
      for (let index = -1; index <= 40; index++) pollAll(ledger, index, isShown);
      // A weekend, or a month of holidays: its counters must not start anew.
      pollAll(ledger, 30 * 288, isShown);
      expect(ledger.totals(2).windows).toBe(5);
      pollAll(ledger, 31 * 288 + 6, isShown);
      expect([...ledger.ids()]).toEqual([1]);
    });

    it('forgets nobody because our clock is far ahead', () => {
      const ledger = new Ledger(ALL, at(0));
      for (let index = -1; index <= 5; index++) pollAll(ledger, index);
      const index = 40 * 288;
      const query: Query = { vdns: 'all', range: ledger.regularRange(at(index)) };
      const nothing = { windows: [], rejected: [] };
      ledger.record(query, { ...nothing, failure: DOWN }, at(index), { now: soonAfter(index).now, apiNow: undefined });
      ledger.record(query, { ...nothing, failure: undefined }, at(index), {
        now: soonAfter(index).now,
        apiNow: soonAfter(6).apiNow,
      });
      expect(ledger.totals(1).windows).toBe(6);
    });
  });
});
