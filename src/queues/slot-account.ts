import { WINDOW_MS, windowsBetween } from '../core/window.ts';
import { SLOT_FIELDS } from './rows.ts';

/** Slots that are kept open: they may come late, and their values may still change. Half an hour. */
export const OPEN_SLOTS = 6;

/** Slots that are open at most while a clock stands still or is behind. */
const MAX_OPEN_SLOTS = 2 * OPEN_SLOTS;

/** A floor that is further ahead of every clock came from a wrong one. */
const MAX_AHEAD_MS = 12 * WINDOW_MS;

/** What is counted for one queue. */
export interface SlotTotals {
  /** One for each of SLOT_FIELDS. */
  readonly counts: readonly number[];
  readonly slots: number;
  readonly missing: number;
}

/** The totals of every queue, by VDN and queue. */
export type TotalsByVdn = ReadonlyMap<number, ReadonlyMap<number, SlotTotals>>;

/** An account as it is stored. */
export interface SlotAccountState extends SlotTotals {
  /** Every slot before it is settled: counted or missing for good. */
  readonly floor: number;
  readonly deficit: readonly number[];
  readonly open: readonly (readonly [start: number, counts: readonly number[]])[];
}

/**
 * The account of one queue: counts each slot once. A slot that is seen again with other values adds the difference.
 * A total never falls: what a correction takes away (the deficit) is held back from later calls.
 */
export class SlotAccount {
  #floor: number;
  readonly #open: Map<number, readonly number[]>;
  readonly #counts: number[];
  readonly #deficit: number[];
  #slots: number;
  #missing: number;

  /** @param state a stored account, or the first slot that counts */
  constructor(state: SlotAccountState | number) {
    const zeros = SLOT_FIELDS.map(() => 0);
    const known =
      typeof state === 'number'
        ? { floor: state, open: [], counts: zeros, deficit: zeros, slots: 0, missing: 0 }
        : state;
    this.#floor = known.floor;
    this.#open = new Map(known.open);
    this.#counts = [...known.counts];
    this.#deficit = [...known.deficit];
    this.#slots = known.slots;
    this.#missing = known.missing;
  }

  get totals(): SlotTotals {
    return { counts: [...this.#counts], slots: this.#slots, missing: this.#missing };
  }

  /** Whether nothing more is expected of a slot: it is counted, settled or before the first that counts. */
  isDone(start: number): boolean {
    return start < this.#floor || this.#open.has(start);
  }

  /** Counts the values of a slot that has ended. Returns whether anything changed. */
  record(start: number, counts: readonly number[]): boolean {
    if (start < this.#floor) return false;
    const known = this.#open.get(start);
    if (known?.every((value, index) => value === counts[index]) === true) return false;
    if (known === undefined) this.#slots++;
    this.#open.set(start, counts);
    for (const [index, value] of counts.entries()) this.#add(index, value - (known?.[index] ?? 0));
    return true;
  }

  #add(index: number, difference: number): void {
    const net = difference - (this.#deficit[index] ?? 0);
    this.#deficit[index] = Math.max(0, -net);
    this.#counts[index] = (this.#counts[index] ?? 0) + Math.max(0, net);
  }

  /**
   * Settles the slots that are too old to come or change: those never seen are missing.
   * @param latest the newest slot that has ended by the earlier clock: one that is fast gives up no slot
   * @param latestOfAny the newest slot that has ended by any clock
   * @returns whether anything changed
   */
  settle(latest: number, latestOfAny: number): boolean {
    if (this.#floor > latestOfAny + MAX_AHEAD_MS) {
      this.#floor = latestOfAny + WINDOW_MS;
      return true;
    }
    const newest = Math.max(-Infinity, ...this.#open.keys());
    const floor = Math.max(latest - (OPEN_SLOTS - 1) * WINDOW_MS, newest - (MAX_OPEN_SLOTS - 1) * WINDOW_MS);
    if (floor <= this.#floor) return false;
    let counted = 0;
    for (const start of this.#open.keys()) if (start < floor && this.#open.delete(start)) counted++;
    this.#missing += windowsBetween(this.#floor, floor) - counted;
    this.#floor = floor;
    return true;
  }

  toState(): SlotAccountState {
    return { floor: this.#floor, ...this.totals, deficit: [...this.#deficit], open: [...this.#open] };
  }
}
