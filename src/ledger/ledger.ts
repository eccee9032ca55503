import type { Query, QueryResult } from '../cms/client.ts';
import type { VdnWindow } from '../cms/rows.ts';
import { ALL, QueryCoverage } from './coverage.ts';
import { type CatchUp, planCatchUp } from './catch-up-plan.ts';
import { MAX_VDNS } from '../config/schema.ts';
import { NO_TOTALS, type Totals, VdnLedger, type VdnLedgerState } from './vdn-ledger.ts';
import { MAX_RANGE_MS, WINDOW_MS, windowAt, type WindowRange } from '../core/window.ts';

/** A call center's account as it is stored (docs/storage.md). */
export interface LedgerState {
  /** First window that a VDN may count which turns up later under `vdns: all`. */
  readonly countingStart: number;
  /** For each VDN, or 0 for all of them at once: the window up to which the API was asked without a gap. */
  readonly coveredUpTo: readonly (readonly [unit: number, window: number])[];
  /** Latest window when missing ones were last asked for again. */
  readonly recheckedAt: number;
  readonly vdns: readonly (readonly [vdn: number, state: VdnLedgerState])[];
}

export interface LedgerOptions {
  /** The configured ids, or `all`. */
  readonly vdns: readonly number[] | 'all';
  readonly lookbackWindows: number;
  /** How far back windows that were missed are asked for. */
  readonly catchUpWindows: number;
}

/** What time it is, milliseconds since the epoch. */
export interface Clocks {
  /** By our clock. */
  readonly now: number;
  /** By that of the API; undefined until it said the time. */
  readonly apiNow: number | undefined;
  /** When we started by that of the API, if ours said something else then. */
  readonly apiStartedAt?: number | undefined;
}

/** What an answer changed. */
export interface Recorded {
  /** Whether the totals, or what is needed to keep them right, changed. */
  readonly changed: boolean;
  /** Rows counted for the first time. */
  readonly counted: number;
  /** Those of them that were asked for from their window's end on: their lag says how long settling takes. */
  readonly settled: readonly VdnWindow[];
}

/** With `vdns: all`: how long a VDN may be silent before its counters are given up. */
const FORGET_MS = MAX_RANGE_MS;

/** Clock skew that accounts can bear, in windows. */
const SLACK_WINDOWS = 12;

/**
 * The accounts of a call center's VDNs, and which windows are still to be asked for.
 * Pure bookkeeping without clock or I/O; `latest` is always the newest window that was due when a query was sent.
 */
export class Ledger {
  readonly #options: LedgerOptions;
  readonly #horizonMs: number;
  #countingStart: number;
  /** Where the oldest of the stored accounts began. */
  readonly #oldestHorizonStart: number;
  /** Until the first answer a clock that was wrong at the start can be told from the API's. */
  #isCountingStartOpen: boolean;
  /** The window that was currentWindow when the ledger was made, by our clock. */
  readonly #currentWindow: number;
  #recheckedAt: number;
  readonly #accounts = new Map<number, VdnLedger>();
  readonly #coverage: QueryCoverage;

  /**
   * @param currentWindow the window that is currentWindow now: what ended before is not counted for VDNs that are new
   * @param state what was stored; VDNs that are not configured any more are left out
   */
  constructor(options: LedgerOptions, currentWindow: number, state?: LedgerState) {
    this.#options = options;
    this.#currentWindow = currentWindow;
    this.#horizonMs = Math.max(options.catchUpWindows, options.lookbackWindows) * WINDOW_MS;
    const storedCoveredUpTo = new Map(state?.coveredUpTo);
    const stored = new Map(state?.vdns);
    this.#recheckedAt = state?.recheckedAt ?? currentWindow;
    this.#isCountingStartOpen = state === undefined;
    this.#countingStart = storedCoveredUpTo.has(ALL) ? (state?.countingStart ?? currentWindow) : currentWindow;
    this.#oldestHorizonStart = Math.min(...[...stored.values()].map(({ horizonStart }) => horizonStart));
    const isAll = options.vdns === 'all';
    const before = currentWindow - WINDOW_MS;
    // After a list, all were asked for as far as the one that was asked for least.
    const together = storedCoveredUpTo.get(ALL) ?? Math.min(before, ...storedCoveredUpTo.values());
    const coveredUpTo: [number, number][] = isAll ? [[ALL, together]] : [];
    for (const id of options.vdns === 'all' ? stored.keys() : options.vdns) {
      const vdnState = stored.get(id);
      this.#accounts.set(
        id,
        vdnState ? VdnLedger.fromState(vdnState, this.#span, !isAll) : this.#account(currentWindow),
      );
      if (!isAll)
        coveredUpTo.push([id, vdnState ? (storedCoveredUpTo.get(id) ?? storedCoveredUpTo.get(ALL) ?? before) : before]);
    }
    this.#coverage = new QueryCoverage(coveredUpTo);
  }

  get #span(): number {
    return this.#horizonMs / WINDOW_MS + 1 + SLACK_WINDOWS;
  }

  #account(horizonStart: number): VdnLedger {
    return new VdnLedger(horizonStart, this.#span, this.#options.vdns !== 'all');
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

  /** The windows that every poll asks for: the latest, and those before it that may still be corrected. */
  regularRange(latest: number): WindowRange {
    return { from: latest - this.#options.lookbackWindows * WINDOW_MS, to: latest + WINDOW_MS };
  }

  /**
   * Takes an answer into account.
   * @param latest the newest window that was due when the query was sent
   * @param clocks of the two the one behind is trusted: a wrong clock of ours must not give up windows that are yet to
   *   come; that of the API alone says whether ours was wrong at the start, where counting begins
   */
  record(query: Query, result: QueryResult, latest: number, clocks: Clocks): Recorded {
    const newest = result.windows.reduce((most, { start }) => Math.max(most, start), -Infinity);
    // A window that begins later than that clock says has come: its `Date` header is worth nothing.
    const isRefuted = clocks.apiNow !== undefined && newest > clocks.apiNow;
    const { now, apiNow, apiStartedAt }: Clocks = isRefuted ? { now: clocks.now, apiNow: undefined } : clocks;
    const regular = this.regularRange(latest);
    const trusted = Math.min(latest, windowAt(Math.min(now, apiNow ?? now)) - WINDOW_MS);
    const floor = trusted - this.#horizonMs;
    const closedBefore = this.regularRange(trusted).from + WINDOW_MS;
    const isAnswered = result.failure === undefined || result.windows.length > 0;
    let changed = false;
    if (this.#isCountingStartOpen && clocks.apiNow !== undefined) {
      // What the API's clock said with an earlier failure does not bind: it may have been set since.
      const began = apiStartedAt === undefined ? this.#currentWindow : windowAt(apiStartedAt);
      if (began !== this.#countingStart) {
        this.#restartAt(began);
        changed = true;
      }
    }
    if (isAnswered) this.#isCountingStartOpen = false;

    // A beginning far ahead of both clocks was told by one that was wrong then.
    const currentWindow = apiNow === undefined ? Infinity : windowAt(Math.max(now, apiNow));
    const mostAhead = currentWindow + SLACK_WINDOWS * WINDOW_MS;
    if (isAnswered && this.#countingStart > mostAhead) this.#countingStart = currentWindow;
    const ids = query.vdns === 'all' ? [...this.#accounts.keys()] : query.vdns;
    for (const id of ids) {
      const account = this.#accounts.get(id);
      if (account === undefined) continue;
      const before = account.totals;
      if (isAnswered) {
        if (account.horizonStart > mostAhead) account.restartAt(currentWindow);
        account.advance(floor);
      }
      if (account.totals !== before) changed = true;
    }

    let counted = 0;
    const settled: VdnWindow[] = [];
    for (const window of result.windows) {
      const account = this.#accountOf(window.vdn, floor);
      const observation = account?.observe(window, closedBefore) ?? 'ignored';
      if (observation === 'first' || observation === 'revised') changed = true;
      if (observation !== 'first') continue;
      counted++;
      const coveredUpTo = this.#coverage.coveredUpTo(this.#unit(window.vdn)) ?? -Infinity;
      if (window.start >= regular.from && window.start <= coveredUpTo + WINDOW_MS) settled.push(window);
    }

    if (result.failure === undefined) {
      const closedTo = Math.min(query.range.to, closedBefore);
      for (const id of ids) this.#accounts.get(id)?.close(query.range.from, closedTo);
      for (const unit of query.vdns === 'all' ? [ALL] : ids)
        this.#coverage.markCovered(unit, query.range, latest, floor);
    }
    if (this.#options.vdns === 'all' && isAnswered) this.#forget(trusted);
    return { changed, counted, settled };
  }

  /** Begins to count elsewhere: the API's clock says that ours was wrong when the ledger was made. */
  #restartAt(currentWindow: number): void {
    this.#countingStart = currentWindow;
    for (const account of this.#accounts.values()) account.restartAt(currentWindow);
    this.#coverage.restartAt(currentWindow);
  }

  /** The account of a VDN; one that turns up under `vdns: all` gets its own. */
  #accountOf(vdn: number, floor: number): VdnLedger | undefined {
    let account = this.#accounts.get(vdn);
    if (account === undefined && this.#options.vdns === 'all' && this.#accounts.size < MAX_VDNS) {
      account = this.#account(Math.max(this.#countingStart, floor));
      this.#accounts.set(vdn, account);
    }
    return account;
  }

  /** Drops VDNs that the API has not shown for a month; only `vdns: all` does so. Their counters would start anew. */
  #forget(latest: number): void {
    const floor = latest - Math.max(FORGET_MS, this.#horizonMs);
    for (const [vdn, { lastSeen }] of this.#accounts) {
      // One that was listed before and has had no row yet is waited for.
      if (lastSeen < floor && lastSeen !== -Infinity) this.#accounts.delete(vdn);
    }
  }

  /**
   * What is to be asked for besides the regular range: windows missed in an outage or a downtime, counted ones that
   * were not looked at again while they could be corrected, and missing ones whose age has doubled.
   * Undefined when there is nothing to do; otherwise {@link finish} it after the last query was answered or given up.
   */
  catchUp(latest: number): CatchUp | undefined {
    return planCatchUp({
      latest,
      upTo: this.regularRange(latest).from - WINDOW_MS,
      floor: latest - this.#horizonMs,
      first: Math.min(this.#countingStart, this.#oldestHorizonStart),
      recheckedAt: this.#recheckedAt,
      lookbackWindows: this.#options.lookbackWindows,
      accounts: this.#accounts,
      coverage: this.#coverage,
    });
  }

  /**
   * Notes that the queries of a catch-up were answered.
   * @param failed those that were not: their VDNs are asked for again
   */
  finish(catchUp: CatchUp, latest: number, failed: readonly Query[] = []): void {
    this.#recheckedAt = Math.min(catchUp.recheckedAt, latest);
    const unfinished = new Set(failed.flatMap(({ vdns }) => (vdns === 'all' ? [ALL] : vdns)));
    const floor = latest - this.#horizonMs;
    for (const [unit, coveredUpTo] of [...this.#coverage.entries()]) {
      if (unfinished.has(unit)) continue;
      const from = Math.min(coveredUpTo, catchUp.upTo) + WINDOW_MS;
      this.#coverage.markCovered(unit, { from, to: catchUp.upTo + WINDOW_MS }, latest, floor);
    }
  }

  toState(): LedgerState {
    return {
      countingStart: this.#countingStart,
      coveredUpTo: [...this.#coverage.entries()],
      recheckedAt: this.#recheckedAt,
      vdns: [...this.#accounts].map(([vdn, account]) => [vdn, account.toState()]),
    };
  }
}
