import { isTimeZone } from '../core/time-zone.ts';
import { DAY_MINUTES } from './opening-plan.ts';
import type { OpeningPlan, TimeRange } from './opening-plan.ts';
import { readDate, readRanges, readWeek } from './opening-ranges.ts';
import { CONFIG_KEYS } from './schema.ts';
import { line } from './value-parsers.ts';
import type { Reader } from './value-reader.ts';

/** The opening hours in force at one level of the config, those of the levels above included. */
export interface OpeningHours {
  readonly timeZone: string | undefined;
  /** Undefined is around the clock. */
  readonly week: OpeningPlan['week'] | undefined;
  readonly closedOn: ReadonlySet<number>;
  readonly openOn: ReadonlyMap<number, readonly TimeRange[]>;
  /** The value that set any of it last. */
  readonly source: Reader | undefined;
}

export const NO_HOURS: OpeningHours = {
  timeZone: undefined,
  week: undefined,
  closedOn: new Set(),
  openOn: new Map(),
  source: undefined,
};

const ALWAYS_OPEN: OpeningPlan['week'] = Array.from({ length: 7 }, () => [{ from: 0, to: DAY_MINUTES }]);

/**
 * The opening hours at one level. Each key that it gives replaces the one of the level above as a whole; where that
 * leaves a date both closed and open, the nearer level wins.
 */
export function readOpeningHours(value: Reader | undefined, inherited: OpeningHours): OpeningHours {
  if (value === undefined) return inherited;
  if (value.isScalar()) {
    const text = value.scalar('')?.text;
    if (text !== undefined && text !== '24h') value.report('Must be a mapping with time_zone and week, or 24h');
    return NO_HOURS;
  }
  const keys = value.mapping(CONFIG_KEYS.openingHours);
  if (keys === undefined) return inherited;
  const week = keys.optional('week');
  const closedOn = readClosedOn(keys.optional('closed_on'));
  const openOn = readOpenOn(keys.optional('open_on'), closedOn);
  return {
    timeZone: readTimeZone(keys.optional('time_zone')) ?? inherited.timeZone,
    week: week === undefined ? inherited.week : readWeek(week),
    closedOn: closedOn ?? without(inherited.closedOn, openOn),
    openOn: openOn ?? new Map([...inherited.openOn].filter(([day]) => closedOn?.has(day) !== true)),
    source: value,
  };
}

function without(days: ReadonlySet<number>, open: ReadonlyMap<number, unknown> | undefined): ReadonlySet<number> {
  return new Set([...days].filter((day) => open?.has(day) !== true));
}

function readTimeZone(value: Reader | undefined): string | undefined {
  const name = line(value);
  if (name === undefined || isTimeZone(name)) return name;
  value?.report('Unknown time zone: write a name of the IANA database, such as Europe/Berlin');
  // A stand-in, so that this is not reported as missing as well.
  return 'UTC';
}

function readClosedOn(value: Reader | undefined): ReadonlySet<number> | undefined {
  const items = value?.list('a list of dates such as [2026-12-25, 2026-12-26]');
  if (items === undefined) return undefined;
  const days = new Set<number>();
  for (const item of items) {
    const day = readDate(item.scalar('a date such as 2026-12-25')?.text, (message) => {
      item.report(message);
    });
    if (day === undefined) continue;
    if (days.has(day)) item.report('This date is already listed');
    days.add(day);
  }
  return days;
}

function readOpenOn(
  value: Reader | undefined,
  closedOn: ReadonlySet<number> | undefined,
): ReadonlyMap<number, readonly TimeRange[]> | undefined {
  const entries = value?.entries();
  if (entries === undefined) return undefined;
  const days = new Map<number, readonly TimeRange[]>();
  for (const [date, entry] of entries) {
    const day = readDate(date, (message) => {
      entry.reportKey(message);
    });
    const ranges = readRanges(entry).map(({ from, to }) => ({ from, to }));
    if (day === undefined) continue;
    if (closedOn?.has(day) === true) entry.reportKey('This date is in closed_on as well: remove it there or here');
    days.set(day, ranges);
  }
  return days;
}

/** Turns opening hours into plans; equal ones become the same plan, however many lines have them. */
export function createPlans(): (hours: OpeningHours) => OpeningPlan | undefined {
  const byHours = new Map<OpeningHours, OpeningPlan | undefined>();
  const byContent = new Map<string, OpeningPlan>();

  function build({ timeZone, week, closedOn, openOn, source }: OpeningHours): OpeningPlan | undefined {
    const closed = [...closedOn].map((day) => [day, []] as const);
    const dates = new Map([...closed, ...openOn].sort(([a], [b]) => a - b));
    if (week === undefined && dates.size === 0) return undefined;
    if (timeZone === undefined) {
      source?.report('Opening hours need time_zone, here or at a level above: add one, such as Europe/Berlin');
      return undefined;
    }
    const plan = { timeZone, week: week ?? ALWAYS_OPEN, dates };
    const content = JSON.stringify([timeZone, plan.week, [...dates]]);
    const known = byContent.get(content) ?? plan;
    byContent.set(content, known);
    return known;
  }

  return (hours) => {
    if (!byHours.has(hours)) byHours.set(hours, build(hours));
    return byHours.get(hours);
  };
}
