import type { Query, QueryResult } from '../cms/client.ts';
import type { VdnWindow } from '../cms/rows.ts';
import { MAX_VDNS } from '../config/schema.ts';
import { MAX_RANGE_MS, WINDOW_MS, windowAt, type WindowRange } from '../core/window.ts';
import { hasActivity } from './activity.ts';
import { type CatchUp, planCatchUp } from './catch-up-plan.ts';
import { CountingStart, healed } from './counting-start.ts';
import { ALL, QueryCoverage } from './coverage.ts';
import { type Horizon, type HorizonOptions, horizonOf, horizonWindows, regularRange } from './horizon.ts';
import { type Clocks, RowClock, type TrustedClock, trustedClock } from './trusted-clock.ts';
import { type AccountState, NO_TOTALS, type Totals, VdnAccount } from './vdn-account.ts';

/** The ledger of a call center as it is stored (docs/storage.md). */
export interface LedgerState {
  /** First window that is counted for a VDN that turns up later under `vdns: all`. */
  readonly countingStart: number;
  /** For each VDN, or 0 for all of them at once: the window up to which the API was queried without a gap. */
  readonly coveredUpTo: readonly (readonly [unit: number, window: number])[];
  /** The latest window when missing windows were last requested again. */
  readonly recheckedAt: number;
  readonly vdns: readonly (readonly [vdn: number, state: AccountState])[];
}

export interface LedgerOptions extends HorizonOptions {
  /** The configured ids, or `all`. */
  readonly vdns: readonly number[] | 'all';
}

/** What a response changed. */
export interface Recorded {
  /** Whether the totals, or what is needed to keep them right, changed. */
  readonly changed: boolean;
  /** Rows counted for the first time. */
  readonly counted: number;
  /** Those of them that were requested from the end of their window on: their lag is the settle lag. */
  readonly settled: readonly VdnWindow[];
}

/** With `vdns: all`: a VDN without rows for this long loses its account. */
const FORGET_MS = MAX_RANGE_MS;

/** Clock skew that an account tolerates, in windows. */
const SLACK_WINDOWS = 12;

/** Whether the API gave a response, or a part of one. */
function isAnswered({ failure, windows }: QueryResult): boolean {
  return failure === undefined || windows.length > 0;
}

/**
 * The accounts of a call center's VDNs, and which windows are still to be requested.
 * It has no clock and does no I/O; `latest` is always the newest window that was due when a query was sent.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #start: CountingStart;
  readonly #accounts = new Map<number, VdnAccount>();
  readonly #coverage: QueryCoverage;
  readonly #rowClock: RowClock;
  /** The oldest window that a stored account may still count. */
  readonly #oldestStored: number;
  #recheckedAt: number;

  /**
   * @param started our clocks now: windows that have ended by now are not counted for new VDNs
   * @param state the stored ledger; VDNs that are not configured any more are left out
   */
  constructor(options: LedgerOptions, started: Pick<Clocks, 'now' | 'monotonic'>, state?: LedgerState) {
    const { vdns } = options;
    const stored = new Map(state?.vdns);
    const wasAll = new Map(state?.coveredUpTo).has(ALL);
    this.#options = options;
    this.#start = new CountingStart(started, state === undefined, wasAll ? state?.countingStart : undefined);
    const currentWindow = windowAt(started.now);
    this.#rowClock = new RowClock(state === undefined ? started : undefined);
    this.#recheckedAt = state?.recheckedAt ?? currentWindow;
    this.#oldestStored = Math.min(...[...stored.values()].map(({ horizonStart }) => horizonStart));
    for (const id of vdns === 'all' ? stored.keys() : vdns) {
      const known = stored.get(id);
      const account = known && VdnAccount.fromState(known, this.#span, vdns !== 'all');
      this.#accounts.set(id, account ?? this.#newAccount(currentWindow));
    }
    this.#coverage = QueryCoverage.resume(vdns, state?.coveredUpTo ?? [], stored, currentWindow - WINDOW_MS);
  }

  /** Windows that an account can tell apart. */
  get #span(): number {
    return horizonWindows(this.#options) + 1 + SLACK_WINDOWS;
  }

  #newAccount(horizonStart: number): VdnAccount {
    return new VdnAccount(horizonStart, this.#span, this.#options.vdns !== 'all');
  }

  #unit(vdn: number): number {
    return this.#options.vdns === 'all' ? ALL : vdn;
  }

  /** Ids that have an account: the configured ones, or with `all` those that turned up. */
  ids(): Iterable<number> {
    return this.#accounts.keys();
  }

  totals(vdn: number): Totals {
    return this.#accounts.get(vdn)?.totals ?? NO_TOTALS;
  }

  /** The windows that every poll requests: the latest, and those before it that may still be corrected. */
  regularRange(latest: number): WindowRange {
    return regularRange(this.#options, latest);
  }

  /**
   * Counts a response.
   * @param latest the newest window that was due when the query was sent
   * @param clocks when the query was sent
   */
  record(query: Query, result: QueryResult, latest: number, clocks: Clocks): Recorded {
    const clock = trustedClock(clocks, result.windows, latest, this.#rowClock);
    this.#rowClock.observe(clock);
    const horizon = horizonOf(this.#options, latest, clock.latest);
    const hasMoved = this.#placeStart(query, result, clock);
    const hasGivenUp = isAnswered(result) && this.#advance(query, horizon);
    // A window counted before the start is decided could not be taken back: its row is requested again.
    if (this.#start.isUndecided) return { changed: hasMoved || hasGivenUp, counted: 0, settled: [] };
    const rows = result.windows.filter((row) => row.start <= clock.zerosUntil || hasActivity(row));
    const counts = this.#count(rows, horizon);
    if (result.failure === undefined) this.#markAnswered(query, horizon);
    if (isAnswered(result)) this.#forget(horizon);
    return { ...counts, changed: hasMoved || hasGivenUp || counts.changed };
  }

  #accountsOf({ vdns }: Query): VdnAccount[] {
    if (vdns === 'all') return [...this.#accounts.values()];
    return vdns.flatMap((vdn) => this.#accounts.get(vdn) ?? []);
  }

  /** Puts the start of counting where the clocks say. Returns whether it moved. */
  #placeStart(query: Query, result: QueryResult, clock: TrustedClock): boolean {
    const hasMoved = this.#start.settle(clock, isAnswered(result));
    if (hasMoved) {
      for (const account of this.#accounts.values()) account.restartAt(this.#start.window);
      this.#coverage.restartAt(this.#start.window);
    }
    if (isAnswered(result)) {
      this.#start.heal(clock);
      for (const account of this.#accountsOf(query)) account.restartAt(healed(account.horizonStart, clock));
    }
    return hasMoved;
  }

  /** Gives up the windows before the floor. Returns whether any of them was missing. */
  #advance(query: Query, { floor }: Horizon): boolean {
    let hasMissing = false;
    for (const account of this.#accountsOf(query)) {
      const before = account.totals;
      account.advance(floor);
      if (account.totals !== before) hasMissing = true;
    }
    return hasMissing;
  }

  #count(rows: readonly VdnWindow[], { latest, floor, closedBefore }: Horizon): Recorded {
    const regular = this.regularRange(latest);
    const settled: VdnWindow[] = [];
    let changed = false;
    let counted = 0;
    for (const row of rows) {
      const observation = this.#accountOf(row.vdn, floor)?.observe(row, closedBefore) ?? 'ignored';
      if (observation === 'first' || observation === 'revised') changed = true;
      if (observation !== 'first') continue;
      counted++;
      const coveredUpTo = this.#coverage.coveredUpTo(this.#unit(row.vdn)) ?? -Infinity;
      if (row.start >= regular.from && row.start <= coveredUpTo + WINDOW_MS) settled.push(row);
    }
    return { changed, counted, settled };
  }

  /** The account of a VDN; one that turns up under `vdns: all` gets its own. */
  #accountOf(vdn: number, floor: number): VdnAccount | undefined {
    let account = this.#accounts.get(vdn);
    if (account === undefined && this.#options.vdns === 'all' && this.#accounts.size < MAX_VDNS) {
      account = this.#newAccount(Math.max(this.#start.window, floor));
      this.#accounts.set(vdn, account);
    }
    return account;
  }

  #markAnswered(query: Query, { latest, floor, closedBefore }: Horizon): void {
    const { vdns, range } = query;
    for (const account of this.#accountsOf(query)) account.close(range.from, Math.min(range.to, closedBefore));
    for (const unit of vdns === 'all' ? [ALL] : vdns) this.#coverage.markCovered(unit, range, latest, floor);
  }

  /** With `vdns: all`: drops VDNs without rows for a month. Their counters would start anew. */
  #forget({ floor }: Horizon): void {
    if (this.#options.vdns !== 'all') return;
    const before = floor - Math.max(0, FORGET_MS - horizonWindows(this.#options) * WINDOW_MS);
    for (const [vdn, { lastSeen }] of this.#accounts) {
      // A VDN that was listed before and has had no row yet keeps its account.
      if (lastSeen < before && lastSeen !== -Infinity) this.#accounts.delete(vdn);
    }
  }

  /**
   * Plans what is to be requested besides the regular range: windows missed in an outage or a downtime, counted ones
   * that were not checked again while they could be corrected, and missing ones whose age has doubled.
   * @returns undefined when there is nothing to do; otherwise call {@link finish} after the last query
   */
  catchUp(latest: number): CatchUp | undefined {
    if (this.#start.isUndecided) return undefined;
    // A time in the future came from a wrong clock.
    this.#recheckedAt = Math.min(this.#recheckedAt, latest);
    return planCatchUp({
      ...{ horizon: horizonOf(this.#options, latest), upTo: this.regularRange(latest).from - WINDOW_MS },
      countingStart: Math.min(this.#start.window, this.#oldestStored),
      recheckedAt: this.#recheckedAt,
      lookbackWindows: this.#options.lookbackWindows,
      accounts: this.#accounts,
      coverage: this.#coverage,
    });
  }

  /**
   * Ends a catch-up: what its queries requested is covered.
   * @param failed queries without a response: their windows are requested again by the next catch-up
   */
  finish(catchUp: CatchUp, latest: number, failed: readonly Query[] = []): void {
    this.#recheckedAt = Math.min(catchUp.recheckedAt, latest);
    for (const account of this.#accounts.values()) account.clearRetries();
    for (const query of failed) for (const account of this.#accountsOf(query)) account.retry(query.range);
    const unfinished = new Set(failed.flatMap(({ vdns }) => (vdns === 'all' ? [ALL] : vdns)));
    const { floor } = horizonOf(this.#options, latest);
    for (const [unit, coveredUpTo] of [...this.#coverage.entries()]) {
      if (unfinished.has(unit)) continue;
      const from = Math.min(coveredUpTo, catchUp.upTo) + WINDOW_MS;
      this.#coverage.markCovered(unit, { from, to: catchUp.upTo + WINDOW_MS }, latest, floor);
    }
  }

  toState(): LedgerState {
    return {
      countingStart: this.#start.window,
      coveredUpTo: [...this.#coverage.entries()],
      recheckedAt: this.#recheckedAt,
      vdns: [...this.#accounts].map(([vdn, account]) => [vdn, account.toState()]),
    };
  }
}
