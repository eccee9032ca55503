import type { VdnWindow } from '../cms/rows.ts';
import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { WindowSet } from './window-bitset.ts';

/** Running sums of one VDN since its ledger began; none ever falls. */
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

/** What observing a row did; `first` and `revised` changed the totals. */
export type Observation = 'first' | 'revised' | 'same' | 'ignored';

/** A VDN's account as it is stored (docs/storage.md). Windows are given by their start, milliseconds since the epoch. */
export interface VdnLedgerState {
  readonly horizonStart: number;
  /** Oldest and newest window whose row came. */
  readonly seen: readonly [oldest: number, newest: number] | null;
  readonly totals: Totals;
  readonly deficit: Readonly<Counts>;
  /** Windows from `horizonStart` on that are counted: {@link WindowSet.toString}. */
  readonly counted: string;
  readonly open: readonly (readonly [start: number, inbound: number, answered: number, outbound: number])[];
}

/**
 * Counts each window of one VDN exactly once, whenever, in whatever order and however often its row comes.
 *
 *     settled for good      |  expected, or counted: one bit a window    | may be corrected: values kept
 *   ------------------------+--------------------------------------------+------------------------------> time
 *                         horizonStart                                   latest - lookback               latest
 *
 * A window is expected until its row comes, then open: its values are kept, so that a correction adds just the
 * difference. It is closed when it was asked for at the age of `lookback` windows or later; then one bit remembers it.
 * What is behind `horizonStart` is settled: it was counted, or it is missing for ever. So memory is bounded by the span.
 */
export class VdnLedger {
  #horizonStart: number;
  #seen = { oldest: Infinity, newest: -Infinity };
  #totals: Totals = NO_TOTALS;
  /** What corrections took away and later calls have not made up for yet: a counter never falls. */
  readonly #deficit: Counts = { inbound: 0, answered: 0, outbound: 0 };
  readonly #span: number;
  readonly #expectAll: boolean;
  #counted: WindowSet;
  readonly #open = new Map<number, Counts>();

  /**
   * @param horizonStart first window that may be counted
   * @param span windows from `horizonStart` to the newest that can be told apart
   * @param expectAll every window from `horizonStart` on is expected; otherwise just those between two that came
   */
  constructor(horizonStart: number, span: number, expectAll: boolean) {
    this.#horizonStart = horizonStart;
    this.#span = span;
    this.#counted = new WindowSet(horizonStart, span);
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

  /** The windows that start in [from, to) and whose rows, should there be any, are still to be counted. */
  uncounted(from: number, to: number): readonly number[] {
    return this.#counted.absent(Math.max(from, this.#horizonStart), to);
  }

  /** The windows that must come, from one to before another; those that do not are missing. */
  #expected(): WindowRange {
    return this.#expectAll ? { from: -Infinity, to: Infinity } : { from: this.#seen.oldest, to: this.#seen.newest };
  }

  openWindows(): Iterable<number> {
    return this.#open.keys();
  }

  /** Settles everything before `horizonStart`: what has not come by now is missing. Never goes back. */
  advance(horizonStart: number): void {
    if (horizonStart <= this.#horizonStart) return;
    const { from, to } = this.#expected();
    const [start, end] = [Math.max(this.#horizonStart, from), Math.min(horizonStart, to)];
    const missing = start < end ? windowsBetween(start, end) - this.#counted.count(start, end) : 0;
    if (missing > 0) this.#totals = { ...this.#totals, missing: this.#totals.missing + missing };
    for (const start of this.#open.keys()) if (start < horizonStart) this.#open.delete(start);
    this.#counted.moveTo(horizonStart);
    this.#horizonStart = horizonStart;
  }

  /**
   * Takes a row into account.
   * @param closedBefore windows that start before this are not corrected any more
   */
  observe(window: VdnWindow, closedBefore: number): Observation {
    const { start } = window;
    if (start < this.#horizonStart || start >= this.#horizonStart + this.#span * WINDOW_MS) return 'ignored';
    this.#seen = { oldest: Math.min(this.#seen.oldest, start), newest: Math.max(this.#seen.newest, start) };
    const before = this.#open.get(start);
    if (before === undefined && this.#counted.has(start)) return 'ignored';

    const counts = { inbound: 0, answered: 0, outbound: 0 };
    let changed = false;
    for (const field of COUNTED) {
      const previous = before?.[field] ?? 0;
      // A value that the API leaves out is unknown, which takes nothing away.
      counts[field] = window[field] ?? previous;
      if (counts[field] !== previous) changed = true;
    }
    const isFirst = before === undefined;
    if (isFirst || changed) this.#apply(before, counts, isFirst ? 'windows' : 'revised');
    this.#counted.add(start);
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

  /** Begins anew at another window: the clock was wrong when the ledger began. Only while nothing was counted. */
  restartAt(horizonStart: number): void {
    if (this.#totals.windows > 0) return;
    this.#horizonStart = horizonStart;
    this.#counted = new WindowSet(horizonStart, this.#span);
  }

  /** Closes open windows that start in [from, to): the API was asked for them after their time for corrections. */
  close(from: number, to: number): void {
    for (const start of this.#open.keys()) if (start >= from && start < to) this.#open.delete(start);
  }

  toState(): VdnLedgerState {
    const { oldest, newest } = this.#seen;
    return {
      horizonStart: this.#horizonStart,
      seen: oldest <= newest ? [oldest, newest] : null,
      totals: this.#totals,
      deficit: { ...this.#deficit },
      counted: this.#counted.toString(),
      open: [...this.#open].map(([start, { inbound, answered, outbound }]) => [start, inbound, answered, outbound]),
    };
  }

  /** Rebuilds a ledger; what is stored beyond the span is kept, too. */
  static fromState(state: VdnLedgerState, span: number, expectAll: boolean): VdnLedger {
    const ledger = new VdnLedger(state.horizonStart, span, expectAll);
    ledger.#counted = new WindowSet(state.horizonStart, span, state.counted);
    ledger.#totals = state.totals;
    Object.assign(ledger.#deficit, state.deficit);
    if (state.seen !== null) ledger.#seen = { oldest: state.seen[0], newest: state.seen[1] };
    for (const [start, inbound, answered, outbound] of state.open)
      ledger.#open.set(start, { inbound, answered, outbound });
    return ledger;
  }
}
