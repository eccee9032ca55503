import { WINDOW_MS, windowAt } from '../core/window.ts';
import type { Clocks, TrustedClock } from './trusted-clock.ts';

/** Clocks that differ by less agree: the `Date` header has whole seconds, and responses take time. */
const AGREED_MS = 30_000;

/** A start that is further ahead of every clock came from a wrong clock. */
const MAX_AHEAD_MS = 12 * WINDOW_MS;

/**
 * The window with which counting starts.
 *
 * - open: no response has come yet. The API's clock decides when it says that ours was wrong at our start. While the
 *   clocks differ by hours, the later start holds until a row with activity shows which clock is wrong.
 * - fixed: from the response that decides on, and always for a stored ledger.
 * - healed: a fixed start far in the future came from a wrong clock. It moves to the current window.
 */
export class CountingStart {
  readonly #started: Pick<Clocks, 'now' | 'monotonic'>;
  #window: number;
  #isOpen: boolean;
  #isUndecided = false;

  /**
   * @param started our clocks when the ledger was made
   * @param isOpen false when a stored ledger is continued
   * @param stored the stored start; by default the window that was running when the ledger was made
   */
  constructor(started: Pick<Clocks, 'now' | 'monotonic'>, isOpen: boolean, stored?: number) {
    this.#started = started;
    this.#isOpen = isOpen;
    this.#window = stored ?? windowAt(started.now);
  }

  /** First window that is counted. */
  get window(): number {
    return this.#window;
  }

  /** Whether responses have come, and none could decide between clocks that differ by hours: no row showed activity. */
  get isUndecided(): boolean {
    return this.#isUndecided;
  }

  /**
   * While the start is open, moves it to where the API's clock says that we started.
   * @param isAnswered whether the API answered the query
   * @returns whether the start moved
   */
  settle(clock: TrustedClock, isAnswered: boolean): boolean {
    if (!this.#isOpen) return false;
    this.#isOpen = !isAnswered || (clock.isDisputed && clock.newestActive === -Infinity);
    // A clock that an earlier failure brought does not bind: it may have been set since.
    const decided = windowAt(this.#startedAt(clock));
    this.#isUndecided = this.#isOpen && (isAnswered || this.#isUndecided);
    const window = this.#isUndecided ? Math.max(decided, windowAt(this.#started.now)) : decided;
    const hasMoved = (clock.apiNow !== undefined || clock.isApiRefuted) && window !== this.#window;
    if (hasMoved) this.#window = window;
    return hasMoved;
  }

  /** When the ledger was made, by the API's clock if it is believed and ours was wrong. */
  #startedAt({ apiNow, monotonic }: TrustedClock): number {
    const { now } = this.#started;
    if (apiNow === undefined) return now;
    // By the monotonic clock, because ours may have been set since.
    const startedAt = apiNow - (monotonic - this.#started.monotonic);
    return Math.abs(startedAt - now) <= AGREED_MS ? now : startedAt;
  }

  /** Moves a start that lies far in the future to the current window. */
  heal(clock: TrustedClock): void {
    this.#window = healed(this.#window, clock);
  }
}

/** The window itself; the current window in place of one far in the future, which came from a wrong clock. */
export function healed(window: number, { now, apiNow, newestActive }: TrustedClock): number {
  // Our clock alone may be wrong, unless rows with activity come for the windows that it says.
  if (apiNow === undefined && newestActive === -Infinity) return window;
  const currentWindow = windowAt(Math.max(now, apiNow ?? now));
  return window > currentWindow + MAX_AHEAD_MS ? currentWindow : window;
}
