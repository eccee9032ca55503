import { windowsBetween } from '../core/window.ts';
import type { Redact } from './json-values.ts';
import { type Expectation, parseRow, type RejectionReason, type VdnWindow } from './rows.ts';

/** A row that is not used, and why. `detail` is one line for the log, without secrets. */
export interface RejectedRow {
  readonly reason: RejectionReason;
  readonly detail: string;
}

/** The rows of one query. A second reading of the pages adds to the same set. */
export class RowSet {
  readonly #expected: Expectation;
  readonly #windows = new Map<string, VdnWindow>();
  readonly #rejected = new Map<string, RejectedRow>();
  /** Every distinct row, used or not: what `count` counts. */
  readonly #seen = new Set<string>();

  constructor(expected: Expectation) {
    this.#expected = expected;
  }

  /** Number of distinct rows, used or not. */
  get size(): number {
    return this.#seen.size;
  }

  get windows(): readonly VdnWindow[] {
    return [...this.#windows.values()];
  }

  get rejected(): readonly RejectedRow[] {
    return [...this.#rejected.values()];
  }

  /** Whether every (VDN, window) pair that was requested came. Never true when the choice of VDNs was left to the API. */
  get isComplete(): boolean {
    const { vdns, range } = this.#expected;
    return vdns !== undefined && this.#windows.size === vdns.size * windowsBetween(range.from, range.to);
  }

  /** @param redact removes what the response repeats of the request's secrets */
  add(row: unknown, redact: Redact): void {
    const parsed = parseRow(row, this.#expected, redact);
    if ('window' in parsed) this.#use(parsed.window);
    else if ('rejected' in parsed) {
      // A bad row beside a good one of the same VDN and window (of another ccId, say) is a row of its own.
      this.#reject(`${parsed.rejected} ${rawKey(row)}`, { reason: parsed.rejected, detail: parsed.detail });
    } else this.#seen.add(rawKey(row));
  }

  #use(window: VdnWindow): void {
    const { vdn, start, ccId } = window;
    const key = `${vdn}/${start}`;
    const other = this.#windows.get(key)?.ccId;
    if (ccId === undefined || other === undefined || ccId === other) {
      this.#seen.add(key);
      this.#windows.set(key, window);
      return;
    }
    // Without cc_id in the config, a VDN may come from two call centers. Always use the lower id, whatever the order.
    this.#reject(`${key} ${Math.max(ccId, other)}`, {
      reason: 'wrong_cc_id',
      detail: `vdn ${vdn}: ccId is ${ccId} and ${other}, set cc_id`,
    });
    if (ccId < other) this.#windows.set(key, window);
  }

  #reject(key: string, row: RejectedRow): void {
    this.#seen.add(key);
    this.#rejected.set(key, row);
  }
}

/** Identity of a row that is not used: its VDN and time, as far as they are there. */
function rawKey(row: unknown): string {
  const part = (name: string) => {
    const value: unknown = typeof row === 'object' && row !== null ? (row as Record<string, unknown>)[name] : row;
    return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 40) : typeof value;
  };
  return `${part('vdn')}/${part('beginTime')}`;
}
