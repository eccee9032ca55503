import type { FaultInjector } from './fault-injector.ts';
import type { Timing } from './row-timing.ts';
import { beforeCorrection, type Vdn, WINDOW_MS, windowOf, type WindowValues } from './traffic.ts';

export interface Slot {
  readonly vdn: Vdn;
  readonly start: number;
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
  readonly injector: FaultInjector;
  readonly retentionMs: number;
}

export function createHistory({ timing, injector, retentionMs }: HistoryOptions): History {
  const truth = ({ vdn, start }: Slot): WindowValues => injector.change(vdn.id, start, windowOf(vdn, start));
  const isShown = ({ vdn, start }: Slot, now: number): boolean => {
    const { appears } = timing.timesOf(vdn, start);
    return (
      start % WINDOW_MS === 0 && start >= now - retentionMs && appears <= now && !injector.hides(vdn.id, start, appears)
    );
  };

  return {
    truth,

    served(slot, now) {
      if (!isShown(slot, now)) return undefined;
      const values = truth(slot);
      return timing.timesOf(slot.vdn, slot.start).final <= now
        ? values
        : beforeCorrection(slot.vdn, slot.start, values);
    },

    list(vdns, begins, now) {
      const kept = begins.filter((start) => start >= now - retentionMs);
      // All rows of these windows are there: a month of history is paged through without looking at each of them.
      const settledBefore = Math.min(
        now - timing.longestLag - WINDOW_MS,
        injector.hidesNothingBefore(timing.longestLag),
      );
      const settled = kept.filter((start) => start < settledBefore);
      const young = kept
        .slice(settled.length)
        .flatMap((start) => vdns.map((vdn) => ({ vdn, start })))
        .filter((slot) => isShown(slot, now));
      const settledRows = settled.length * vdns.length;
      return {
        length: settledRows + young.length,
        at(index) {
          const slot =
            index < settledRows
              ? { vdn: vdns[index % vdns.length], start: settled[Math.floor(index / vdns.length)] }
              : young[index - settledRows];
          if (slot?.vdn === undefined || slot.start === undefined) throw new RangeError(`There is no row ${index}`);
          return { vdn: slot.vdn, start: slot.start };
        },
      };
    },
  };
}
