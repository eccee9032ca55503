import type { FaultInjector } from './fault-injector.ts';
import type { Timing } from './row-timing.ts';
import { beforeCorrection, type Vdn, WINDOW_MS, windowOf, type WindowValues } from './traffic.ts';

export interface Slot {
  readonly vdn: Vdn;
  readonly start: number;
}

/** The rows of a query in the order of time and VDN. Their values are made only when they are sent. */
export interface Listing {
  readonly length: number;
  at(index: number): Slot;
}

/** What the CMS knows and shows, at any moment. Times are milliseconds since the epoch. */
export interface Dataset {
  /** The final values of a window, corrections included. */
  truth(slot: Slot): WindowValues;
  /** The values shown at `now`; undefined while the window has not settled, is withheld or is past retention. */
  served(slot: Slot, now: number): WindowValues | undefined;
  /** Every row of these VDNs and windows that is shown at `now`. */
  list(vdns: readonly Vdn[], starts: readonly number[], now: number): Listing;
}

export interface DatasetOptions {
  readonly timing: Timing;
  readonly injector: FaultInjector;
  readonly retentionMs: number;
}

export function createDataset({ timing, injector, retentionMs }: DatasetOptions): Dataset {
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

    list(vdns, starts, now) {
      const kept = starts.filter((start) => start >= now - retentionMs);
      // Every row of these windows is shown: a month of history can be paged without checking each row.
      const settledBefore = Math.min(now - timing.longestLag - WINDOW_MS, injector.firstHiddenStart(timing.longestLag));
      const settled = kept.filter((start) => start < settledBefore);
      const young = kept
        .slice(settled.length)
        .flatMap((start) => vdns.map((vdn) => ({ vdn, start })))
        .filter((slot) => isShown(slot, now));
      return joinListing(vdns, settled, young);
    },
  };
}

/** Every VDN in each of the settled windows, then the young rows. */
function joinListing(vdns: readonly Vdn[], settled: readonly number[], young: readonly Slot[]): Listing {
  const settledRows = settled.length * vdns.length;
  return {
    length: settledRows + young.length,
    at(index) {
      if (index >= settledRows) return demand(young[index - settledRows], index);
      const vdn = demand(vdns[index % vdns.length], index);
      return { vdn, start: demand(settled[Math.floor(index / vdns.length)], index) };
    },
  };
}

function demand<T>(value: T | undefined, index: number): T {
  if (value === undefined) throw new RangeError(`There is no row ${index}`);
  return value;
}
