import type { VdnWindow } from '../cms/rows.ts';
import { latestEnded, WINDOW_MS } from '../core/window.ts';
import { hasActivity } from './activity.ts';

/** What the clocks said when a query was sent. Milliseconds. */
export interface Clocks {
  /** Our wall clock, since the epoch. */
  readonly now: number;
  /** The API's clock (`Date` header), since the epoch; undefined until the API has sent one. */
  readonly apiNow: number | undefined;
  /** Our monotonic clock. */
  readonly monotonic: number;
}

/** The clocks that can be believed after a response. */
export interface TrustedClock extends Clocks {
  /** The newest window that has certainly ended. */
  readonly latest: number;
  /** Whether the response proves that the API's clock is wrong: `apiNow` is undefined then. */
  readonly isApiRefuted: boolean;
  /** Whether the API's clock and ours differ so much that signatures should be refused. */
  readonly isDisputed: boolean;
  /** Start of the newest row of the response that shows agents or calls; -Infinity when there is none. */
  readonly newestActive: number;
  /** Zeros for windows that start later say nothing: the API fills the future, and our clock is far ahead. */
  readonly zerosUntil: number;
}

/** The CMS refuses a signature whose time differs by more from its own clock. */
const SIGNATURE_TOLERANCE_MS = 15 * 60_000;

/** Rows come up to a window late, so the time that they prove may be a window behind. */
const ROW_DELAY_MS = WINDOW_MS;

/** Clocks that differ by less do not make rows of zeros doubtful. */
const MAX_ZEROS_AHEAD_MS = 12 * WINDOW_MS;

/**
 * The clocks of the moment when a query was sent, from those at its response: a slow response must not make its windows
 * look older.
 */
export function clocksAt(sent: Pick<Clocks, 'now' | 'monotonic'>, { apiNow, monotonic }: Clocks): Clocks {
  return { ...sent, apiNow: apiNow === undefined ? undefined : apiNow - (monotonic - sent.monotonic) };
}

/**
 * Decides which clocks to believe. The earlier clock wins, so a fast clock never closes or gives up a window that is
 * still to come. The API's clock is refuted by a row with activity that starts later than it says, now or before, and by
 * any accepted row with activity when it is far ahead of the clock that we sign with.
 * @param rows of the response
 * @param latest the newest window that was due when the query was sent
 * @param rowClock what earlier rows prove; used when the API's clock cannot be
 */
export function trustedClock(
  clocks: Clocks,
  rows: readonly VdnWindow[],
  latest: number,
  rowClock: RowClock,
): TrustedClock {
  const { now, apiNow, monotonic } = clocks;
  const newest = newestActiveOf(rows);
  const isAccepted = newest > -Infinity;
  const isApiRefuted =
    apiNow !== undefined &&
    (Math.max(newest, rowClock.newestStart(clocks)) > apiNow || (isAccepted && apiNow - now > SIGNATURE_TOLERANCE_MS));
  const believed = isApiRefuted ? undefined : apiNow;
  const provenNow = Math.max(rowClock.at(clocks), newest + WINDOW_MS);
  const second = believed ?? provenNow + ROW_DELAY_MS;
  return {
    ...{ now, monotonic, isApiRefuted, apiNow: believed, newestActive: newest },
    isDisputed: apiNow !== undefined && Math.abs(apiNow - now) > SIGNATURE_TOLERANCE_MS,
    latest: Math.min(latest, latestEnded(Math.min(now, second))),
    zerosUntil: believed === undefined && provenNow === 0 ? Infinity : second + MAX_ZEROS_AHEAD_MS,
  };
}

function newestActiveOf(rows: readonly VdnWindow[]): number {
  return rows.reduce((newest, row) => (row.start > newest && hasActivity(row) ? row.start : newest), -Infinity);
}

/** Times that have certainly come: those of rows with activity, plus the time since by the monotonic clock. */
export class RowClock {
  /** Proven time minus the monotonic clock. */
  #offset: number;
  /** Start of the newest window with activity minus the monotonic clock. */
  #startOffset = -Infinity;

  /** @param started our clocks at the start where nothing else is known; undefined when a stored ledger is continued */
  constructor(started: Pick<Clocks, 'now' | 'monotonic'> | undefined) {
    this.#offset = started === undefined ? -Infinity : started.now - started.monotonic;
  }

  /** Milliseconds since the epoch; the epoch when nothing is proven. */
  at({ monotonic }: Pick<Clocks, 'monotonic'>): number {
    return Math.max(0, monotonic + this.#offset);
  }

  /** A right clock says at least this much; -Infinity when no row had activity. Milliseconds since the epoch. */
  newestStart({ monotonic }: Pick<Clocks, 'monotonic'>): number {
    return monotonic + this.#startOffset;
  }

  /** Takes in the newest row with activity of a response. */
  observe({ newestActive, monotonic }: TrustedClock): void {
    this.#startOffset = Math.max(this.#startOffset, newestActive - monotonic);
    this.#offset = Math.max(this.#offset, this.#startOffset + WINDOW_MS);
  }
}
