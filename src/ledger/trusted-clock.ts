import type { VdnWindow } from '../cms/rows.ts';
import { latestEnded } from '../core/window.ts';

/** What the clocks said. Milliseconds. */
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
  /** Whether rows of the response prove that the API's clock is wrong: it is left out then. */
  readonly isApiRefuted: boolean;
}

/**
 * Decides which clocks to believe. The earlier clock wins, so a fast clock never closes or gives up a window that is
 * still to come.
 * @param rows of the response: one that starts later than the API's clock says proves that clock wrong
 * @param latest the newest window that was due when the query was sent
 */
export function trustedClock(clocks: Clocks, rows: readonly VdnWindow[], latest: number): TrustedClock {
  const { now, apiNow, monotonic } = clocks;
  const newestRow = rows.reduce((newest, { start }) => Math.max(newest, start), -Infinity);
  const isApiRefuted = apiNow !== undefined && newestRow > apiNow;
  const believed = isApiRefuted ? undefined : apiNow;
  return {
    ...{ now, monotonic, isApiRefuted, apiNow: believed },
    latest: Math.min(latest, latestEnded(Math.min(now, believed ?? now))),
  };
}
