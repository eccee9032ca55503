import { describe, expect, it } from 'vitest';
import { VdnLedger } from '../../src/ledger/vdn-ledger.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const T0 = Date.UTC(2026, 10, 18, 8);
const at = (index: number) => T0 + index * WINDOW_MS;
const row = (index: number, inbound: number, answered = 0, outbound = 0) => ({
  ...{ vdn: 1, start: at(index) },
  ...{ inbound, answered, outbound },
});
/** Nothing is closed by a row. */
const OPEN = -Infinity;
const ledgerOf = (span = 12) => new VdnLedger(T0, span, true);

describe('a VDN ledger', () => {
  it('counts a window once, however often its row comes', () => {
    const ledger = ledgerOf();
    expect(ledger.observe(row(0, 5, 4, 3), OPEN)).toBe('first');
    expect(ledger.observe(row(0, 5, 4, 3), OPEN)).toBe('same');
    expect(ledger.totals).toEqual({ inbound: 5, answered: 4, outbound: 3, windows: 1, revised: 0, missing: 0 });
  });

  it('counts windows in whatever order they come', () => {
    const ledger = ledgerOf();
    for (const index of [4, 0, 2, 1, 3]) ledger.observe(row(index, 10 ** index), OPEN);
    expect(ledger.totals).toMatchObject({ inbound: 11_111, windows: 5 });
  });

  it('does not count a window that ended before it began', () => {
    const ledger = ledgerOf();
    expect(ledger.observe(row(-1, 7), OPEN)).toBe('ignored');
    expect(ledger.totals.inbound).toBe(0);
  });

  it('adds what a correction adds', () => {
    const ledger = ledgerOf();
    ledger.observe(row(0, 5), OPEN);
    expect(ledger.observe(row(0, 8), OPEN)).toBe('revised');
    expect(ledger.totals).toMatchObject({ inbound: 8, windows: 1, revised: 1 });
  });

  it('never falls: what a correction takes away is deficit back from later windows', () => {
    const ledger = ledgerOf();
    ledger.observe(row(0, 10), OPEN);
    ledger.observe(row(0, 3), OPEN);
    expect(ledger.totals).toMatchObject({ inbound: 10, revised: 1 });
    ledger.observe(row(1, 5), OPEN);
    expect(ledger.totals.inbound).toBe(10);
    expect(ledger.toState().deficit.inbound).toBe(2);
    ledger.observe(row(2, 5), OPEN);
    expect(ledger.totals.inbound).toBe(13);
    expect(ledger.toState().deficit.inbound).toBe(0);
  });

  it('takes a value that is left out for unknown, not for nothing', () => {
    const ledger = ledgerOf();
    ledger.observe({ vdn: 1, start: at(0), inbound: 5 }, OPEN);
    expect(ledger.observe({ vdn: 1, start: at(0), answered: 4 }, OPEN)).toBe('revised');
    expect(ledger.totals).toMatchObject({ inbound: 5, answered: 4 });
  });

  it('does not follow corrections of a closed window', () => {
    const ledger = ledgerOf();
    ledger.observe(row(0, 5), OPEN);
    ledger.close(at(0), at(1));
    expect(ledger.observe(row(0, 9), OPEN)).toBe('ignored');
    ledger.observe(row(1, 5), at(2));
    expect(ledger.observe(row(1, 9), at(2))).toBe('ignored');
    expect(ledger.totals.inbound).toBe(10);
  });

  it('counts as missing what has not come when it is settled, once', () => {
    const ledger = ledgerOf();
    ledger.observe(row(1, 5), OPEN);
    ledger.advance(at(3));
    expect(ledger.totals.missing).toBe(2);
    ledger.advance(at(3));
    ledger.advance(at(2));
    expect(ledger.totals.missing).toBe(2);
    expect(ledger.observe(row(0, 5), OPEN)).toBe('ignored');
  });

  it('counts every window of a gap that is longer than its span as missing', () => {
    const ledger = ledgerOf(4);
    ledger.observe(row(0, 1), OPEN);
    ledger.advance(at(100));
    expect(ledger.totals).toMatchObject({ windows: 1, missing: 99 });
    expect(ledger.observe(row(101, 1), OPEN)).toBe('first');
  });

  it('expects only windows between two that came when the choice is left to the API', () => {
    const ledger = new VdnLedger(T0, 12, false);
    ledger.observe(row(2, 1), OPEN);
    ledger.observe(row(5, 1), OPEN);
    ledger.advance(at(8));
    expect(ledger.totals.missing).toBe(2);
  });

  it('keeps nothing of settled windows: the state does not grow over a year', () => {
    const ledger = ledgerOf();
    for (let index = 0; index < 105_120; index++) {
      ledger.advance(at(index - 8));
      ledger.observe(row(index, 1), OPEN);
      ledger.close(at(index - 2), at(index));
    }
    const { counted, open } = ledger.toState();
    expect(Buffer.from(counted, 'base64').length).toBeLessThanOrEqual(3);
    expect(open).toHaveLength(1);
    expect(ledger.totals).toMatchObject({ inbound: 105_120, missing: 0 });
  });

  it('is the same again after it was stored', () => {
    const ledger = ledgerOf();
    for (const index of [0, 1, 3, 6]) ledger.observe(row(index, index + 1, 1), OPEN);
    ledger.observe(row(1, 0), OPEN);
    ledger.advance(at(2));
    const again = VdnLedger.fromState(ledger.toState(), 12, true);
    expect(again.toState()).toEqual(ledger.toState());
    expect(again.observe(row(3, 4, 1), OPEN)).toBe('same');
    expect(again.observe(row(2, 9), OPEN)).toBe('first');
  });

  it('keeps every counted window when a shorter span is configured', () => {
    const ledger = ledgerOf(12);
    for (let index = 0; index < 12; index++) ledger.observe(row(index, 1), at(12));
    const again = VdnLedger.fromState(ledger.toState(), 4, true);
    for (let index = 0; index < 12; index++) expect(again.observe(row(index, 1), OPEN)).toBe('ignored');
  });
});
