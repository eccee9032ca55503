/** Parses the times of `--from` and `--to`, and the range of windows between them. */
import { parseDuration } from '../core/duration.ts';
import { UsageError } from '../core/errors.ts';
import { WINDOW_MS, windowAt, type WindowRange } from '../core/window.ts';

const RFC_3339 = /^(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)$/;

/** A common mistake: the time of day or the time zone is missing. */
const WITHOUT_ZONE = /^(\d{4}-\d\d-\d\d)(?:[Tt ](\d\d:\d\d(?::\d\d)?))?$/;

/** Whether a TIME depends on when it is read. */
export function isRelative(text: string): boolean {
  return text === 'now' || text.startsWith('-');
}

/**
 * Milliseconds since the epoch of a TIME: RFC 3339, `now`, or a duration before now such as `-7d` or `-1h30m`.
 * Undefined when the text is not a time.
 */
export function parseTime(text: string, now: number): number | undefined {
  if (text === 'now') return now;
  if (text.startsWith('-')) {
    const ago = parseDuration(text.slice(1));
    return ago === undefined ? undefined : now - ago;
  }
  const [, date = '', time = ''] = RFC_3339.exec(text) ?? [];
  // Date.parse turns 30 February into 1 March: the wall time must come back as it was written.
  const wall = Date.parse(`${date}T${time}Z`);
  if (Number.isNaN(wall) || !new Date(wall).toISOString().startsWith(`${date}T${time}`)) return undefined;
  const ms = Date.parse(text.toUpperCase().replace(' ', 'T'));
  return Number.isNaN(ms) ? undefined : ms;
}

export interface RangeFlags {
  readonly from: string | undefined;
  readonly to: string | undefined;
}

export interface AlignedRange extends WindowRange {
  /** Whether from or to was moved to the grid. */
  readonly isMoved: boolean;
}

function time(flag: string, text: string | undefined, now: number): number {
  if (text === undefined) throw new UsageError(`--${flag}=TIME is missing: for example --from=-7d --to=now`);
  const ms = parseTime(text, now);
  if (ms !== undefined && ms < 0) throw new UsageError(`--${flag} is "${text}", which is before 1970`);
  if (ms !== undefined) return ms;
  const [, date, clock = '00:00:00'] = WITHOUT_ZONE.exec(text) ?? [];
  const inUtc = `${date ?? ''}T${clock.length === 5 ? `${clock}:00` : clock}Z`;
  if (parseTime(inUtc, now) !== undefined) {
    throw new UsageError(`--${flag} is "${text}", which has no time zone: write ${inUtc} if UTC is meant`);
  }
  throw new UsageError(
    `--${flag} is "${text}", which is not a time: write 2026-01-31T00:00:00Z, 2026-01-31T08:00:00+08:00, now or -1d12h`,
  );
}

/**
 * The range of windows from `--from` to `--to`. Both move back to the start of their window, so that the range keeps its
 * length and its last window has ended.
 * @throws UsageError
 */
export function parseRange({ from, to }: RangeFlags, now: number): AlignedRange {
  const start = time('from', from, now);
  const end = time('to', to, now);
  if (start >= end) {
    throw new UsageError(`--from (${formatTime(start)}) must be before --to (${formatTime(end)})`);
  }
  if (end > now) {
    throw new UsageError(`--to (${formatTime(end)}) lies in the future: it is ${formatTime(now)}; use --to=now`);
  }
  const range = { from: windowAt(start), to: windowAt(end) };
  if (range.from === range.to) {
    throw new UsageError(
      `No 5-minute window ends from ${formatTime(start)} to ${formatTime(end)}: windows start at full 5 minutes (UTC)`,
    );
  }
  return { ...range, isMoved: start % WINDOW_MS !== 0 || end % WINDOW_MS !== 0 };
}

/** RFC 3339 in UTC, with milliseconds only when there are any. */
export function formatTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z');
}

/** `2026-01-01T00:00:00Z to 2026-02-01T00:00:00Z` */
export function formatRange({ from, to }: WindowRange): string {
  return `${formatTime(from)} to ${formatTime(to)}`;
}
