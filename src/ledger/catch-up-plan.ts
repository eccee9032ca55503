import { chunks, MAX_VDNS_PER_REQUEST, type Query } from '../cms/client.ts';
import { ALL, type QueryCoverage } from './coverage.ts';
import type { VdnLedger } from './vdn-ledger.ts';
import { toRanges, WINDOW_MS, windowsBetween } from '../core/window.ts';

/** What is to be asked besides the latest windows. It stays good while windows come and go. */
export interface CatchUp {
  /**
   * Newest windows first, made as they are taken: a month of 5,000 VDNs is neither thought through nor kept at once.
   * Undefined now and then: some milliseconds of thinking have passed, and others may want the event loop.
   */
  readonly queries: Generator<Query | undefined, void>;
  /** The oldest window that may be asked for. */
  readonly from: number;
  /** The API was asked for everything up to this window when all queries are done. */
  readonly upTo: number;
  readonly recheckedAt: number;
  /** The newest window that was due when it was made. */
  readonly latest: number;
}

/** What a catch-up is planned from. Windows are given by their start. */
export interface CatchUpOptions {
  readonly latest: number;
  /** Newest window that is not asked for by every poll anyway. */
  readonly upTo: number;
  /** Oldest window that is asked for at all. */
  readonly floor: number;
  /** Oldest window that any VDN may count. */
  readonly first: number;
  /** `latest` when missing windows were last asked for again. */
  readonly recheckedAt: number;
  readonly lookbackWindows: number;
  readonly accounts: ReadonlyMap<number, VdnLedger>;
  readonly coverage: QueryCoverage;
}

/** Missing windows are looked at again once an hour; each is asked for whenever its age has doubled. */
const RECHECK_MS = 12 * WINDOW_MS;

/** Rows that one query may bring: bounds memory, and what a failure costs. */
const MAX_ROWS = 10_000;

/** Windows that are thought through at once: as many as a query for the most VDNs may ask for. */
const BLOCK_MS = (MAX_ROWS / MAX_VDNS_PER_REQUEST) * WINDOW_MS;

/** Accounts that are looked at between two chances for others to work: less than 5 ms. */
const SLICE = 250;

/** Plans a catch-up; undefined when there is nothing to do. */
export function planCatchUp(options: CatchUpOptions): CatchUp | undefined {
  const { latest, upTo, floor, recheckedAt } = options;
  const isRecheck = Math.floor(latest / RECHECK_MS) > Math.floor(recheckedAt / RECHECK_MS);
  const from = Math.min(isRecheck ? floor : Infinity, oldestWanted(options));
  if (from > upTo) return undefined;
  const recheck = new Set(isRecheck ? windowsToRecheck(options) : []);
  return {
    queries: queriesOf(options, from, recheck),
    from,
    upTo,
    recheckedAt: isRecheck ? latest : recheckedAt,
    latest,
  };
}

/** The oldest window that was not asked for, or was counted and is to be looked at again. */
function oldestWanted({ upTo, floor, accounts, coverage }: CatchUpOptions): number {
  let oldest = Infinity;
  for (const [, coveredUpTo] of coverage.entries()) oldest = Math.min(oldest, Math.max(coveredUpTo + WINDOW_MS, floor));
  for (const account of accounts.values())
    for (const start of account.openWindows()) if (start >= floor && start <= upTo) oldest = Math.min(oldest, start);
  return oldest;
}

/** Windows whose age, in windows, passed a power of two since the last recheck. */
function windowsToRecheck({ latest, floor, upTo, recheckedAt, lookbackWindows }: CatchUpOptions): number[] {
  const level = (age: number) => 31 - Math.clz32(Math.max(age / WINDOW_MS, lookbackWindows));
  const windows: number[] = [];
  for (let start = floor; start <= upTo; start += WINDOW_MS) {
    if (level(latest - start) > level(recheckedAt - start)) windows.push(start);
  }
  return windows;
}

function* queriesOf(options: CatchUpOptions, from: number, recheck: ReadonlySet<number>): CatchUp['queries'] {
  for (let to = options.upTo + WINDOW_MS; to > from; to -= BLOCK_MS) {
    yield* queriesOfBlock(options, Math.max(from, to - BLOCK_MS), to, recheck);
  }
}

/** Queries for what is wanted of the windows that start in [from, to). */
function* queriesOfBlock(
  { floor, first, accounts, coverage }: CatchUpOptions,
  from: number,
  to: number,
  recheck: ReadonlySet<number>,
): CatchUp['queries'] {
  const allCoveredUpTo = coverage.coveredUpTo(ALL);
  const hasRecheck = range(from, to).some((start) => recheck.has(start));
  const wantedBy = new Map<number, number[]>();
  const gaps = new Map<number, number[]>();
  let looked = 0;
  for (const [vdn, account] of accounts) {
    if (++looked % SLICE === 0) yield undefined;
    const coveredUpTo = allCoveredUpTo ?? coverage.coveredUpTo(vdn) ?? to;
    if (hasRecheck) {
      for (const start of account.uncounted(from, Math.min(to, coveredUpTo + WINDOW_MS)))
        if (recheck.has(start)) push(wantedBy, start, vdn);
    }
    for (const start of account.openWindows()) if (start >= from && start < to) push(wantedBy, start, vdn);
    if (allCoveredUpTo === undefined && coveredUpTo + WINDOW_MS < to) push(gaps, coveredUpTo, vdn);
  }
  yield undefined;

  const queries = scattered(wantedBy);
  for (const [coveredUpTo, ids] of gaps) {
    for (const chunk of chunks(ids)) {
      yield undefined;
      const known = chunk.flatMap((id) => accounts.get(id) ?? []);
      const windows = uncountedByAny(known, Math.max(coveredUpTo + WINDOW_MS, floor, from), to);
      queries.push(...queriesFor(chunk, windows, chunk.length));
    }
  }
  if (allCoveredUpTo !== undefined) {
    const windows = range(Math.max(allCoveredUpTo + WINDOW_MS, floor, first, from), to);
    queries.push(...queriesFor('all', windows, Math.max(accounts.size, MAX_VDNS_PER_REQUEST)));
  }
  yield* queries.sort((a, b) => b.range.to - a.range.to);
}

function range(from: number, to: number): number[] {
  const windows: number[] = [];
  for (let start = from; start < to; start += WINDOW_MS) windows.push(start);
  return windows;
}

function push(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function uncountedByAny(accounts: readonly VdnLedger[], from: number, to: number): readonly number[] {
  const windows = new Set<number>();
  for (const account of accounts) {
    if (windows.size === windowsBetween(from, to)) break;
    for (const start of account.uncounted(from, to)) windows.add(start);
  }
  return [...windows];
}

/** Queries for scattered windows: neighbours that the same VDNs want share requests. */
function scattered(wantedBy: ReadonlyMap<number, readonly number[]>): Query[] {
  const runs: { ids: readonly number[]; windows: number[] }[] = [];
  for (const [start, ids] of [...wantedBy].sort(([a], [b]) => a - b)) {
    const run = runs.at(-1);
    const isNext = run?.windows.at(-1) === start - WINDOW_MS;
    if (isNext && run.ids.length === ids.length && run.ids.every((id, i) => id === ids[i])) run.windows.push(start);
    else runs.push({ ids, windows: [start] });
  }
  return runs.flatMap(({ ids, windows }) => chunks(ids).flatMap((chunk) => queriesFor(chunk, windows, chunk.length)));
}

/** Queries for these windows, in ranges that bring a bounded number of rows. */
function queriesFor(vdns: Query['vdns'], windows: readonly number[], rowsPerWindow: number): Query[] {
  const most = Math.max(1, Math.floor(MAX_ROWS / rowsPerWindow)) * WINDOW_MS;
  return toRanges(windows, most).map((range) => ({ vdns, range }));
}
