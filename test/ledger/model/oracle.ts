import type { Query } from '../../../src/cms/client.ts';
import type { VdnWindow } from '../../../src/cms/rows.ts';
import { WINDOW_MS, windowAt } from '../../../src/core/window.ts';
import type { CallCenterSnapshot } from '../../../src/exposition/snapshot-store.ts';
import { hasActivity } from '../../../src/ledger/activity.ts';
import type { LedgerState } from '../../../src/ledger/ledger.ts';
import { NO_TOTALS, type Totals } from '../../../src/ledger/vdn-account.ts';
import { HOUR, MAX_MORE_LOOKBACK, QUIET_MS, type Scenario, type Settings, VDNS } from './scenario.ts';
import type { Upstream } from './upstream.ts';

export const STALE_AFTER_MS = 720_000;

/** Knows what must be counted and shown, and collects what is wrong: one sentence each. */
export class Oracle {
  readonly problems = new Set<string>();
  readonly #upstream: Upstream;
  readonly #shown = new Map<number, Totals>();
  /** The window with which each VDN's counting must start. */
  #starts = new Map<number, number>();
  #storedStarts: ReadonlyMap<number, number> = new Map();
  #wasAll = false;
  #isUndecided = false;
  /** Whether the process got a row with activity. */
  #hasSeenActivity = false;
  #requests = 0;

  constructor(upstream: Upstream) {
    this.#upstream = upstream;
  }

  /** Whether counting has not started yet: the clocks differ by hours, and no row has shown which one is wrong. */
  get isUndecided(): boolean {
    return this.#isUndecided;
  }

  onRequest(): void {
    this.#requests++;
  }

  /**
   * A process starts. VDNs without a stored account are counted anew, and accounts of VDNs that are not configured end.
   * @param trueNow when the process starts
   * @param now the same by our clock
   */
  onStart(settings: Settings, state: LedgerState | undefined, trueNow: number, now: number): void {
    // Without a ledger, the API's clock decides when ours is wrong.
    const start = windowAt(state === undefined && Math.abs(now - trueNow) > 30_000 ? trueNow : now);
    const { hasDate, dateErrorMs } = this.#upstream.options;
    this.#isUndecided = state === undefined && hasDate && dateErrorMs !== 0;
    this.#starts = new Map(this.#storedStarts);
    this.#hasSeenActivity = false;
    const stored = new Set(state?.vdns.map(([vdn]) => vdn));
    for (const vdn of VDNS) {
      const isConfigured = settings.isAll || !settings.without.includes(vdn);
      const isContinued = stored.has(vdn) || (state !== undefined && settings.isAll && this.#wasAll);
      if (isConfigured && isContinued) continue;
      this.#shown.delete(vdn);
      this.#starts.delete(vdn);
      if (isConfigured) this.#starts.set(vdn, start);
    }
    this.#wasAll = settings.isAll;
  }

  /** The ledger was stored: the next process goes on from these starts. */
  onStored(): void {
    this.#storedStarts = new Map(this.#starts);
  }

  /**
   * The API answered for these VDNs. A start far in the future came from a clock that was wrong then: it moves to the
   * window that is running.
   * @param trueNow when the query was sent
   * @param now the same by our clock
   */
  onAnswered({ vdns }: Query, rows: readonly VdnWindow[], trueNow: number, now: number): void {
    const { hasDate, dateErrorMs } = this.#upstream.options;
    const isProven = rows.some(hasActivity);
    if (isProven) this.#isUndecided = false;
    this.#hasSeenActivity ||= isProven;
    // Rows with activity prove that a `Date` header hours off is wrong. Without both nothing is known.
    const isDateBelieved = hasDate && (dateErrorMs === 0 || !isProven);
    if (!isProven && !isDateBelieved) return;
    const running = windowAt(isDateBelieved ? Math.max(now, trueNow + dateErrorMs) : now);
    for (const [vdn, start] of this.#starts) {
      const isAsked = vdns === 'all' || vdns.includes(vdn);
      if (isAsked && start > running + HOUR) this.#starts.set(vdn, running);
    }
  }

  /** A scrape: no counter falls, and no gauge is stale. */
  onScrape({ vdns }: CallCenterSnapshot, now: number): void {
    for (const { id, totals, window } of vdns) {
      const before = this.#shown.get(id);
      for (const [field, value] of Object.entries(totals) as [keyof Totals, number][]) {
        const was = before?.[field] ?? 0;
        if (value < was) this.problems.add(`${field} of VDN ${id} fell from ${was} to ${value}`);
      }
      this.#shown.set(id, totals);
      if (window !== undefined && now - window.start - WINDOW_MS > STALE_AFTER_MS)
        this.problems.add(`VDN ${id} shows a stale window`);
      if (window !== undefined && window.start > now) this.problems.add(`VDN ${id} shows a window that has not begun`);
    }
  }

  /** Compares the stored ledger with what the upstream says in the end. */
  onEnd(scenario: Scenario, state: LedgerState, end: number): void {
    this.#checkRequests(scenario);
    const accounts = new Map(state.vdns);
    for (const vdn of accounts.keys())
      if (!this.#starts.has(vdn)) this.problems.add(`VDN ${vdn} is counted and not configured`);
    for (const [vdn, start] of this.#starts) {
      const { totals, deficit } = accounts.get(vdn) ?? { totals: NO_TOTALS, deficit: NO_TOTALS };
      const truth = this.#truth(vdn, this.#isUndecided ? end : start, end);
      for (const field of ['inbound', 'answered', 'outbound'] as const) {
        const counted = totals[field] - deficit[field];
        if (counted !== truth[field])
          this.problems.add(`${field} of VDN ${vdn}: counted ${counted}, the API says ${truth[field]}`);
      }
      // By a `Date` header hours behind, zeros are those of the future until a row with activity proves it wrong.
      if (this.#upstream.options.dateErrorMs < 0 && !this.#hasSeenActivity) continue;
      if (totals.windows !== truth.windows)
        this.problems.add(`windows of VDN ${vdn}: counted ${totals.windows}, the API has ${truth.windows}`);
    }
  }

  /** What the upstream finally says about the windows from `start` on. */
  #truth(vdn: number, start: number, end: number): Pick<Totals, 'inbound' | 'answered' | 'outbound' | 'windows'> {
    const truth = { inbound: 0, answered: 0, outbound: 0, windows: 0 };
    for (let window = start; window < windowAt(end); window += WINDOW_MS) {
      const row = this.#upstream.served(vdn, window, end);
      if (row === undefined) continue;
      truth.inbound += row.inbound ?? 0;
      truth.answered += row.answered ?? 0;
      truth.outbound += row.outbound ?? 0;
      truth.windows++;
    }
    return truth;
  }

  /** Twelve polls an hour, a retry each for what is missing, as many pages as needed, and the catch-ups. */
  #checkRequests({ lookbackWindows, troubledMs, upstream: { rowsPerVdn, fillsZeros, zeroFirst } }: Scenario): void {
    const pages = Math.ceil((VDNS.length * (lookbackWindows + MAX_MORE_LOOKBACK + 1) * rowsPerVdn) / 100);
    const hours = (troubledMs + QUIET_MS) / HOUR;
    // An hourly recheck requests up to 84 windows of each VDN; zeros come back for them.
    const rechecked = fillsZeros || zeroFirst > 0 ? Math.ceil((84 * VDNS.length * rowsPerVdn) / 100) : 0;
    const max = Math.round(1.25 * (hours * (24 * pages + 60 + rechecked) + 3 * VDNS.length * 3 * rowsPerVdn + 300));
    if (this.#requests > max) this.problems.add(`${this.#requests} requests were sent where ${max} are plenty`);
  }
}
