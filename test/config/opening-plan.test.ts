import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { isOpen, nextChange } from '../../src/config/opening-plan.ts';
import type { OpeningPlan, TimeRange } from '../../src/config/opening-plan.ts';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const CLOSED = Array.from({ length: 7 }, (): TimeRange[] => []);

const at = (text: string): number => Date.parse(text);
const iso = (ms: number | undefined): string | undefined => (ms === undefined ? ms : new Date(ms).toISOString());
const dayNumber = (date: string): number => Date.parse(date) / DAY_MS;

/** `8-20` on the given weekdays, Monday being 0. */
function plan(
  timeZone: string,
  from: number,
  to: number,
  days: readonly number[] = [0, 1, 2, 3, 4, 5, 6],
): OpeningPlan {
  const ranges = [{ from: from * 60, to: to * 60 }];
  return { timeZone, week: CLOSED.map((none, day) => (days.includes(day) ? ranges : none)), dates: new Map() };
}

/** The changes after a time, as the program finds them one after the other. */
function changes(of: OpeningPlan, from: number, count: number): (string | undefined)[] {
  const found: (string | undefined)[] = [];
  for (let now: number | undefined = from; now !== undefined && found.length < count; found.push(iso(now))) {
    now = nextChange(of, now);
  }
  return found;
}

describe('a line', () => {
  it('opens and closes on the second', () => {
    const office = plan('Europe/Berlin', 8, 20, [0, 1, 2, 3, 4]);
    expect(isOpen(office, at('2026-11-18T07:00:00Z') - 1)).toBe(false);
    expect(isOpen(office, at('2026-11-18T07:00:00Z'))).toBe(true);
    expect(isOpen(office, at('2026-11-18T19:00:00Z') - 1)).toBe(true);
    expect(isOpen(office, at('2026-11-18T19:00:00Z'))).toBe(false);
    expect(changes(office, at('2026-11-20T12:34:56.789Z'), 3)).toEqual([
      '2026-11-20T19:00:00.000Z',
      '2026-11-23T07:00:00.000Z',
      '2026-11-23T19:00:00.000Z',
    ]);
  });

  it('keeps its local hours when the clocks change', () => {
    const office = plan('Europe/Berlin', 8, 20);
    expect(changes(office, at('2026-03-28T12:00Z'), 3)).toEqual([
      '2026-03-28T19:00:00.000Z',
      '2026-03-29T06:00:00.000Z',
      '2026-03-29T18:00:00.000Z',
    ]);
  });

  it('that opens in the hour that spring skips opens when that hour is over', () => {
    expect(changes(plan('Europe/Berlin', 2.5, 10), at('2026-03-28T20:00Z'), 2)).toEqual([
      '2026-03-29T01:00:00.000Z',
      '2026-03-29T08:00:00.000Z',
    ]);
    expect(changes(plan('America/Sao_Paulo', 0, 6), at('2018-11-03T12:00Z'), 2)).toEqual([
      '2018-11-04T03:00:00.000Z',
      '2018-11-04T08:00:00.000Z',
    ]);
  });

  it('whose hours all fall into the hour that spring skips does not open that day', () => {
    expect(changes(plan('Europe/Berlin', 2, 3), at('2026-03-28T12:00Z'), 2)).toEqual([
      '2026-03-30T00:00:00.000Z',
      '2026-03-30T01:00:00.000Z',
    ]);
  });

  it('is open twice in the hour that autumn repeats', () => {
    expect(changes(plan('Europe/Berlin', 2, 2.5), at('2026-10-24T12:00Z'), 4)).toEqual([
      '2026-10-25T00:00:00.000Z',
      '2026-10-25T00:30:00.000Z',
      '2026-10-25T01:00:00.000Z',
      '2026-10-25T01:30:00.000Z',
    ]);
  });

  it('works an hour longer in the night of autumn, and one shorter in that of spring', () => {
    const night = plan('America/New_York', 22, 30);
    expect(changes(night, at('2026-10-31T20:00Z'), 2)).toEqual([
      '2026-11-01T02:00:00.000Z',
      '2026-11-01T11:00:00.000Z',
    ]);
    expect(changes(night, at('2026-03-07T20:00Z'), 2)).toEqual([
      '2026-03-08T03:00:00.000Z',
      '2026-03-08T10:00:00.000Z',
    ]);
  });

  it('over midnight is open until the end, also into a closed date and a new year', () => {
    const night: OpeningPlan = { ...plan('Asia/Shanghai', 22, 30), dates: new Map([[dayNumber('2027-01-01'), []]]) };
    expect(changes(night, at('2026-12-31T12:00Z'), 4)).toEqual([
      '2026-12-31T14:00:00.000Z',
      '2026-12-31T22:00:00.000Z',
      '2027-01-02T14:00:00.000Z',
      '2027-01-02T22:00:00.000Z',
    ]);
  });

  it('does not close between ranges that touch, or at midnight around the clock', () => {
    const always: OpeningPlan = { ...plan('UTC', 0, 24), dates: new Map() };
    expect(nextChange(always, at('2026-01-01T00:00Z'))).toBeUndefined();
    const week = CLOSED.map(() => [
      { from: 480, to: 720 },
      { from: 720, to: 1020 },
    ]);
    expect(iso(nextChange({ ...always, week }, at('2026-01-01T09:00Z')))).toBe('2026-01-01T17:00:00.000Z');
  });

  it('that is always closed changes only on the dates that it opens, however far they are', () => {
    const dates = new Map([[dayNumber('2041-07-01'), [{ from: 600, to: 660 }]]]);
    const rarely: OpeningPlan = { timeZone: 'Pacific/Kiritimati', week: CLOSED, dates };
    expect(changes(rarely, at('2026-01-01T00:00Z'), 4)).toEqual([
      '2041-06-30T20:00:00.000Z',
      '2041-06-30T21:00:00.000Z',
      undefined,
    ]);
  });

  it('that closes for three weeks opens after them', () => {
    const closed = Array.from({ length: 21 }, (_, i) => [dayNumber('2026-12-20') + i, []] as const);
    const office: OpeningPlan = { ...plan('Europe/Berlin', 8, 20), dates: new Map(closed) };
    expect(iso(nextChange(office, at('2026-12-19T20:00Z')))).toBe('2027-01-10T07:00:00.000Z');
  });
});

/** The expected result, without the program's own code: the wall clock as text, compared with each range as text. */
function oracle({ timeZone, week, dates }: OpeningPlan): (now: number) => boolean {
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone, dateStyle: 'short', timeStyle: 'short' });
  const clock = (minutes: number): string =>
    `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
  const rangesOf = (date: string) => dates.get(dayNumber(date)) ?? week[(new Date(date).getUTCDay() + 6) % 7] ?? [];
  return (now) => {
    const [date = '', time = ''] = format.format(now).split(' ');
    const dayBefore = new Date(Date.parse(date) - DAY_MS).toISOString().slice(0, 10);
    return (
      rangesOf(date).some(({ from, to }) => clock(from) <= time && (to > 1440 || time < clock(to))) ||
      rangesOf(dayBefore).some(({ to }) => to > 1440 && time < clock(to - 1440))
    );
  };
}

/** Days with a change of the clocks in each zone, and a turn of the year. */
const ZONES: Readonly<Record<string, readonly string[]>> = {
  'Europe/Berlin': ['2026-03-29', '2026-10-25', '2026-12-31'],
  'America/New_York': ['2026-03-08', '2026-11-01', '2027-01-01'],
  'Asia/Shanghai': ['2026-12-31'],
  'Australia/Lord_Howe': ['2026-04-05', '2026-10-04'],
  'Asia/Kolkata': ['2026-12-31'],
  'America/Sao_Paulo': ['2018-02-18', '2018-11-04', '2026-12-31'],
  'America/St_Johns': ['2006-10-29'],
};

const minute = fc.integer({ min: 0, max: 1439 });
/** Also ranges of the small hours, where the clocks change. */
const range = fc
  .tuple(
    fc.oneof(minute, fc.integer({ min: 0, max: 240 })),
    fc.oneof(fc.integer({ min: 1, max: 960 }), fc.constant(30)),
  )
  .map(([from, length]): TimeRange => ({ from, to: from + length }));
const ranges = fc.oneof(fc.array(range, { maxLength: 3 }), fc.constant([{ from: 0, to: 1440 }]));
const scenario = fc.constantFrom(...Object.entries(ZONES)).chain(([timeZone, days]) =>
  fc.constantFrom(...days).chain((day) =>
    fc.record({
      from: fc.integer({ min: -36 * 60, max: 12 * 60 }).map((minutes) => Date.parse(day) + minutes * MINUTE_MS),
      plan: fc.record({
        timeZone: fc.constant(timeZone),
        week: fc.array(ranges, { minLength: 7, maxLength: 7 }),
        dates: fc
          .array(fc.tuple(fc.integer({ min: -2, max: 4 }), ranges), { maxLength: 3 })
          .map((special) => new Map(special.map(([offset, own]) => [dayNumber(day) + offset, own]))),
      }),
    }),
  ),
);

describe('minute by minute', () => {
  it('a line is open when the wall clock says so, and the next change is the first minute that differs', () => {
    fc.assert(
      fc.property(scenario, ({ plan: of, from }) => {
        const isRight = oracle(of);
        let expected = from;
        const state = isRight(from);
        expect(isOpen(of, from)).toBe(state);
        const until = from + 3 * DAY_MS;
        while (expected <= until && isRight(expected) === state) expected += MINUTE_MS;
        const next = nextChange(of, from);
        if (expected <= until) expect(iso(next)).toBe(iso(expected));
        else expect(next === undefined || next > until).toBe(true);
      }),
      { numRuns: 200 },
    );
  });
});
