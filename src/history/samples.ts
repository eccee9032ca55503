/** Windows of the past as samples with timestamps: the same series as on the metrics page. */
import type { VdnWindow } from '../cms/rows.ts';
import type { Vdn } from '../config/schema.ts';
import type { VdnData } from '../exposition/snapshot-store.ts';
import { type Totals, NO_TOTALS } from '../ledger/vdn-account.ts';
import { WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { escapeLabel, dataFamilies, type Family, header } from '../exposition/text-format.ts';

/** `openmetrics` counts time in seconds and ends with `# EOF`, `victoriametrics` in milliseconds. */
export const HISTORY_FORMATS = ['openmetrics', 'victoriametrics'] as const;
export type HistoryFormat = (typeof HISTORY_FORMATS)[number];

/** About this many characters are written at once. */
const PIECE_LENGTH = 65_536;

/** How far the history of one VDN has been written. */
export interface Account {
  readonly totals: Totals;
  /** End of the newest window that had a row. */
  readonly upTo: number;
}

/** A window with the totals up to and including it. */
interface Entry {
  readonly window: VdnWindow;
  readonly before: Totals;
  readonly after: Totals;
  /** True for the first window, and after a window without a row: the totals are written at its start, too. */
  readonly isAfterGap: boolean;
}

/** The windows of one VDN, oldest first. */
interface Stretch {
  readonly vdn: Vdn;
  readonly entries: readonly Entry[];
}

function add(totals: Totals, window: VdnWindow, missing: number): Totals {
  return {
    inbound: totals.inbound + (window.inbound ?? 0),
    answered: totals.answered + (window.answered ?? 0),
    outbound: totals.outbound + (window.outbound ?? 0),
    windows: totals.windows + 1,
    revised: 0,
    missing: totals.missing + missing,
  };
}

/** Continues the accounts (changed in place) with windows in any order; reports the gaps between them. */
export function continueAccounts(
  windows: readonly VdnWindow[],
  accounts: Map<number, Account>,
  onGap: (vdn: number, gap: WindowRange) => void,
  describe: (vdn: number) => Vdn,
): Stretch[] {
  const byVdn = new Map<number, Entry[]>();
  for (const window of windows.toSorted((a, b) => a.vdn - b.vdn || a.start - b.start)) {
    const known = accounts.get(window.vdn);
    const upTo = known?.upTo ?? window.start;
    const before = known?.totals ?? NO_TOTALS;
    const after = add(before, window, windowsBetween(upTo, window.start));
    if (window.start > upTo) onGap(window.vdn, { from: upTo, to: window.start });
    const entry = { window, before, after, isAfterGap: before.windows === 0 || window.start > upTo };
    const entries = byVdn.get(window.vdn);
    if (entries === undefined) byVdn.set(window.vdn, [entry]);
    else entries.push(entry);
    accounts.set(window.vdn, { totals: after, upTo: window.start + WINDOW_MS });
  }
  return [...byVdn].map(([vdn, entries]) => ({ vdn: describe(vdn), entries }));
}

export interface HistoryTextOptions {
  readonly format: HistoryFormat;
  readonly labelNames: readonly string[];
  /** Put on every series, in front of the exporter's own labels. */
  readonly extraLabels: readonly (readonly [name: string, value: string])[];
}

/** What is shown of a VDN at a moment. */
interface Moment {
  readonly ms: number;
  readonly state: VdnData;
  /** The start of a window that follows none: only counters are known. */
  readonly isBefore: boolean;
}

function momentsOf({ vdn, entries }: Stretch, ccId: number | undefined): Moment[] {
  return entries.flatMap(({ window, before, after, isAfterGap }) => {
    const state = { id: vdn.id, name: vdn.name, labels: vdn.labels, ccId: ccId ?? window.ccId, window, totals: after };
    const end = { ms: window.start + WINDOW_MS, state, isBefore: false };
    return isAfterGap ? [{ ms: window.start, state: { ...state, totals: before }, isBefore: true }, end] : [end];
  });
}

/** Writes history, family by family within each piece of it. */
export class HistoryText {
  readonly #families: readonly Family<VdnData>[];
  readonly #labels: string;
  readonly #unit: number;
  readonly #format: HistoryFormat;

  constructor({ format, labelNames, extraLabels }: HistoryTextOptions) {
    this.#families = dataFamilies(labelNames);
    this.#labels = extraLabels.map(([name, value]) => `${name}="${escapeLabel(value)}",`).join('');
    this.#unit = format === 'openmetrics' ? 1000 : 1;
    this.#format = format;
  }

  /** HELP and TYPE of every family, once. */
  head(): string {
    return this.#families.map((family) => header(family, 'openmetrics')).join('');
  }

  end(): string {
    return this.#format === 'openmetrics' ? '# EOF\n' : '';
  }

  /**
   * One sample a window and series, at the window's end. A counter has one more at the start of a window that follows
   * none: increase() sees no growth without the value before.
   */
  *samples(callCenter: string, ccId: number | undefined, stretches: readonly Stretch[]): Generator<string, void> {
    const moments = stretches.map((stretch) => momentsOf(stretch, ccId));
    let text = '';
    for (const family of this.#families) {
      const start = `${family.name}{${this.#labels}call_center="${escapeLabel(callCenter)}",vdn="`;
      const isCounter = family.type === 'counter';
      for (const ofVdn of moments) {
        for (const { ms, state, isBefore } of ofVdn) {
          if (!isBefore || isCounter) text += this.#stamped(family.lines(start, state), ms);
        }
        if (text.length < PIECE_LENGTH) continue;
        yield text;
        text = '';
      }
    }
    if (text !== '') yield text;
  }

  #stamped(lines: string, ms: number): string {
    return lines.replaceAll('\n', ` ${ms / this.#unit}\n`);
  }
}
