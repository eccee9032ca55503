import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/core/errors.ts';
import { formatTime, isRelative, parseRange, parseTime } from '../../src/history/time-range.ts';

const NOW = Date.UTC(2026, 2, 1, 12, 3, 30);
const DAY = 86_400_000;

describe('a time of the command line', () => {
  test.each([
    ['now', NOW],
    ['-7d', NOW - 7 * DAY],
    ['-1h30m', NOW - 5_400_000],
    ['-0', NOW],
    ['2026-01-31T00:00:00Z', Date.UTC(2026, 0, 31)],
    ['2026-01-31t08:00:00.250+08:00', Date.UTC(2026, 0, 31) + 250],
    ['2026-01-31 00:00:00Z', Date.UTC(2026, 0, 31)],
    ['2024-02-29T23:59:59Z', Date.UTC(2024, 1, 29, 23, 59, 59)],
  ])('%s is understood', (text, ms) => {
    expect(parseTime(text, NOW)).toBe(ms);
  });

  test.each(
    [
      ['', 'yesterday', '7d', '-7', '-1m1h', '+5m', '2026-01-31', '2026-01-31T00:00Z', '2026-01-31T00:00:00'],
      [
        '2026-02-30T00:00:00Z',
        '2026-13-01T00:00:00Z',
        '2026-01-31T24:00:00Z',
        '2026-01-31T00:00:00+99:00',
        '1767225600',
      ],
    ].flat(),
  )('%j is refused', (text) => {
    expect(parseTime(text, NOW)).toBeUndefined();
  });

  test('knows which times depend on when they are read', () => {
    expect(['now', '-7d', '2026-01-31T00:00:00Z'].map(isRelative)).toEqual([true, true, false]);
  });

  test('is written without milliseconds that are zero', () => {
    expect([formatTime(0), formatTime(1)]).toEqual(['1970-01-01T00:00:00Z', '1970-01-01T00:00:00.001Z']);
  });
});

describe('a range', () => {
  test('is moved back to the grid at both ends, and says so', () => {
    const range = { from: Date.UTC(2026, 2, 1, 11), to: Date.UTC(2026, 2, 1, 12), isMoved: true };
    expect(parseRange({ from: '-1h', to: 'now' }, NOW)).toEqual(range);
    const aligned = { from: '2026-03-01T11:00:00Z', to: '2026-03-01T12:00:00Z' };
    expect(parseRange(aligned, NOW)).toEqual({ ...range, isMoved: false });
  });

  test.each([
    [undefined, 'now', '--from=TIME is missing: for example --from=-7d --to=now'],
    ['-1d', undefined, '--to=TIME is missing'],
    ['soon', 'now', '--from is "soon", which is not a time: write 2026-01-31T00:00:00Z,'],
    ['2026-02-01', 'now', '--from is "2026-02-01", which has no time zone: write 2026-02-01T00:00:00Z if UTC is meant'],
    ['2026-02-01 08:30', 'now', 'which has no time zone: write 2026-02-01T08:30:00Z if UTC is meant'],
    ['2026-02-30', 'now', '--from is "2026-02-30", which is not a time'],
    ['now', '-1d', '--from (2026-03-01T12:03:30Z) must be before --to (2026-02-28T12:03:30Z)'],
    ['-1d', '-1d', 'must be before --to'],
    ['-1d', '2026-03-02T00:00:00Z', '--to (2026-03-02T00:00:00Z) lies in the future: it is 2026-03-01T12:03:30Z'],
    ['2027-01-01T00:00:00Z', '2027-02-01T00:00:00Z', 'lies in the future'],
    ['-3m', '-1m', 'No 5-minute window ends from 2026-03-01T12:00:30Z to 2026-03-01T12:02:30Z'],
    ['1969-01-01T00:00:00Z', 'now', '--from is "1969-01-01T00:00:00Z", which is before 1970'],
    ['-99999999999d', 'now', '--from is "-99999999999d", which is before 1970'],
    [`-${'9'.repeat(400)}d`, 'now', 'which is before 1970'],
    ['-1d', '-99999999999d', '--to is "-99999999999d", which is before 1970'],
  ])('from %s to %s is refused', (from, to, message) => {
    const parse = () => parseRange({ from, to }, NOW);
    expect(parse).toThrow(UsageError);
    expect(parse).toThrow(message);
  });
});
