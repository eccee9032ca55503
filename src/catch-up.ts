import { chunks, type Query } from './api/client.ts';
import { toRanges, WINDOW_MS } from './window.ts';

/** What is to be asked besides the latest windows, newest first. It stays good while windows come and go. */
export interface CatchUp {
  readonly queries: readonly Query[];
  /** The API was asked for everything up to this window when all queries are done. */
  readonly upTo: number;
  readonly sweptAt: number;
  /** The newest window that was due when it was made. */
  readonly latest: number;
}

/** Rows that one query of a catch-up may bring: bounds memory, and what a failure costs. */
const CATCH_UP_ROWS = 10_000;

/** Adds an item to the list under a key. */
export function push(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

/** Queries for scattered windows: neighbours that the same VDNs want share requests. */
export function toQueries(wantedBy: ReadonlyMap<number, readonly number[]>): Query[] {
  const runs: { ids: readonly number[]; key: string; windows: number[] }[] = [];
  for (const [begin, ids] of [...wantedBy].sort(([a], [b]) => a - b)) {
    const key = ids.join();
    const run = runs.at(-1);
    if (run?.key === key && run.windows.at(-1) === begin - WINDOW_MS) run.windows.push(begin);
    else runs.push({ ids, key, windows: [begin] });
  }
  return runs.flatMap(({ ids, windows }) => chunks(ids).flatMap((chunk) => toQueriesOf(chunk, windows, chunk.length)));
}

/** Queries for these windows, in ranges that bring a bounded number of rows. */
export function toQueriesOf(vdns: Query['vdns'], windows: readonly number[], rowsPerWindow: number): Query[] {
  const most = Math.max(1, Math.floor(CATCH_UP_ROWS / rowsPerWindow)) * WINDOW_MS;
  return toRanges(windows, most).map((range) => ({ vdns, range }));
}
