import { DAY_MINUTES } from './opening-plan.ts';
import type { OpeningPlan, TimeRange } from './opening-plan.ts';
import type { Reader } from './value-reader.ts';

/** Monday first, as plans have them. */
export const DAYS = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
const DAY_MS = 86_400_000;
/** A longer range over midnight is more likely one whose times were exchanged. */
const MAX_OVERNIGHT_MINUTES = 16 * 60;
const EXPECTED = 'a range such as 08:00-20:00, a list such as [08:00-12:00, 13:00-18:00], 24h or closed';

/** A range and where it was written. */
export interface ListedRange extends TimeRange {
  readonly value: Reader;
}

/** Days since 1970-01-01 of a date such as 2026-12-25; undefined after reporting that it is none. */
export function readDate(text: string | undefined, report: (message: string) => void): number | undefined {
  if (text === undefined) return undefined;
  const ms = /^20\d\d-\d\d-\d\d$/.test(text) ? Date.parse(text) : Number.NaN;
  // Date.parse takes 2026-02-30 for March 2.
  if (!Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text)) return ms / DAY_MS;
  report('Must be a date that exists, such as 2026-12-25');
  return undefined;
}

/** The ranges of one day in order: `08:00-20:00`, several of them in a list or with commas, `24h` or `closed`. */
export function readRanges(value: Reader): readonly ListedRange[] {
  const ranges = parseDay(value).sort((a, b) => a.from - b.from);
  for (const [index, range] of ranges.entries()) {
    const before = ranges[index - 1];
    if (before !== undefined && range.from < before.to) range.value.report('Overlaps another range of the same day');
  }
  return ranges;
}

function parseDay(value: Reader): ListedRange[] {
  if (!value.isScalar()) {
    const parts = value.list(EXPECTED) ?? [];
    return parts.flatMap((part) => parseRange(part.scalar('a range such as 08:00-20:00')?.text, part) ?? []);
  }
  const text = value.scalar(EXPECTED)?.text.trim();
  if (text === undefined || text === 'closed') return [];
  if (text === '24h') return [{ from: 0, to: DAY_MINUTES, value }];
  return text.split(',').flatMap((part) => parseRange(part, value) ?? []);
}

function parseRange(text: string | undefined, value: Reader): ListedRange | undefined {
  if (text === undefined) return undefined;
  const [, ...parts] = /^(\d\d?):(\d\d) ?- ?(\d\d?):(\d\d)$/.exec(text.trim()) ?? [];
  const [fromHour = 99, fromMinute = 99, toHour = 99, toMinute = 99] = parts.map(Number);
  const [from, to] = [fromHour * 60 + fromMinute, toHour * 60 + toMinute];
  if (fromHour > 23 || fromMinute > 59 || to > DAY_MINUTES || toMinute > 59) {
    value.report(`Must be ${EXPECTED}`);
  } else if (from === to) {
    value.report('The range is empty: its end is its start; write 24h for the whole day');
  } else if (from < to) {
    return { from, to, value };
  } else if (to + DAY_MINUTES - from <= MAX_OVERNIGHT_MINUTES) {
    return { from, to: to + DAY_MINUTES, value };
  } else {
    value.report(
      'The range ends before it starts: exchange the times; over midnight it may last at most 16 hours, so split a longer one at 24:00',
    );
  }
  return undefined;
}

/** The ranges of each day, Monday first; a day that is not named is closed. */
export function readWeek(value: Reader): OpeningPlan['week'] {
  const week = DAYS.map((): readonly ListedRange[] => []);
  const lines = new Map<number, number>();
  for (const [key, entry] of value.entries() ?? []) {
    const days = daysOf(key);
    if (days === undefined) {
      entry.reportKey(`Must be a day (${DAYS.join(', ')}) or a range of days such as mon-fri`);
      continue;
    }
    const twice = days.find((day) => lines.has(day));
    if (twice !== undefined) {
      entry.reportKey(`${DAYS[twice] ?? ''} is already given in line ${lines.get(twice) ?? 0}: name each day once`);
    }
    const ranges = readRanges(entry);
    for (const day of days) {
      if (lines.has(day)) continue;
      lines.set(day, entry.line);
      week[day] = ranges;
    }
  }
  refuseOverlapsAtMidnight(week);
  return week.map((ranges) => ranges.map(({ from, to }) => ({ from, to })));
}

/** The days of `mon` or `fri-mon`, by their numbers from Monday, 0. */
function daysOf(key: string): number[] | undefined {
  const [first, last, ...more] = key.split('-').map((name) => (DAYS as readonly string[]).indexOf(name));
  if (first === undefined || first < 0 || (last ?? first) < 0 || more.length > 0) return undefined;
  const count = (((last ?? first) - first + 7) % 7) + 1;
  return Array.from({ length: count }, (_, i) => (first + i) % 7);
}

function refuseOverlapsAtMidnight(week: readonly (readonly ListedRange[])[]): void {
  const reported = new Set<Reader>();
  for (const [day, ranges] of week.entries()) {
    const next = week[(day + 1) % 7]?.[0];
    for (const { to, value } of ranges) {
      if (next === undefined || to - DAY_MINUTES <= next.from || reported.has(value)) continue;
      value.report(
        `Runs over midnight into a range of ${DAYS[(day + 1) % 7] ?? ''}: end it earlier, or start that later`,
      );
      reported.add(value);
    }
  }
}
