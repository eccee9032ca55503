/** Cuts a long range into queries that the API accepts, and runs them in order. */
import { chunks, type Query } from '../cms/client.ts';
import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';

/**
 * Rows of one query, all pages together; memory holds this many for each concurrent query. This is about a week of one
 * VDN, well below the 31 days that the API allows. Smaller queries would cost a CMS that sends no `count` more requests.
 * The state file of a backfill counts in these steps: give it a new version when you change this number.
 */
const ROWS_PER_QUERY = 2_000;

/** With `all` the number of VDNs is unknown. Half an hour has 30,000 rows at most. */
const WINDOWS_PER_QUERY_OF_ALL = 6;

/** The VDNs of one call center. */
export interface HistoryTarget {
  readonly callCenter: string;
  readonly vdns: readonly number[] | 'all';
}

/** One query of a plan. The steps of a group follow each other in time; then comes the next group of VDNs. */
export interface HistoryStep {
  /** Index of the target. */
  readonly target: number;
  readonly query: Query;
  readonly isFirstOfGroup: boolean;
  readonly isLastOfGroup: boolean;
  /** Windows times VDNs; with `all`, windows. */
  readonly expected: number;
}

/** Steps by index. Each is made when it is needed: a year of 5,000 VDNs has 50,000. */
export interface HistoryPlan {
  readonly length: number;
  /** Sum of what all steps expect. */
  readonly expected: number;
  at(index: number): HistoryStep;
}

/** Cuts a range into queries within the limits of the API: at most 100 VDNs and some 2,000 rows, which is a week. */
export function planHistory(targets: readonly HistoryTarget[], range: WindowRange): HistoryPlan {
  const windows = windowsBetween(range.from, range.to);
  let length = 0;
  let expected = 0;
  const groups = targets.flatMap(({ vdns }, target) =>
    (vdns === 'all' ? [vdns] : chunks(vdns)).map((ids) => {
      const size = ids === 'all' ? 1 : ids.length;
      const perQuery = ids === 'all' ? WINDOWS_PER_QUERY_OF_ALL : Math.floor(ROWS_PER_QUERY / size);
      const group = { target, vdns: ids, size, perQuery, first: length, steps: Math.ceil(windows / perQuery) };
      length += group.steps;
      expected += windows * size;
      return group;
    }),
  );

  return {
    length,
    expected,
    at(index) {
      const group = groups.findLast(({ first }) => first <= index);
      if (group === undefined || index >= length) throw new RangeError(`There is no step ${index}`);
      const place = index - group.first;
      const from = range.from + place * group.perQuery * WINDOW_MS;
      const to = Math.min(range.to, from + group.perQuery * WINDOW_MS);
      return {
        target: group.target,
        query: { vdns: group.vdns, range: { from, to } },
        isFirstOfGroup: place === 0,
        isLastOfGroup: place === group.steps - 1,
        expected: group.size * windowsBetween(from, to),
      };
    },
  };
}

/** The sum of what the steps before `index` expect. */
export function expectedBefore(plan: HistoryPlan, index: number): number {
  let expected = 0;
  for (let i = 0; i < index; i++) expected += plan.at(i).expected;
  return expected;
}

/**
 * Runs `fetch` for the indexes from `start` up to `end`, at most `concurrency` at once, and yields the results in the
 * order of the indexes. At most `concurrency` results are held. When one fails, or the caller stops, the others are
 * aborted.
 */
export async function* inOrder<T>(
  { start, end, concurrency }: { start: number; end: number; concurrency: number },
  fetch: (index: number, signal: AbortSignal) => Promise<T>,
  signal: AbortSignal,
): AsyncGenerator<T, void> {
  const stopping = new AbortController();
  const either = AbortSignal.any([signal, stopping.signal]);
  const pending: Promise<T>[] = [];
  let next = start;
  try {
    for (;;) {
      while (pending.length < concurrency && next < end) {
        const result = fetch(next++, either);
        // Handled when it is awaited; until then a failure must not count as unhandled.
        result.catch(() => undefined);
        pending.push(result);
      }
      const head = pending.shift();
      if (head === undefined) return;
      yield await head;
    }
  } finally {
    stopping.abort();
    await Promise.allSettled(pending);
  }
}
