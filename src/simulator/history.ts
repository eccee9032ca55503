import type { FaultBoard } from './fault-board.ts';
import type { Timing } from './timing.ts';
import { beforeCorrection, type Vdn, WINDOW_MS, windowOf, type WindowValues } from './traffic.ts';

export interface Slot {
  readonly vdn: Vdn;
  readonly begin: number;
}

/** The rows of a query in the order of time and VDN, without having made them. */
export interface Listing {
  readonly length: number;
  at(index: number): Slot;
}

/** What the CMS knows and shows, at any moment. Times are milliseconds since the epoch. */
export interface History {
  /** The final values of a window, corrections included. */
  truth(slot: Slot): WindowValues;
  /** The values shown at `now`; undefined while the window has not settled, is kept back or is past retention. */
  served(slot: Slot, now: number): WindowValues | undefined;
  /** Every row of these VDNs and windows that is shown at `now`. */
  list(vdns: readonly Vdn[], begins: readonly number[], now: number): Listing;
}

export interface HistoryOptions {
  readonly timing: Timing;
  readonly board: FaultBoard;
  readonly retentionMs: number;
}

export function createHistory({ timing, board, retentionMs }: HistoryOptions): History {
  const truth = ({ vdn, begin }: Slot): WindowValues => board.change(vdn.id, begin, windowOf(vdn, begin));
  const isShown = ({ vdn, begin }: Slot, now: number): boolean => {
    const { appears } = timing.timesOf(vdn, begin);
    return (
      begin % WINDOW_MS === 0 && begin >= now - retentionMs && appears <= now && !board.hides(vdn.id, begin, appears)
    );
  };

  return {
    truth,

    served(slot, now) {
      if (!isShown(slot, now)) return undefined;
      const values = truth(slot);
      return timing.timesOf(slot.vdn, slot.begin).final <= now
        ? values
        : beforeCorrection(slot.vdn, slot.begin, values);
    },

    list(vdns, begins, now) {
      const kept = begins.filter((begin) => begin >= now - retentionMs);
      // All rows of these windows are there: a month of history is paged through without looking at each of them.
      const settledBefore = Math.min(now - timing.longestLag - WINDOW_MS, board.hidesNothingBefore(timing.longestLag));
      const settled = kept.filter((begin) => begin < settledBefore);
      const young = kept
        .slice(settled.length)
        .flatMap((begin) => vdns.map((vdn) => ({ vdn, begin })))
        .filter((slot) => isShown(slot, now));
      const settledRows = settled.length * vdns.length;
      return {
        length: settledRows + young.length,
        at(index) {
          const slot =
            index < settledRows
              ? { vdn: vdns[index % vdns.length], begin: settled[Math.floor(index / vdns.length)] }
              : young[index - settledRows];
          if (slot?.vdn === undefined || slot.begin === undefined) throw new RangeError(`There is no row ${index}`);
          return { vdn: slot.vdn, begin: slot.begin };
        },
      };
    },
  };
}
