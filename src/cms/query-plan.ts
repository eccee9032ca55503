import { MAX_RANGE_MS, WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { MAX_VDNS_PER_REQUEST, PAGE_SIZE, type Query } from './client.ts';

/**
 * Queries that together ask for every (VDN, window) pair once, each for so few that the response fits in one page: no
 * row can get lost between two pages, and all of them may be sent in parallel. The number of queries is the smallest
 * that a grid of equal blocks allows: about one for 100 pairs.
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

/** The block of at most 100 pairs that needs the fewest queries; of equal ones that with the most windows. */
function blockSize(ids: number, windows: number) {
  let best = { idsPerQuery: 1, windowsPerQuery: 1, queries: Infinity };
  for (let width = 1; width <= Math.min(ids, MAX_VDNS_PER_REQUEST); width++) {
    const height = Math.min(windows, Math.floor(PAGE_SIZE / width), MAX_RANGE_MS / WINDOW_MS);
    const [columns, rows] = [Math.ceil(ids / width), Math.ceil(windows / height)];
    if (columns * rows >= best.queries) continue;
    // Equal blocks instead of a small last one: they take equally long.
    best = {
      idsPerQuery: Math.ceil(ids / columns),
      windowsPerQuery: Math.ceil(windows / rows),
      queries: columns * rows,
    };
  }
  return best;
}
