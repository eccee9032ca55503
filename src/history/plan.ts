/** A long range of windows as queries that the API accepts, and their answers in order. */
import { chunks, type Query } from '../cms/client.ts';
import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';

/**
 * Rows of a query, all pages together: what is held in memory, times the number of queries at once. A week of one VDN,
 * so that the 31 days that the API allows are never reached, rounded up or not. Fewer rows would cost a
 * CMS without `count` a request more for each query that ends with a full page. A stored state counts in these steps:
 * another number needs another version of it.
 */
const ROWS_PER_QUERY = 2_000;

/** With `all` the number of VDNs is unknown: half an hour, 30,000 rows at the very most. */
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

/** Steps by index, none of them made before it is asked for: a year of 5,000 VDNs has 50,000. */
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
        // It may fail while an earlier one is awaited; it is awaited in its turn, or given up with the others.
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
