import type { VdnWindow } from '../cms/rows.ts';
import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { hasActivity } from './activity.ts';
import { WindowBitset } from './window-bitset.ts';

/** Sums of one VDN since its account was opened; none ever falls. */
export interface Totals {
  readonly inbound: number;
  readonly answered: number;
  readonly outbound: number;
  /** Windows that were counted. */
  readonly windows: number;
  /** Counted windows whose values changed later. */
  readonly revised: number;
  /** Windows that never came. */
  readonly missing: number;
}

export const NO_TOTALS: Totals = { inbound: 0, answered: 0, outbound: 0, windows: 0, revised: 0, missing: 0 };

const COUNTED = ['inbound', 'answered', 'outbound'] as const;
type Counts = Record<(typeof COUNTED)[number], number>;
const NO_COUNTS: Readonly<Counts> = { inbound: 0, answered: 0, outbound: 0 };

/** A window of zeros this close to a window with activity is doubtful: its statistics may not be settled yet. */
const NEAR_ACTIVITY_MS = 48 * WINDOW_MS;

/** What a row did; `first` and `revised` changed the totals. */
export type Observation = 'first' | 'revised' | 'same' | 'ignored';

/** A VDN's account as it is stored (docs/storage.md). Windows are given by their start, milliseconds since the epoch. */
export interface AccountState {
  readonly horizonStart: number;
  /** Oldest and newest window whose row came. */
  readonly seen: readonly [oldest: number, newest: number] | null;
  readonly totals: Totals;
  readonly deficit: Readonly<Counts>;
  /** Windows from `horizonStart` on that are counted: {@link WindowBitset.toString}. */
  readonly counted: string;
  /** Those of them whose row showed neither agents nor calls, in the same form. */
  readonly zeros: string;
  /** Windows whose last recheck failed, in the same form. */
  readonly retries: string;
  readonly open: readonly (readonly [start: number, inbound: number, answered: number, outbound: number])[];
}

/**
 * The account of one VDN. It counts each window exactly once: rows may come late, in any order, and repeatedly.
 *
 *     settled              |  expected or counted: one bit a window  |  open: values kept for corrections
 *   -----------------------+-----------------------------------------+------------------------------------> time
 *                     horizonStart                           latest - lookback                      latest
 *
 * A window is expected until its row comes. Then it is open: its values are kept, so that a correction adds only the
 * difference. It is closed by a response for it at the age of `lookback` windows or later; from then on one bit says
 * that it was counted. A window of zeros stays correctable: it may be real later. A window before `horizonStart` is settled: it was counted, or it is missing for good. So the
 * memory is bounded by the span.
 */
export class VdnAccount {
  #horizonStart: number;
  #seen = { oldest: Infinity, newest: -Infinity };
  #totals: Totals = NO_TOTALS;
  /** Downward corrections that later calls have not made up for yet: a counter never falls. */
  readonly #deficit: Counts = { inbound: 0, answered: 0, outbound: 0 };
  readonly #span: number;
  readonly #expectAll: boolean;
  #counted: WindowBitset;
  #zeros: WindowBitset;
  #retries: WindowBitset;
  #hasRetries = false;
  readonly #open = new Map<number, Counts>();

  /**
   * @param horizonStart first window that may be counted
   * @param span number of windows from `horizonStart` on that can be counted
   * @param expectAll every window from `horizonStart` on is expected; otherwise only those between two that came
   */
  constructor(horizonStart: number, span: number, expectAll: boolean) {
    this.#horizonStart = horizonStart;
    this.#span = span;
    this.#counted = new WindowBitset(horizonStart, span);
    this.#zeros = new WindowBitset(horizonStart, span);
    this.#retries = new WindowBitset(horizonStart, span);
    this.#expectAll = expectAll;
  }

  /** First window that may still be counted. */
  get horizonStart(): number {
    return this.#horizonStart;
  }

  get totals(): Totals {
    return this.#totals;
  }

  /** Newest window whose row came; -Infinity when none did. */
  get lastSeen(): number {
    return this.#seen.newest;
  }

  /** The windows that start in [from, to) and can still be counted, but have not been. */
  uncounted(from: number, to: number): readonly number[] {
    return this.#counted.absent(Math.max(from, this.#horizonStart), to);
  }

  /** Windows of zeros that start in [from, to) and are near activity: real rows may still come. */
  doubtful(from: number, to: number): readonly number[] {
    return this.#zeros.present(from, to).filter((start) => this.#hasActivityNear(start));
  }

  #hasActivityNear(start: number): boolean {
    const [from, to] = [start - NEAR_ACTIVITY_MS, start + NEAR_ACTIVITY_MS];
    return this.#counted.count(from, to) > this.#zeros.count(from, to);
  }

  /** Whether the last catch-up failed to request windows of this VDN. */
  get hasRetries(): boolean {
    return this.#hasRetries;
  }

  /** Whether the last catch-up failed to request this window. */
  isRetry(start: number): boolean {
    return this.#hasRetries && this.#retries.has(start);
  }

  /** Remembers windows that a catch-up failed to request. */
  retry({ from, to }: WindowRange): void {
    for (let start = Math.max(from, this.#horizonStart); start < to; start += WINDOW_MS) this.#retries.add(start);
    this.#hasRetries = true;
  }

  clearRetries(): void {
    if (this.#hasRetries) this.#retries = new WindowBitset(this.#horizonStart, this.#span);
    this.#hasRetries = false;
  }

  /** The windows that count as missing if they do not come. */
  #expected(): WindowRange {
    return this.#expectAll ? { from: -Infinity, to: Infinity } : { from: this.#seen.oldest, to: this.#seen.newest };
  }

  openWindows(): Iterable<number> {
    return this.#open.keys();
  }

  isOpen(start: number): boolean {
    return this.#open.has(start);
  }

  /** Settles every window before `horizonStart`: one that has not come is missing. Never goes back. */
  advance(horizonStart: number): void {
    if (horizonStart <= this.#horizonStart) return;
    const { from, to } = this.#expected();
    const [start, end] = [Math.max(this.#horizonStart, from), Math.min(horizonStart, to)];
    const missing = start < end ? windowsBetween(start, end) - this.#counted.count(start, end) : 0;
    if (missing > 0) this.#totals = { ...this.#totals, missing: this.#totals.missing + missing };
    for (const start of this.#open.keys()) if (start < horizonStart) this.#open.delete(start);
    for (const set of [this.#counted, this.#zeros, this.#retries]) set.moveTo(horizonStart);
    this.#horizonStart = horizonStart;
  }

  /**
   * Counts a row.
   * @param closedBefore windows that start before this are closed
   */
  observe(window: VdnWindow, closedBefore: number): Observation {
    const { start } = window;
    if (start < this.#horizonStart || start >= this.#horizonStart + this.#span * WINDOW_MS) return 'ignored';
    this.#seen = { oldest: Math.min(this.#seen.oldest, start), newest: Math.max(this.#seen.newest, start) };
    const before = this.#open.get(start) ?? (this.#zeros.has(start) ? NO_COUNTS : undefined);
    if (before === undefined && this.#counted.has(start)) return 'ignored';

    const counts = { inbound: 0, answered: 0, outbound: 0 };
    let changed = false;
    for (const field of COUNTED) {
      const previous = before?.[field] ?? 0;
      // A value that the API leaves out is unknown, not 0.
      counts[field] = window[field] ?? previous;
      if (counts[field] !== previous) changed = true;
    }
    const isFirst = before === undefined;
    if (isFirst || changed) this.#apply(before, counts, isFirst ? 'windows' : 'revised');
    this.#counted.add(start);
    if (hasActivity(window)) this.#zeros.delete(start);
    else if (isFirst || changed) this.#zeros.add(start);
    if (start < closedBefore) this.#open.delete(start);
    else if (isFirst || changed) this.#open.set(start, counts);
    return isFirst ? 'first' : changed ? 'revised' : 'same';
  }

  #apply(before: Counts | undefined, after: Counts, event: 'windows' | 'revised'): void {
    const totals = { ...this.#totals };
    for (const field of COUNTED) {
      const deficit = this.#deficit[field] - (after[field] - (before?.[field] ?? 0));
      this.#deficit[field] = Math.max(0, deficit);
      totals[field] += Math.max(0, -deficit);
    }
    totals[event] += 1;
    this.#totals = totals;
  }

  /** Moves the start of an account that has counted nothing: the clock was wrong when it was opened. */
  restartAt(horizonStart: number): void {
    if (this.#totals.windows > 0 || horizonStart === this.#horizonStart) return;
    this.#horizonStart = horizonStart;
    this.#counted = new WindowBitset(horizonStart, this.#span);
    this.#zeros = new WindowBitset(horizonStart, this.#span);
    this.#retries = new WindowBitset(horizonStart, this.#span);
  }

  /** Closes the open windows that start in [from, to): the API answered for them after their time for corrections. */
  close(from: number, to: number): void {
    for (const start of this.#open.keys()) if (start >= from && start < to) this.#open.delete(start);
  }

  toState(): AccountState {
    const { oldest, newest } = this.#seen;
    return {
      horizonStart: this.#horizonStart,
      seen: oldest <= newest ? [oldest, newest] : null,
      totals: this.#totals,
      deficit: { ...this.#deficit },
      counted: this.#counted.toString(),
      zeros: this.#zeros.toString(),
      retries: this.#retries.toString(),
      open: [...this.#open].map(([start, { inbound, answered, outbound }]) => [start, inbound, answered, outbound]),
    };
  }

  /** Restores an account. Windows that were stored beyond the span are kept. */
  static fromState(state: AccountState, span: number, expectAll: boolean): VdnAccount {
    const account = new VdnAccount(state.horizonStart, span, expectAll);
    account.#counted = new WindowBitset(state.horizonStart, span, state.counted);
    account.#zeros = new WindowBitset(state.horizonStart, span, state.zeros);
    account.#retries = new WindowBitset(state.horizonStart, span, state.retries);
    account.#hasRetries = state.retries !== '';
    account.#totals = state.totals;
    Object.assign(account.#deficit, state.deficit);
    if (state.seen !== null) account.#seen = { oldest: state.seen[0], newest: state.seen[1] };
    for (const [start, inbound, answered, outbound] of state.open)
      account.#open.set(start, { inbound, answered, outbound });
    return account;
  }
}
