import { chunks, MAX_VDNS_PER_REQUEST, type Query } from '../cms/client.ts';
import { toRanges, WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { ALL, type QueryCoverage } from './coverage.ts';
import type { Horizon } from './horizon.ts';
import type { VdnAccount } from './vdn-account.ts';

/** What is to be requested besides the latest windows. It stays valid while windows come and go. */
export interface CatchUp {
  /**
   * Newest windows first. The queries are made one by one: those for a month of 5,000 VDNs are never all in memory.
   * Undefined now and then, after some milliseconds of work, so that the caller can yield to the event loop.
   */
  readonly queries: Generator<Query | undefined, void>;
  /** The oldest window that may be requested. */
  readonly from: number;
  /** The newest window that may be requested. All up to it is covered when the queries are done. */
  readonly upTo: number;
  readonly recheckedAt: number;
  /** The newest window that was due when the plan was made. */
  readonly latest: number;
}

/** What a catch-up is planned from. Windows are given by their start. */
export interface CatchUpOptions {
  readonly horizon: Horizon;
  /** The newest window that regular polls do not request. */
  readonly upTo: number;
  /** The oldest window that may be counted for any VDN. */
  readonly countingStart: number;
  /** The latest window when missing windows were last requested again. */
  readonly recheckedAt: number;
  readonly lookbackWindows: number;
  readonly accounts: ReadonlyMap<number, VdnAccount>;
  readonly coverage: QueryCoverage;
}

/** Missing and doubtful windows are rechecked once an hour; each is requested whenever its age has doubled. */
const RECHECK_MS = 12 * WINDOW_MS;

/** Rows that one query may return: it bounds the memory, and what one failure costs. */
const MAX_ROWS = 10_000;

/** Windows that are planned at once: as many as one query for the most VDNs may request. */
const BLOCK_MS = (MAX_ROWS / MAX_VDNS_PER_REQUEST) * WINDOW_MS;

/** Accounts that are looked at between two chances to yield: less than 5 ms of work. */
const ACCOUNTS_PER_STEP = 250;

/** Plans a catch-up; undefined when there is nothing to do. */
export function planCatchUp(options: CatchUpOptions): CatchUp | undefined {
  const { horizon, upTo, recheckedAt } = options;
  const { latest, floor } = horizon;
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

/** The oldest window that is not covered, that is open and outside the regular range, or whose recheck failed. */
function oldestWanted({ horizon: { floor }, upTo, accounts, coverage }: CatchUpOptions): number {
  let oldest = Infinity;
  for (const [, coveredUpTo] of coverage.entries()) oldest = Math.min(oldest, Math.max(coveredUpTo + WINDOW_MS, floor));
  for (const account of accounts.values()) {
    if (account.hasRetries) return floor;
    for (const start of account.openWindows()) if (start >= floor && start <= upTo) oldest = Math.min(oldest, start);
  }
  return oldest;
}

/** Windows whose age, in windows, passed a power of two since the last recheck. */
function windowsToRecheck({ horizon, upTo, recheckedAt, lookbackWindows }: CatchUpOptions): number[] {
  const level = (age: number) => 31 - Math.clz32(Math.max(age / WINDOW_MS, lookbackWindows));
  return windowsIn({ from: horizon.floor, to: upTo + WINDOW_MS }).filter(
    (start) => level(horizon.latest - start) > level(recheckedAt - start),
  );
}

function* queriesOf(options: CatchUpOptions, from: number, recheck: ReadonlySet<number>): CatchUp['queries'] {
  for (let to = options.upTo + WINDOW_MS; to > from; to -= BLOCK_MS) {
    yield* queriesOfBlock(options, { from: Math.max(from, to - BLOCK_MS), to }, recheck);
  }
}

/** Queries for what is wanted of the windows in a block. */
function* queriesOfBlock(
  options: CatchUpOptions,
  block: WindowRange,
  recheck: ReadonlySet<number>,
): CatchUp['queries'] {
  const { accounts, coverage } = options;
  const allCoveredUpTo = coverage.coveredUpTo(ALL);
  const rechecked = new Set(windowsIn(block).filter((start) => recheck.has(start)));
  const wantedBy = new Map<number, number[]>();
  const gaps = new Map<number, number[]>();
  let looked = 0;
  for (const [vdn, account] of accounts) {
    if (++looked % ACCOUNTS_PER_STEP === 0) yield undefined;
    const coveredUpTo = allCoveredUpTo ?? coverage.coveredUpTo(vdn) ?? block.to;
    for (const start of wantedWindows(account, block, rechecked, coveredUpTo)) push(wantedBy, start, vdn);
    if (allCoveredUpTo === undefined && coveredUpTo + WINDOW_MS < block.to) push(gaps, coveredUpTo, vdn);
  }
  yield undefined;

  const queries = queriesForWindows(wantedBy);
  for (const [coveredUpTo, ids] of gaps) {
    for (const chunk of chunks(ids)) {
      yield undefined;
      queries.push(...queriesForGap(options, block, coveredUpTo, chunk));
    }
  }
  if (allCoveredUpTo !== undefined) queries.push(...queriesForGapOfAll(options, block, allCoveredUpTo));
  yield* queries.sort((a, b) => b.range.to - a.range.to);
}

/** Windows of a VDN that were covered and are to be requested again: missing or doubtful ones, and open ones. */
function* wantedWindows(
  account: VdnAccount,
  { from, to }: WindowRange,
  rechecked: ReadonlySet<number>,
  coveredUpTo: number,
): Generator<number> {
  if (rechecked.size > 0 || account.hasRetries) {
    const end = Math.min(to, coveredUpTo + WINDOW_MS);
    const isDue = (start: number) => rechecked.has(start) || account.isRetry(start);
    for (const start of account.uncounted(from, end)) if (isDue(start)) yield start;
    for (const start of account.doubtful(from, end)) if (isDue(start) && !account.isOpen(start)) yield start;
  }
  for (const start of account.openWindows()) if (start >= from && start < to) yield start;
}

/** Queries for the windows after `coveredUpTo` that any of these VDNs has not counted. */
function queriesForGap(
  { horizon, accounts }: CatchUpOptions,
  { from, to }: WindowRange,
  coveredUpTo: number,
  vdns: readonly number[],
): Query[] {
  const known = vdns.flatMap((vdn) => accounts.get(vdn) ?? []);
  const start = Math.max(coveredUpTo + WINDOW_MS, horizon.floor, from);
  return queriesFor(vdns, uncountedByAny(known, start, to), vdns.length);
}

/** With `vdns: all`: queries for every window after `coveredUpTo`. */
function queriesForGapOfAll(
  { horizon, countingStart, accounts }: CatchUpOptions,
  { from, to }: WindowRange,
  coveredUpTo: number,
): Query[] {
  const start = Math.max(coveredUpTo + WINDOW_MS, horizon.floor, countingStart, from);
  return queriesFor('all', windowsIn({ from: start, to }), Math.max(accounts.size, MAX_VDNS_PER_REQUEST));
}

function windowsIn({ from, to }: WindowRange): number[] {
  const windows: number[] = [];
  for (let start = from; start < to; start += WINDOW_MS) windows.push(start);
  return windows;
}

function push(lists: Map<number, number[]>, key: number, item: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [item]);
  else list.push(item);
}

function uncountedByAny(accounts: readonly VdnAccount[], from: number, to: number): readonly number[] {
  const windows = new Set<number>();
  for (const account of accounts) {
    if (windows.size === windowsBetween(from, to)) break;
    for (const start of account.uncounted(from, to)) windows.add(start);
  }
  return [...windows];
}

/** Queries for single windows and the VDNs that want them. Neighbors that the same VDNs want share queries. */
function queriesForWindows(wantedBy: ReadonlyMap<number, readonly number[]>): Query[] {
  const runs: { ids: readonly number[]; windows: number[] }[] = [];
  for (const [start, ids] of [...wantedBy].sort(([a], [b]) => a - b)) {
    const run = runs.at(-1);
    const isNext = run?.windows.at(-1) === start - WINDOW_MS;
    if (isNext && run.ids.length === ids.length && run.ids.every((id, i) => id === ids[i])) run.windows.push(start);
    else runs.push({ ids, windows: [start] });
  }
  return runs.flatMap(({ ids, windows }) => chunks(ids).flatMap((chunk) => queriesFor(chunk, windows, chunk.length)));
}

/** Queries for these windows, in ranges that return a bounded number of rows. */
function queriesFor(vdns: Query['vdns'], windows: readonly number[], rowsPerWindow: number): Query[] {
  const maxMs = Math.max(1, Math.floor(MAX_ROWS / rowsPerWindow)) * WINDOW_MS;
  return toRanges(windows, maxMs).map((range) => ({ vdns, range }));
}
