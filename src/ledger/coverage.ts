import { WINDOW_MS, type WindowRange } from '../core/window.ts';

/** With `vdns: all` the API is asked for all VDNs at once: one unit of asking instead of one for each VDN. */
export const ALL = 0;

/** A run of windows, first and last. */
interface Run {
  readonly from: number;
  readonly last: number;
}

/**
 * Up to which window the API was asked for each VDN, or for all at once, without a gap. Beyond a gap one run of windows
 * that were asked for, too, is remembered: catching up fills the gap from its newer end.
 */
export class QueryCoverage {
  readonly #upTo: Map<number, number>;
  readonly #beyond = new Map<number, Run>();

  /** @param upTo for each unit: a VDN, or {@link ALL} */
  constructor(upTo: Iterable<readonly [unit: number, window: number]>) {
    this.#upTo = new Map(upTo);
  }

  /** Undefined for a unit that is not asked for. */
  coveredUpTo(unit: number): number | undefined {
    return this.#upTo.get(unit);
  }

  entries(): Iterable<[unit: number, window: number]> {
    return this.#upTo;
  }

  /**
   * Notes that the API answered for a range.
   * @param latest the newest window that was due
   * @param floor nothing before it is asked for any more
   */
  markCovered(unit: number, range: WindowRange, latest: number, floor: number): void {
    let upTo = this.#upTo.get(unit);
    if (upTo === undefined) return;
    let beyond = this.#beyond.get(unit);
    if (upTo > latest) {
      // The clock went back: what was asked for ahead of its time has to be asked for again.
      upTo = floor - WINDOW_MS;
      beyond = undefined;
    }
    const asked: Run = { from: range.from, last: range.to - WINDOW_MS };
    if (touches(upTo, asked)) upTo = Math.max(upTo, asked.last);
    else beyond = beyond === undefined ? asked : join(beyond, asked);
    if (beyond !== undefined && touches(upTo, beyond)) {
      upTo = Math.max(upTo, beyond.last);
      beyond = undefined;
    }
    this.#upTo.set(unit, upTo);
    if (beyond === undefined) this.#beyond.delete(unit);
    else this.#beyond.set(unit, beyond);
  }

  /** Forgets everything: nothing before this window is to be asked for, and nothing from it on was. */
  restartAt(window: number): void {
    for (const unit of this.#upTo.keys()) this.#upTo.set(unit, window - WINDOW_MS);
    this.#beyond.clear();
  }
}

function touches(upTo: number, run: Run): boolean {
  return run.from <= upTo + WINDOW_MS;
}

/** Both runs in one where they touch; otherwise the newer one: what is forgotten is asked for again. */
function join(a: Run, b: Run): Run {
  if (b.from > a.last + WINDOW_MS) return b;
  if (a.from > b.last + WINDOW_MS) return a;
  return { from: Math.min(a.from, b.from), last: Math.max(a.last, b.last) };
}
