import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { MAX_VDNS_PER_REQUEST, PAGE_SIZE, type Query } from './client.ts';

/**
 * Queries that together request every (VDN, window) pair once, each for so few that the response fits in one page: no
 * row can get lost between two pages, and all of them may be sent in parallel. About one query per 100 pairs.
 * @param vdns ids, in any number and order
 * @param range whole windows, in any number
 * @returns newest windows first
 */
export function planQueries(vdns: readonly number[], range: WindowRange): Query[] {
  const windows = windowsBetween(range.from, range.to);
  if (vdns.length === 0 || windows <= 0) return [];
  const { idsPerQuery, windowsPerQuery } = blockSize(vdns.length, windows);
  const queries: Query[] = [];
  for (let to = range.to; to > range.from; to -= windowsPerQuery * WINDOW_MS) {
    const from = Math.max(range.from, to - windowsPerQuery * WINDOW_MS);
    for (let i = 0; i < vdns.length; i += idsPerQuery) {
      queries.push({ vdns: vdns.slice(i, i + idsPerQuery), range: { from, to } });
    }
  }
  return queries;
}

/** The same query as {@link planQueries} plans it; a query for all VDNs stays as it is. */
export function pageQueries(query: Query): readonly Query[] {
  return query.vdns === 'all' ? [query] : planQueries(query.vdns, query.range);
}

/** A smaller saving than this is not worth requesting the windows of a VDN in several queries. */
const WORTHWHILE = 0.95;

/** The block of at most 100 pairs that needs the fewest queries, or nearly so, with as many windows as possible. */
function blockSize(ids: number, windows: number) {
  let best = { idsPerQuery: 1, windowsPerQuery: 1, queries: Infinity };
  for (let height = Math.min(windows, PAGE_SIZE); height >= 1; height--) {
    const width = Math.min(ids, MAX_VDNS_PER_REQUEST, Math.floor(PAGE_SIZE / height));
    const [columns, rows] = [Math.ceil(ids / width), Math.ceil(windows / height)];
    if (columns * rows >= WORTHWHILE * best.queries) continue;
    // Equal blocks instead of a small last one: they take equally long.
    best = {
      idsPerQuery: Math.ceil(ids / columns),
      windowsPerQuery: Math.ceil(windows / rows),
      queries: columns * rows,
    };
  }
  return best;
}
