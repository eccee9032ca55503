import { WINDOW_MS, type WindowRange } from '../core/window.ts';

/** The unit of `vdns: all`: one query covers every VDN. */
export const ALL = 0;

/** For each unit (a VDN, or {@link ALL}): a window. */
type WindowByUnit = readonly (readonly [unit: number, window: number])[];

/** A run of windows, first and last. */
interface Run {
  readonly from: number;
  readonly last: number;
}

/**
 * Up to which window the API was queried for each VDN, or for all at once, without a gap. Beyond a gap it remembers one
 * run of covered windows: a catch-up fills the gap from its newer end.
 */
export class QueryCoverage {
  readonly #upTo: Map<number, number>;
  readonly #beyond = new Map<number, Run>();

  /** @param upTo the window up to which each unit is covered */
  constructor(upTo: WindowByUnit) {
    this.#upTo = new Map(upTo);
  }

  /**
   * Continues a stored coverage with what is configured now.
   * @param stored up to which window each unit was covered
   * @param known VDNs with a stored account
   * @param before what new VDNs are covered up to
   */
  static resume(
    vdns: readonly number[] | 'all',
    stored: WindowByUnit,
    known: ReadonlyMap<number, unknown>,
    before: number,
  ): QueryCoverage {
    const upTo = new Map(stored);
    const all = upTo.get(ALL);
    // When switching from a list to `all`, resume from the least-covered VDN.
    if (vdns === 'all') return new QueryCoverage([[ALL, all ?? Math.min(before, ...upTo.values())]]);
    return new QueryCoverage(vdns.map((vdn) => [vdn, known.has(vdn) ? (upTo.get(vdn) ?? all ?? before) : before]));
  }

  /** Undefined for a unit that is not queried. */
  coveredUpTo(unit: number): number | undefined {
    return this.#upTo.get(unit);
  }

  entries(): Iterable<[unit: number, window: number]> {
    return this.#upTo;
  }

  /**
   * Marks a range that a response of the API covered.
   * @param latest the newest window that was due
   * @param floor nothing before it is requested any more
   */
  markCovered(unit: number, range: WindowRange, latest: number, floor: number): void {
    let upTo = this.#upTo.get(unit);
    if (upTo === undefined) return;
    let beyond = this.#beyond.get(unit);
    if (upTo > latest) {
      // The clock was set back. What was queried ahead of its time has to be queried again.
      upTo = floor - WINDOW_MS;
      beyond = undefined;
    }
    const covered: Run = { from: range.from, last: range.to - WINDOW_MS };
    if (touches(upTo, covered)) upTo = Math.max(upTo, covered.last);
    else beyond = beyond === undefined ? covered : join(beyond, covered);
    if (beyond !== undefined && touches(upTo, beyond)) {
      upTo = Math.max(upTo, beyond.last);
      beyond = undefined;
    }
    this.#upTo.set(unit, upTo);
    if (beyond === undefined) this.#beyond.delete(unit);
    else this.#beyond.set(unit, beyond);
  }

  /** Starts anew: everything before this window counts as covered, and nothing from it on. */
  restartAt(window: number): void {
    for (const unit of this.#upTo.keys()) this.#upTo.set(unit, window - WINDOW_MS);
    this.#beyond.clear();
  }
}

function touches(upTo: number, run: Run): boolean {
  return run.from <= upTo + WINDOW_MS;
}

/** Both runs as one if they touch; otherwise the newer one. The windows of the other are requested again. */
function join(a: Run, b: Run): Run {
  if (b.from > a.last + WINDOW_MS) return b;
  if (a.from > b.last + WINDOW_MS) return a;
  return { from: Math.min(a.from, b.from), last: Math.max(a.last, b.last) };
}
