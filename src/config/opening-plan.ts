import { offsetAt } from '../core/time-zone.ts';

/** Minutes from the midnight that its day starts with, `to` not included; beyond 1440 it runs over midnight. */
export interface TimeRange {
  readonly from: number;
  readonly to: number;
}

/** When a line is open. A range belongs to the day on which it starts. */
export interface OpeningPlan {
  /** IANA name. */
  readonly timeZone: string;
  /** The ranges of each day, Monday first, in order. */
  readonly week: readonly (readonly TimeRange[])[];
  /** Dates with ranges of their own, none where it is closed; by days since 1970-01-01. */
  readonly dates: ReadonlyMap<number, readonly TimeRange[]>;
}

export const DAY_MINUTES = 1440;
const MINUTE_MS = 60_000;
const DAY_MS = DAY_MINUTES * MINUTE_MS;
/** A week and a day: after that long without a change, only a special date can bring one. */
const SEARCH_DAYS = 8;

function rangesOf({ week, dates }: OpeningPlan, day: number): readonly TimeRange[] {
  // 1970-01-01 was a Thursday.
  return dates.get(day) ?? week[(day + 3) % 7] ?? [];
}

/**
 * Whether the wall clock of the plan's zone shows a time within the opening hours at `now` (milliseconds since the
 * epoch). So an hour that daylight saving time skips is not there, and one that it repeats counts twice.
 */
export function isOpen(plan: OpeningPlan, now: number): boolean {
  const local = now + offsetAt(plan.timeZone, now);
  const day = Math.floor(local / DAY_MS);
  const minute = (local - day * DAY_MS) / MINUTE_MS;
  return (
    rangesOf(plan, day).some(({ from, to }) => from <= minute && minute < to) ||
    rangesOf(plan, day - 1).some(({ to }) => minute + DAY_MINUTES < to)
  );
}

/** When the line opens or closes next after `now`, in milliseconds since the epoch; undefined if it never does. */
export function nextChange(plan: OpeningPlan, now: number): number | undefined {
  const state = isOpen(plan, now);
  for (const start of daysToSearch(plan, now)) {
    const change = possibleChanges(plan, start).find((at) => isOpen(plan, at) !== state);
    if (change !== undefined) return change;
  }
  return undefined;
}

/** Starts of the 24 hours to search, in order: those from `now` on, then those around each special date. */
function* daysToSearch({ dates }: OpeningPlan, now: number): Generator<number> {
  const special = [...dates.keys()].sort((a, b) => a - b);
  let until = now + SEARCH_DAYS * DAY_MS;
  for (let start = now; ; start += DAY_MS) {
    if (start > until) {
      const next = special.find((day) => day * DAY_MS > start);
      if (next === undefined) return;
      // Two days earlier, because a local date may start up to 14 hours before that of UTC.
      start = Math.max(start, (next - 2) * DAY_MS);
      until = (next + SEARCH_DAYS) * DAY_MS;
    }
    yield start;
  }
}

/** In order, every time in the 24 hours after `start` when the line may open or close; at others it does not. */
function possibleChanges(plan: OpeningPlan, start: number): number[] {
  const end = start + DAY_MS;
  const offsets = [offsetAt(plan.timeZone, start), offsetAt(plan.timeZone, end)] as const;
  const firstDay = Math.floor((start + Math.min(...offsets)) / DAY_MS) - 1;
  const lastDay = Math.floor((end + Math.max(...offsets)) / DAY_MS);
  const times = new Set<number>();
  for (let day = firstDay; day <= lastDay; day++) {
    for (const { from, to } of rangesOf(plan, day)) {
      for (const minute of [from, to]) {
        for (const offset of offsets) times.add(day * DAY_MS + minute * MINUTE_MS - offset);
      }
    }
  }
  if (offsets[0] !== offsets[1]) times.add(offsetChange(plan.timeZone, start, end));
  return [...times].filter((time) => time > start && time <= end).sort((a, b) => a - b);
}

/** When the offset of a zone changes between two times at which it differs; a zone does so at most once a day. */
function offsetChange(timeZone: string, start: number, end: number): number {
  const before = offsetAt(timeZone, start);
  let [low, high] = [start, end];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (offsetAt(timeZone, middle) === before) low = middle;
    else high = middle;
  }
  return high;
}
