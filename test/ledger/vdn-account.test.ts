import { describe, expect, it } from 'vitest';
import { VdnAccount } from '../../src/ledger/vdn-account.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const T0 = Date.UTC(2026, 10, 18, 8);
const at = (index: number) => T0 + index * WINDOW_MS;
const row = (index: number, inbound: number, answered = 0, outbound = 0) => ({
  ...{ vdn: 1, start: at(index) },
  ...{ inbound, answered, outbound },
});
/** Nothing is closed by a row. */
const OPEN = -Infinity;
const accountOf = (span = 12) => new VdnAccount(T0, span, true);

describe('an account', () => {
  it('counts a window once, however often its row comes', () => {
    const account = accountOf();
    expect(account.observe(row(0, 5, 4, 3), OPEN)).toBe('first');
    expect(account.observe(row(0, 5, 4, 3), OPEN)).toBe('same');
    expect(account.totals).toEqual({ inbound: 5, answered: 4, outbound: 3, windows: 1, revised: 0, missing: 0 });
  });

  it('counts windows in whatever order they come', () => {
    const account = accountOf();
    for (const index of [4, 0, 2, 1, 3]) account.observe(row(index, 10 ** index), OPEN);
    expect(account.totals).toMatchObject({ inbound: 11_111, windows: 5 });
  });

  it('does not count a window that ended before it was opened', () => {
    const account = accountOf();
    expect(account.observe(row(-1, 7), OPEN)).toBe('ignored');
    expect(account.totals.inbound).toBe(0);
  });

  it('adds what a correction adds', () => {
    const account = accountOf();
    account.observe(row(0, 5), OPEN);
    expect(account.observe(row(0, 8), OPEN)).toBe('revised');
    expect(account.totals).toMatchObject({ inbound: 8, windows: 1, revised: 1 });
  });

  it('never falls: a downward correction is made up for by later windows', () => {
    const account = accountOf();
    account.observe(row(0, 10), OPEN);
    account.observe(row(0, 3), OPEN);
    expect(account.totals).toMatchObject({ inbound: 10, revised: 1 });
    account.observe(row(1, 5), OPEN);
    expect(account.totals.inbound).toBe(10);
    expect(account.toState().deficit.inbound).toBe(2);
    account.observe(row(2, 5), OPEN);
    expect(account.totals.inbound).toBe(13);
    expect(account.toState().deficit.inbound).toBe(0);
  });

  it('treats a value that is left out as unknown, not as 0', () => {
    const account = accountOf();
    account.observe({ vdn: 1, start: at(0), inbound: 5 }, OPEN);
    expect(account.observe({ vdn: 1, start: at(0), answered: 4 }, OPEN)).toBe('revised');
    expect(account.totals).toMatchObject({ inbound: 5, answered: 4 });
  });

  it('does not follow corrections of a closed window', () => {
    const account = accountOf();
    account.observe(row(0, 5), OPEN);
    account.close(at(0), at(1));
    expect(account.observe(row(0, 9), OPEN)).toBe('ignored');
    account.observe(row(1, 5), at(2));
    expect(account.observe(row(1, 9), at(2))).toBe('ignored');
    expect(account.totals.inbound).toBe(10);
  });

  it('counts as missing what has not come when it is settled, once', () => {
    const account = accountOf();
    account.observe(row(1, 5), OPEN);
    account.advance(at(3));
    expect(account.totals.missing).toBe(2);
    account.advance(at(3));
    account.advance(at(2));
    expect(account.totals.missing).toBe(2);
    expect(account.observe(row(0, 5), OPEN)).toBe('ignored');
  });

  it('counts every window of a gap that is longer than its span as missing', () => {
    const account = accountOf(4);
    account.observe(row(0, 1), OPEN);
    account.advance(at(100));
    expect(account.totals).toMatchObject({ windows: 1, missing: 99 });
    expect(account.observe(row(101, 1), OPEN)).toBe('first');
  });

  it('expects only windows between two that came when the choice is left to the API', () => {
    const account = new VdnAccount(T0, 12, false);
    account.observe(row(2, 1), OPEN);
    account.observe(row(5, 1), OPEN);
    account.advance(at(8));
    expect(account.totals.missing).toBe(2);
  });

  it('keeps nothing of settled windows: the state does not grow over a year', () => {
    const account = accountOf();
    for (let index = 0; index < 105_120; index++) {
      account.advance(at(index - 8));
      account.observe(row(index, 1), OPEN);
      account.close(at(index - 2), at(index));
    }
    const { counted, open } = account.toState();
    expect(Buffer.from(counted, 'base64').length).toBeLessThanOrEqual(3);
    expect(open).toHaveLength(1);
    expect(account.totals).toMatchObject({ inbound: 105_120, missing: 0 });
  });

  it('is the same again after it was stored', () => {
    const account = accountOf();
    for (const index of [0, 1, 3, 6]) account.observe(row(index, index + 1, 1), OPEN);
    account.observe(row(1, 0), OPEN);
    account.advance(at(2));
    const again = VdnAccount.fromState(account.toState(), 12, true);
    expect(again.toState()).toEqual(account.toState());
    expect(again.observe(row(3, 4, 1), OPEN)).toBe('same');
    expect(again.observe(row(2, 9), OPEN)).toBe('first');
  });

  it('keeps every counted window when a shorter span is configured', () => {
    const account = accountOf(12);
    for (let index = 0; index < 12; index++) account.observe(row(index, 1), at(12));
    const again = VdnAccount.fromState(account.toState(), 4, true);
    for (let index = 0; index < 12; index++) expect(again.observe(row(index, 1), OPEN)).toBe('ignored');
  });
});
