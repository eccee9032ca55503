import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  dueAfter,
  formatApiTime,
  isWindowStart,
  latestDue,
  latestEnded,
  MAX_RANGE_MS,
  toRanges,
  WINDOW_MS,
  windowAt,
  windowsBetween,
} from '../../src/core/window.ts';

const time = (text: string): number => Date.parse(`2026-11-18T${text}Z`);
const anyTime = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
const anyDelay = fc.integer({ min: 0, max: 299_999 });
const anyStart = fc.integer({ min: 0, max: 20_000_000 }).map((index) => index * WINDOW_MS);

describe('the grid', () => {
  test.each([
    ['12:00:00.000', '12:00:00', '11:55:00'],
    ['12:04:59.999', '12:00:00', '11:55:00'],
    ['12:05:00.000', '12:05:00', '12:00:00'],
    ['00:00:00.000', '00:00:00', undefined],
  ])('at %s', (now, current, ended) => {
    expect(windowAt(time(now))).toBe(time(current));
    expect(latestEnded(time(now))).toBe(ended === undefined ? time('00:00:00') - WINDOW_MS : time(ended));
  });

  test('a window holds the time it was made from', () => {
    fc.assert(
      fc.property(anyTime, (now) => {
        const start = windowAt(now);
        expect(isWindowStart(start)).toBe(true);
        expect(start <= now && now < start + WINDOW_MS).toBe(true);
        expect(latestEnded(now) + WINDOW_MS).toBe(start);
      }),
    );
  });

  test.each([0.5, 299_999, 300_001, NaN, Infinity, 2 ** 53, -1, 1e300])('%d is not the start of a window', (ms) => {
    expect(isWindowStart(ms)).toBe(false);
  });

  test('the start of a window is one, and a millisecond beside it is not', () => {
    fc.assert(
      fc.property(anyStart, fc.integer({ min: 1, max: WINDOW_MS - 1 }), (start, off) => {
        expect(isWindowStart(start)).toBe(true);
        expect(isWindowStart(start + off)).toBe(false);
      }),
    );
  });

  test('windows are counted between starts, backwards as well', () => {
    fc.assert(
      fc.property(anyStart, fc.integer({ min: -1000, max: 1000 }), (start, count) => {
        expect(windowsBetween(start, start + count * WINDOW_MS)).toBe(count);
      }),
    );
  });
});

describe('when a window is due', () => {
  test.each([
    ['12:05:09.999', '11:55:00'],
    ['12:05:10.000', '12:00:00'],
    ['12:10:09.999', '12:00:00'],
    ['12:10:10.000', '12:05:00'],
  ])('at %s with a delay of 10 s', (now, latest) => {
    expect(latestDue(time(now), 10_000)).toBe(time(latest));
  });

  test('the next one is due exactly when it becomes the latest', () => {
    fc.assert(
      fc.property(anyTime, anyDelay, (now, delay) => {
        const latest = latestDue(now, delay);
        const due = dueAfter(latest, delay);
        expect(due).toBeGreaterThan(now);
        expect(due - now).toBeLessThanOrEqual(WINDOW_MS);
        expect(latestDue(due - 1, delay)).toBe(latest);
        expect(latestDue(due, delay)).toBe(latest + WINDOW_MS);
      }),
    );
  });
});

describe('ranges', () => {
  const starts = fc.uniqueArray(
    fc.integer({ min: 0, max: 60 }).map((index) => index * WINDOW_MS),
    { maxLength: 40 },
  );

  test('of no windows are none, of neighbours one', () => {
    expect(toRanges([])).toEqual([]);
    expect(toRanges([600_000, 0, 300_000, 1_500_000])).toEqual([
      { from: 0, to: 900_000 },
      { from: 1_500_000, to: 1_800_000 },
    ]);
  });

  test('hold every window once and no other, oldest first, none too long and none that could be joined', () => {
    fc.assert(
      fc.property(starts, fc.integer({ min: 1, max: 12 }), (windows, longest) => {
        const ranges = toRanges(windows, longest * WINDOW_MS);
        const held = ranges.flatMap(({ from, to }) =>
          Array.from({ length: windowsBetween(from, to) }, (_, index) => from + index * WINDOW_MS),
        );
        expect(held).toEqual([...windows].sort((a, b) => a - b));
        for (const [index, { from, to }] of ranges.entries()) {
          expect(to - from).toBeLessThanOrEqual(longest * WINDOW_MS);
          const before = ranges[index - 1];
          if (before?.to === from) expect(before.to - before.from).toBe(longest * WINDOW_MS);
        }
      }),
    );
  });

  test('are at most 31 days long when nothing else is requested', () => {
    const year = Array.from({ length: 365 * 288 }, (_, index) => index * WINDOW_MS);
    const ranges = toRanges(year);
    expect(ranges).toHaveLength(12);
    expect(Math.max(...ranges.map(({ from, to }) => to - from))).toBe(MAX_RANGE_MS);
  });
});

test('times are written as the API wants them', () => {
  expect(formatApiTime(Date.UTC(2024, 1, 29, 23, 55))).toBe('2024-02-29 23:55:00');
});
