import type { HistoryTarget } from './plan.ts';
import { formatRange } from './time-range.ts';
import { type WindowRange, windowsBetween } from '../core/window.ts';
import { count, formatIds } from '../core/format.ts';

/** Gaps that are listed one by one; the others are summed up. */
const MAX_LISTED = 20;

interface ListedGap extends WindowRange {
  readonly target: number;
  readonly vdn: number;
}

/** The state of {@link Gaps} as it is stored. */
export interface GapsState {
  readonly gaps: number;
  readonly windows: number;
  readonly listed: readonly ListedGap[];
  /** VDNs without a single row, with the index of their target. */
  readonly silent: readonly (readonly [target: number, vdn: number])[];
}

const NO_GAPS: GapsState = { gaps: 0, windows: 0, listed: [], silent: [] };

/** Collects the windows without rows in the API, in bounded memory. */
export class Gaps {
  #gaps: number;
  #windows: number;
  readonly #listed: ListedGap[];
  readonly #silent: (readonly [target: number, vdn: number])[];

  constructor({ gaps, windows, listed, silent }: GapsState = NO_GAPS) {
    this.#gaps = gaps;
    this.#windows = windows;
    this.#listed = [...listed];
    this.#silent = [...silent];
  }

  /** The VDN has no rows in [from, to), and rows before or after it. */
  add(target: number, vdn: number, { from, to }: WindowRange): void {
    this.#gaps++;
    this.#windows += windowsBetween(from, to);
    if (this.#listed.length < MAX_LISTED) this.#listed.push({ target, vdn, from, to });
  }

  /** The VDN has no row at all. */
  addSilent(target: number, vdn: number, range: WindowRange): void {
    this.#windows += windowsBetween(range.from, range.to);
    this.#silent.push([target, vdn]);
  }

  toState(): GapsState {
    return { gaps: this.#gaps, windows: this.#windows, listed: [...this.#listed], silent: [...this.#silent] };
  }

  /** Lines for the report; none when there are no gaps. */
  report(targets: readonly HistoryTarget[]): string[] {
    if (this.#windows === 0) return [];
    const name = (target: number) => targets[target]?.callCenter ?? '';
    const lines = [`The API has no rows for ${count(this.#windows, 'window')}; there are no samples for them:`];
    for (const gap of this.#listed) {
      const windows = count(windowsBetween(gap.from, gap.to), 'window');
      lines.push(`  ${name(gap.target)} VDN ${gap.vdn}: ${formatRange(gap)} (${windows})`);
    }
    const rest = this.#gaps - this.#listed.length;
    if (rest > 0) lines.push(`  and ${count(rest, 'more gap')}`);
    for (const target of targets.keys()) {
      const ids = this.#silent.filter(([of]) => of === target).map(([, vdn]) => vdn);
      if (ids.length > 0) lines.push(`  ${name(target)}: no rows at all for VDN ${formatIds(ids)}`);
    }
    return lines;
  }
}
