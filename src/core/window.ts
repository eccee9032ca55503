/**
 * Arithmetic on the API's 5-minute windows: a UTC grid that starts at the epoch. A window is named by its start in
 * milliseconds since the epoch. Everything here is pure.
 */

export const WINDOW_MS = 300_000;

/** Longest range that the API accepts in one request ("31 days, rounded up"; sysindex document, beginDate). */
export const MAX_RANGE_MS = 31 * 86_400_000;

/** A half-open range of windows: the first one's start, and the end of the last one. */
export interface WindowRange {
  readonly from: number;
  readonly to: number;
}

export function isWindowStart(ms: number): boolean {
  return Number.isSafeInteger(ms) && ms % WINDOW_MS === 0;
}

/** Start of the window that `ms` lies in. */
export function windowAt(ms: number): number {
  return Math.floor(ms / WINDOW_MS) * WINDOW_MS;
}

/** The newest window that had ended at `now`. */
export function latestEnded(now: number): number {
  return windowAt(now) - WINDOW_MS;
}

/** The newest window that had ended at least `settleDelayMs` before `now`: the one a poll at `now` is about. */
export function latestDue(now: number, settleDelayMs: number): number {
  return latestEnded(now - settleDelayMs);
}

/** When the window after `start` is due to be polled. */
export function dueAfter(start: number, settleDelayMs: number): number {
  return start + 2 * WINDOW_MS + settleDelayMs;
}

/** Number of whole windows from one start to another; negative when `later` is the earlier one. */
export function windowsBetween(earlier: number, later: number): number {
  return Math.round((later - earlier) / WINDOW_MS);
}

/**
 * Joins windows into ranges without holes, oldest first, none longer than `maxMs`.
 * @param starts of windows, in any order, without repetitions
 */
export function toRanges(starts: readonly number[], maxMs: number = MAX_RANGE_MS): WindowRange[] {
  const ranges: { from: number; to: number }[] = [];
  for (const start of [...starts].sort((a, b) => a - b)) {
    const last = ranges.at(-1);
    if (last !== undefined && last.to === start && start + WINDOW_MS - last.from <= maxMs) last.to = start + WINDOW_MS;
    else ranges.push({ from: start, to: start + WINDOW_MS });
  }
  return ranges;
}

/** `YYYY-MM-DD HH:MM:SS` in UTC, as `beginDate` and `endDate` want it. */
export function formatApiTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replace('T', ' ');
}
