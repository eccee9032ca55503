import { describe, expect, it } from 'vitest';
import type { Query } from '../../src/cms/client.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { Ledger, type LedgerOptions } from '../../src/ledger/ledger.ts';
import { type Clocks, clocksAt } from '../../src/ledger/trusted-clock.ts';
import { responseTo, at, catchUp, poll, soonAfter, startedAt, T0, withZeros } from '../support/ledger.ts';

const OPTIONS: LedgerOptions = { vdns: [1, 2], lookbackWindows: 2, catchUpWindows: 288 };

/** A poll for the window that is the latest by our clock. With `zeros` the API fills windows without rows. */
function pollWith(ledger: Ledger, clocks: Clocks, isServed: (row: number) => boolean, zeros = false) {
  const latest = Math.floor((clocks.now - 10_000) / WINDOW_MS) * WINDOW_MS - WINDOW_MS;
  const query: Query = { vdns: [1, 2], range: ledger.regularRange(latest) };
  const rows = responseTo(query, (_, row) => zeros || isServed(row));
  ledger.record(query, zeros ? withZeros(rows, (_, row) => !isServed(row)) : rows, latest, clocks);
}

describe('wrong clocks', () => {
  it('give up nothing without a Date header while our clock is 3 days ahead', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    const withoutDate = (index: number) => ({ ...soonAfter(index), apiNow: undefined });
    for (let index = -1; index <= 9; index++) pollWith(ledger, withoutDate(index), (row) => row <= index);
    for (let index = 10; index <= 12; index++) {
      const clocks = { ...withoutDate(index), now: soonAfter(index).now + 3 * 288 * WINDOW_MS };
      pollWith(ledger, clocks, (row) => row <= index);
    }
    for (let index = 13; index <= 30; index++) {
      pollWith(ledger, withoutDate(index), (row) => row <= index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1)).toMatchObject({ inbound: 31, windows: 31, missing: 0 });
  });

  it('give up nothing without a Date header after a restart while our clock is 3 days ahead', () => {
    const before = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = -1; index <= 9; index++) poll(before, index);
    const ahead = (index: number) => soonAfter(index).now + 3 * 288 * WINDOW_MS;
    const ledger = new Ledger(OPTIONS, startedAt(ahead(9), at(10)), before.toState());
    pollWith(ledger, { ...soonAfter(10), now: ahead(10), apiNow: undefined }, (row) => row <= 10);
    expect(ledger.totals(1)).toMatchObject({ windows: 10, missing: 0 });
  });

  it('lose no call when the API fills future windows with zeros and our clock is 15 minutes ahead', () => {
    const ledger = new Ledger(OPTIONS, startedAt(at(0)));
    for (let index = 0; index <= 50; index++) {
      const clocks = { ...soonAfter(index), now: soonAfter(index).now + 3 * WINDOW_MS };
      pollWith(ledger, clocks, (row) => row <= index, true);
      const plan = ledger.catchUp(at(index + 3));
      for (const query of plan?.queries ?? []) {
        if (query === undefined) continue;
        ledger.record(
          query,
          withZeros(responseTo(query), (_, row) => row > index),
          at(index + 3),
          clocks,
        );
      }
      if (plan !== undefined) ledger.finish(plan, at(index + 3));
    }
    for (let index = 51; index <= 60; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    expect(ledger.totals(1).inbound).toBe(61);
  });

  it('lose no call of a VDN that was added while our clock was 3 days ahead and the API filled the future', () => {
    const before = new Ledger({ ...OPTIONS, vdns: [1] }, startedAt(at(0)));
    for (let index = 0; index <= 9; index++) poll(before, index);
    const ahead = (index: number) => soonAfter(index).now + 864 * WINDOW_MS;
    const ledger = new Ledger(OPTIONS, startedAt(ahead(9), at(10)), before.toState());
    pollWith(ledger, { ...soonAfter(10), now: ahead(10) }, () => false, true);
    for (let index = 11; index <= 30; index++) {
      poll(ledger, index);
      catchUp(ledger, index);
    }
    // Its counting starts when the clock is set right: with the window that is running then.
    expect(ledger.totals(2)).toMatchObject({ inbound: 19, windows: 19 });
    expect(ledger.totals(1)).toMatchObject({ inbound: 31, windows: 31 });
  });

  it('age windows from when their query was sent, not from when its response came', () => {
    const sent = { now: at(4), monotonic: 1000 };
    const booked: Clocks = { now: at(5), apiNow: at(2), monotonic: 1000 + WINDOW_MS };
    expect(clocksAt(sent, booked)).toEqual({ ...sent, apiNow: at(1) });
    expect(clocksAt(sent, { ...booked, apiNow: undefined }).apiNow).toBeUndefined();
  });

  it.each([8, -8])(
    'lose nothing at the start when the Date header is %d hours off and our signatures are accepted',
    (hours) => {
      const ledger = new Ledger(OPTIONS, startedAt(at(0)));
      for (let index = -1; index <= 20; index++) {
        const apiNow = soonAfter(index).now + hours * 12 * WINDOW_MS;
        // The first responses show no activity: it is night.
        pollWith(ledger, { ...soonAfter(index), apiNow }, (row) => row >= 3, true);
        const plan = ledger.catchUp(at(index));
        for (const query of plan?.queries ?? []) {
          if (query === undefined) continue;
          const clocks = { ...soonAfter(index), apiNow };
          ledger.record(
            query,
            withZeros(responseTo(query), (_, row) => row < 3),
            at(index),
            clocks,
          );
        }
        if (plan !== undefined) ledger.finish(plan, at(index));
      }
      expect(ledger.totals(1)).toMatchObject({ inbound: 18, windows: 21, missing: 0 });
      expect(ledger.toState().countingStart).toBe(T0);
    },
  );
});
