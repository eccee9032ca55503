import { DAY_MINUTES } from './opening-plan.ts';
import type { OpeningPlan, TimeRange } from './opening-plan.ts';
import { DAYS } from './opening-ranges.ts';
import type { Targets, Threshold } from './targets.ts';

const DAY_MS = 86_400_000;

/** Targets as they are written in YAML, each of them. */
export function describeTargets(targets: Readonly<Partial<Targets>>): Record<string, unknown> {
  const describe = ({ warning, critical }: Threshold): unknown =>
    warning === undefined && critical === undefined
      ? 'off'
      : { warning: warning ?? 'off', critical: critical ?? 'off' };
  return Object.fromEntries(Object.entries(targets).map(([indicator, threshold]) => [indicator, describe(threshold)]));
}

/** Opening hours as they are written in YAML: every key, so that nothing is inherited. */
export function describeOpeningHours(plan: OpeningPlan | undefined): unknown {
  if (plan === undefined) return '24h';
  const dates = [...plan.dates].map(([day, ranges]) => [formatDate(day), ranges] as const);
  const open = dates.filter(([, ranges]) => ranges.length > 0);
  return {
    time_zone: plan.timeZone,
    week: describeWeek(plan.week.map(describeRanges)),
    closed_on: dates.filter(([, ranges]) => ranges.length === 0).map(([date]) => date),
    open_on: Object.fromEntries(open.map(([date, ranges]) => [date, describeRanges(ranges)])),
  };
}

/** Days in a row with the same ranges under one key. */
function describeWeek(days: readonly (string | readonly string[])[]): Record<string, unknown> {
  const runs: { first: number; last: number; ranges: unknown }[] = [];
  for (const [day, ranges] of days.entries()) {
    const run = runs.at(-1);
    if (run !== undefined && String(run.ranges) === String(ranges)) run.last = day;
    else runs.push({ first: day, last: day, ranges });
  }
  const key = (first: number, last: number): string =>
    first === last ? (DAYS[first] ?? '') : `${DAYS[first] ?? ''}-${DAYS[last] ?? ''}`;
  return Object.fromEntries(runs.map(({ first, last, ranges }) => [key(first, last), ranges]));
}

function describeRanges(ranges: readonly TimeRange[]): string | string[] {
  const [first, ...others] = ranges.map(formatRange);
  if (first === undefined) return 'closed';
  return others.length === 0 ? first : [first, ...others];
}

function formatRange({ from, to }: TimeRange): string {
  if (from === 0 && to === DAY_MINUTES) return '24h';
  return `${formatMinutes(from)}-${formatMinutes(to > DAY_MINUTES ? to - DAY_MINUTES : to)}`;
}

function formatMinutes(minutes: number): string {
  return `${String(Math.floor(minutes / 60)).padStart(2, '0')}:${String(minutes % 60).padStart(2, '0')}`;
}

function formatDate(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
