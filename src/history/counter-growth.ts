/** Compares what Prometheus counted with the rows of the API. Pure. */
import type { VdnWindow } from '../cms/rows.ts';
import { TOTAL_METRICS, type TotalField } from '../exposition/metrics.ts';
import type { RawSeries } from './prometheus-client.ts';
import { WINDOW_MS, windowAt, type WindowRange, windowsBetween } from '../core/window.ts';
import { escapeLabel } from '../exposition/text-format.ts';

/** The counters that can be compared with the rows of the API. */
export const AUDITED = ['inbound', 'answered', 'outbound', 'windows'] as const satisfies readonly TotalField[];
export type AuditedField = (typeof AUDITED)[number];

const METRICS = TOTAL_METRICS.flatMap(({ name, field: of }) =>
  AUDITED.filter((field) => field === of).map((field) => ({ name, field })),
);
const FIELD_OF = new Map(METRICS.map(({ name, field }) => [name, field]));

/** Maximum intervals of a range. The report names those that differ; 48 of 5,000 VDNs fit into memory. */
const MAX_INTERVALS = 48;

/** Equal intervals of a range, the last one may be shorter. */
export interface Intervals extends WindowRange {
  readonly width: number;
  readonly length: number;
}

export function intervalsOf({ from, to }: WindowRange): Intervals {
  const width = Math.ceil(windowsBetween(from, to) / MAX_INTERVALS) * WINDOW_MS;
  return { from, to, width, length: Math.ceil((to - from) / width) };
}

/** For each counter its growth in each interval. */
export type Sums = Readonly<Record<AuditedField, number[]>>;

function noSums({ length }: Intervals): Sums {
  const zeros = () => Array<number>(length).fill(0);
  return { inbound: zeros(), answered: zeros(), outbound: zeros(), windows: zeros() };
}

function add(sums: number[], interval: number, value: number): void {
  sums[interval] = (sums[interval] ?? 0) + value;
}

export function total(sums: readonly number[] | undefined): number {
  return (sums ?? []).reduce((a, b) => a + b, 0);
}

/** Adds a window of the API to the sums of its VDN. */
export function addWindow(vdns: Map<number, Sums>, window: VdnWindow, intervals: Intervals): void {
  const sums = vdns.get(window.vdn) ?? noSums(intervals);
  vdns.set(window.vdn, sums);
  const interval = Math.floor((window.start - intervals.from) / intervals.width);
  for (const field of AUDITED) add(sums[field], interval, field === 'windows' ? 1 : (window[field] ?? 0));
}

/** The selector of the audited counters of some VDNs. */
export function selectorOf(callCenter: string, vdns: readonly number[] | 'all'): string {
  const names = METRICS.map(({ name }) => name).join('|');
  const ids = vdns === 'all' ? '' : `,vdn=~"${vdns.join('|')}"`;
  return `{__name__=~"${names}",call_center="${escapeLabel(callCenter)}"${ids}}`;
}

/** Time slices in which samples are fetched: some 500,000 samples each, at one every 15 s. Aligned, oldest first. */
export function* sampleSlices({ from, to }: WindowRange, vdns: readonly number[] | 'all'): Generator<WindowRange> {
  // Of all VDNs nobody knows how many they are: at most 5,000.
  const minutes = vdns === 'all' ? 10 : 60 * Math.min(7 * 24, Math.ceil(600 / vdns.length));
  for (let start = from; start < to; start += minutes * 60_000) {
    yield { from: start, to: Math.min(to, start + minutes * 60_000) };
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
  /** Times of its first and last sample. */
  readonly firstAt: number;
  lastAt: number;
  last: number;
  readonly grown: number[];
}

/** Series of the same counter that follow each other in time. */
interface Chain {
  lastAt: number;
  readonly grown: number[];
}

/** Adds up how much counters grew, over slices that come in the order of time. */
export class GrowthCounter {
  readonly #series = new Map<string, Growth>();
  readonly #intervals: Intervals;

  /** @param intervals of the windows that are audited */
  constructor(intervals: Intervals) {
    this.#intervals = intervals;
  }

  add({ labels, samples }: RawSeries): void {
    const field = FIELD_OF.get(labels['__name__'] ?? '');
    const vdn = Number(labels['vdn']);
    if (field === undefined || !Number.isInteger(vdn)) return;
    const key = JSON.stringify(Object.entries(labels).sort(([a], [b]) => (a < b ? -1 : 1)));
    let growth = this.#series.get(key);
    for (const [ms, value] of samples) {
      if (Number.isNaN(value)) continue;
      if (growth === undefined) {
        growth = {
          vdn,
          field,
          firstAt: ms,
          lastAt: ms,
          last: value,
          grown: Array<number>(this.#intervals.length).fill(0),
        };
        this.#series.set(key, growth);
        continue;
      }
      const interval = this.#intervalAt(ms);
      // A counter that falls was reset to 0.
      if (interval >= 0) add(growth.grown, interval, value >= growth.last ? value - growth.last : value);
      growth.last = value;
      growth.lastAt = ms;
    }
  }

  /** The interval of the window that a sample is the first to show; negative for one before the range. */
  #intervalAt(ms: number): number {
    const { from, width } = this.#intervals;
    return Math.floor((windowAt(ms) - WINDOW_MS - from) / width);
  }

  /**
   * What was counted per VDN; VDNs without series are absent. Series that follow each other (a container with another
   * address, history and what was scraped since) are added up; of those at the same time (replicas) the largest counts.
   */
  totals(): Map<number, Sums> {
    const chains = new Map<string, Chain[]>();
    const totals = new Map<number, Sums>();
    const inTime = [...this.#series.values()].sort((a, b) => a.firstAt - b.firstAt);
    for (const { vdn, field, firstAt, lastAt, grown } of inTime) {
      const key = `${vdn} ${field}`;
      const known = chains.get(key) ?? [];
      chains.set(key, known);
      const before = known.filter((chain) => chain.lastAt < firstAt).sort((a, b) => b.lastAt - a.lastAt)[0];
      if (before === undefined) known.push({ lastAt, grown: [...grown] });
      else {
        before.lastAt = lastAt;
        for (const [interval, value] of grown.entries()) add(before.grown, interval, value);
      }
      const largest = known.reduce((a, b) => (total(b.grown) > total(a.grown) ? b : a));
      totals.set(vdn, { ...(totals.get(vdn) ?? noSums(this.#intervals)), [field]: largest.grown });
    }
    return totals;
  }
}

export interface Difference {
  readonly vdn: number;
  readonly metric: string;
  readonly field: AuditedField;
  readonly api: number;
  /** Undefined when there is no such series. */
  readonly counted: number | undefined;
  /** Indexes of the intervals that differ. */
  readonly intervals: readonly number[];
}

/** Where both sides differ, by VDN. */
export function compare(api: ReadonlyMap<number, Sums>, counted: ReadonlyMap<number, Sums>): Difference[] {
  const vdns = [...new Set([...api.keys(), ...counted.keys()])].sort((a, b) => a - b);
  return vdns.flatMap((vdn) =>
    METRICS.flatMap(({ name, field }) => {
      const said = api.get(vdn)?.[field] ?? [];
      const found = counted.get(vdn)?.[field];
      if (total(said) === total(found)) return [];
      const intervals = (found ?? said).flatMap((_, interval) =>
        (said[interval] ?? 0) === (found?.[interval] ?? 0) ? [] : [interval],
      );
      const sum = found === undefined ? undefined : total(found);
      return [{ vdn, metric: name, field, api: total(said), counted: sum, intervals }];
    }),
  );
}
