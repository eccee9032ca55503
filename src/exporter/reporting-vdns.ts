import type { VdnWindow } from '../cms/rows.ts';
import { WINDOW_MS } from '../core/window.ts';

/** Regular polls without a row after which a configured VDN that never had one is called silent. */
const SILENT_AFTER_POLLS = 3;

/** What a poll requested and what came. */
export interface PolledRows {
  readonly latest: number;
  /** VDNs whose requests succeeded and whose line was open. */
  readonly answered: readonly number[];
  readonly rows: Iterable<VdnWindow>;
}

/**
 * Knows which VDNs report. A missing row is worth another request only for a VDN that had a row one window earlier: a
 * line that is closed, or an id that does not exist, waits for the next regular poll. It also finds the configured VDNs
 * that never had a row.
 */
export class ReportingVdns {
  /** The newest window of each VDN that had a row lately. */
  readonly #newest = new Map<number, number>();
  /** Regular polls without a row, for configured VDNs that never had one. */
  readonly #pollsWithoutRows = new Map<number, number>();

  /**
   * @param configured ids that should have rows; none with `vdns: all`
   * @param silent those of them that are already known as silent
   */
  constructor(configured: readonly number[], silent: readonly number[] = []) {
    const known = new Set(silent);
    for (const id of configured) this.#pollsWithoutRows.set(id, known.has(id) ? SILENT_AFTER_POLLS : 0);
  }

  /** Configured VDNs that never had a row, after some windows; in their configured order. */
  get silent(): readonly number[] {
    return [...this.#pollsWithoutRows].filter(([, polls]) => polls >= SILENT_AFTER_POLLS).map(([id]) => id);
  }

  /** VDNs whose row of the latest window is missing although they had one of the window before. */
  missing(latest: number): readonly number[] {
    return [...this.#newest].filter(([, start]) => start === latest - WINDOW_MS).map(([id]) => id);
  }

  /**
   * Takes note of the rows of a poll.
   * @param isRegular whether the poll counts for {@link silent}; others repeat it
   * @param hasCounted whether rows of a VDN were counted in another way, in an earlier process for example
   */
  update({ latest, answered, rows }: PolledRows, isRegular: boolean, hasCounted: (id: number) => boolean): void {
    const newest = new Map<number, number>();
    for (const { vdn, start } of rows) newest.set(vdn, Math.max(start, newest.get(vdn) ?? -Infinity));
    for (const [vdn, start] of newest) {
      this.#newest.set(vdn, start);
      this.#pollsWithoutRows.delete(vdn);
    }
    if (!isRegular) return;
    for (const [vdn, start] of this.#newest) if (start < latest - WINDOW_MS) this.#newest.delete(vdn);
    for (const id of answered) {
      const polls = this.#pollsWithoutRows.get(id);
      if (polls === undefined) continue;
      if (hasCounted(id)) this.#pollsWithoutRows.delete(id);
      else this.#pollsWithoutRows.set(id, polls + 1);
    }
  }
}
