/** What Prometheus counted against what the API says. Pure. */
import type { VdnWindow } from './api/rows.ts';
import { TOTAL_METRICS, type TotalField } from './metrics.ts';
import type { RawSeries } from './prometheus-api.ts';
import { WINDOW_MS, type WindowRange } from './window.ts';
import { escapeLabel } from './window-text.ts';

/** The counters that the API can be asked about. */
export const AUDITED = ['inbound', 'answered', 'outbound', 'windows'] as const satisfies readonly TotalField[];
export type AuditedField = (typeof AUDITED)[number];
export type Sums = Readonly<Record<AuditedField, number>>;

const METRICS = TOTAL_METRICS.filter(({ field }) => AUDITED.some((audited) => audited === field));
const FIELD_OF = new Map(METRICS.map(({ name, field }) => [name, field as AuditedField]));

/** Adds a window of the API to the sums of its VDN. */
export function addWindow(sums: Sums | undefined, window: VdnWindow): Sums {
  return {
    inbound: (sums?.inbound ?? 0) + (window.inbound ?? 0),
    answered: (sums?.answered ?? 0) + (window.answered ?? 0),
    outbound: (sums?.outbound ?? 0) + (window.outbound ?? 0),
    windows: (sums?.windows ?? 0) + 1,
  };
}

/** The selector of the audited counters of some VDNs. */
export function selectorOf(callCenter: string, vdns: readonly number[] | 'all'): string {
  const names = METRICS.map(({ name }) => name).join('|');
  const ids = vdns === 'all' ? '' : `,vdn=~"${vdns.join('|')}"`;
  return `{__name__=~"${names}",call_center="${escapeLabel(callCenter)}"${ids}}`;
}

/** Time slices in which samples are fetched: some 500,000 samples each, at one every 15 s. Aligned, oldest first. */
export function* sampleSlices({ from, to }: WindowRange, vdns: readonly number[] | 'all'): Generator<WindowRange> {
  const hours = vdns === 'all' ? 1 : Math.min(7 * 24, Math.ceil(600 / vdns.length));
  for (let start = from; start < to; start += hours * 3_600_000) {
    yield { from: start, to: Math.min(to, start + hours * 3_600_000) };
  }
}

/**
 * The samples that show how much was counted of the windows in `range`. A window that ends at T is in the counters
 * from T on where it was backfilled, and some seconds after T where it was scraped; the next one cannot be in them
 * before T + 5 minutes. So the last sample before T + 5 minutes tells what was counted up to T.
 */
export function sampleRange({ from, to }: WindowRange): WindowRange {
  return { from, to: to + WINDOW_MS };
}

interface Growth {
  readonly vdn: number;
  readonly field: AuditedField;
  last: number | undefined;
  grown: number;
}

/** Adds up how much counters grew, over slices that come in the order of time. */
export class GrowthCounter {
  readonly #series = new Map<string, Growth>();
  readonly #baselineBefore: number;

  /** @param range the windows that are audited */
  constructor(range: WindowRange) {
    this.#baselineBefore = range.from + WINDOW_MS;
  }

  add({ labels, samples }: RawSeries): void {
    const field = FIELD_OF.get(labels['__name__'] ?? '');
    const vdn = Number(labels['vdn']);
    if (field === undefined || !Number.isInteger(vdn)) return;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    const growth = this.#series.get(key) ?? { vdn, field, last: undefined, grown: 0 };
    this.#series.set(key, growth);
    for (const [ms, value] of samples) {
      if (Number.isNaN(value)) continue;
      // Before the first window of the range can be in it, a sample is the value to start from; so is the first one.
      if (ms >= this.#baselineBefore && growth.last !== undefined) {
        // A counter that falls began again at 0.
        growth.grown += value >= growth.last ? value - growth.last : value;
      }
      growth.last = value;
    }
  }

  /** What was counted per VDN; of several series of a VDN (HA replicas) the largest. VDNs without series are absent. */
  totals(): Map<number, Sums> {
    const totals = new Map<number, Record<AuditedField, number>>();
    for (const { vdn, field, grown } of this.#series.values()) {
      const sums = totals.get(vdn) ?? { inbound: 0, answered: 0, outbound: 0, windows: 0 };
      sums[field] = Math.max(sums[field], grown);
      totals.set(vdn, sums);
    }
    return totals;
  }
}

export interface Difference {
  readonly vdn: number;
  readonly metric: string;
  readonly api: number;
  /** Undefined when there is no such series. */
  readonly counted: number | undefined;
}

/** Where both sides differ, by VDN. */
export function compare(api: ReadonlyMap<number, Sums>, counted: ReadonlyMap<number, Sums>): Difference[] {
  const vdns = [...new Set([...api.keys(), ...counted.keys()])].sort((a, b) => a - b);
  return vdns.flatMap((vdn) =>
    METRICS.flatMap(({ name, field }) => {
      const said = api.get(vdn)?.[field as AuditedField] ?? 0;
      const found = counted.get(vdn)?.[field as AuditedField];
      return said === (found ?? 0) ? [] : [{ vdn, metric: name, api: said, counted: found }];
    }),
  );
}
