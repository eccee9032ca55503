import type { VdnWindow } from '../cms/rows.ts';
import type { OpeningPlan } from '../config/opening-plan.ts';
import type { VdnConfig } from '../config/schema.ts';
import type { Targets } from '../config/targets.ts';
import { NO_TOTALS, type Totals } from '../ledger/vdn-account.ts';
import { WINDOW_MS } from '../core/window.ts';
import { openingStatesAt, type OpeningState, type OpeningStates } from './opening-states.ts';

/** The rows and totals of one VDN, with its names. All parts are immutable: a change replaces them. */
export interface VdnData {
  readonly id: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ccId: number | undefined;
  /** Undefined when there is none yet or it is stale: then no gauge is shown. */
  readonly window: VdnWindow | undefined;
  readonly totals: Totals;
}

/** One VDN as a scrape shows it. */
export interface VdnState extends VdnData {
  readonly targets: Targets;
  readonly opening: OpeningState;
}

/** One call center as a scrape shows it, ordered by VDN id. The same version means the same content. */
export interface CallCenterSnapshot {
  readonly callCenter: string;
  readonly version: number;
  readonly vdns: readonly VdnState[];
  /** Whether it shows what is true at that moment (milliseconds since the epoch): no window stale, no line opened or closed since. */
  readonly isCurrentAt: (now: number) => boolean;
}

export interface SnapshotStoreOptions {
  readonly callCenter: string;
  readonly ccId: number | undefined;
  readonly vdns: readonly VdnConfig[] | 'all';
  /** Of every VDN with `vdns: all`. */
  readonly targets: Targets;
  readonly openingHours: OpeningPlan | undefined;
  readonly vdnLabelNames: readonly string[];
  readonly staleAfterMs: number;
}

type ShownVdn = Omit<VdnConfig, 'queues' | 'queueTargets'>;

/** Compares two flat records field by field. */
function hasSameFields<T extends object>(a: T, b: T): boolean {
  for (const field in a) if (a[field] !== b[field]) return false;
  for (const field in b) if (!(field in a)) return false;
  return true;
}

/**
 * What is shown of a call center: the newest window of each VDN while it is fresh, and the published totals. Whatever
 * brings nothing new leaves the snapshot as it is, so that nothing is rendered again.
 */
export class SnapshotStore {
  readonly #options: SnapshotStoreOptions;
  readonly #windows = new Map<number, VdnWindow>();
  #totals: ReadonlyMap<number, Totals> = new Map();
  #snapshot: CallCenterSnapshot | undefined;
  #version = 0;

  constructor(options: SnapshotStoreOptions) {
    this.#options = options;
  }

  /** Keeps the rows that are newer than the known ones, and corrected values of the same window. */
  update(windows: Iterable<VdnWindow>): void {
    for (const window of windows) {
      const known = this.#windows.get(window.vdn);
      if (known !== undefined && (window.start < known.start || hasSameFields(known, window))) continue;
      this.#windows.set(window.vdn, window);
      this.#snapshot = undefined;
    }
  }

  /** Shows these totals from now on. They must be stored already, so that a restart finds them again. */
  publish(totals: ReadonlyMap<number, Totals>): void {
    const isSame =
      totals.size === this.#totals.size &&
      [...totals].every(([vdn, sums]) => {
        const known = this.#totals.get(vdn);
        return known !== undefined && hasSameFields(known, sums);
      });
    if (isSame) return;
    this.#totals = totals;
    this.#snapshot = undefined;
  }

  /** Takes over the windows of the store that this one replaces, for the VDNs that both have. */
  adopt(previous: SnapshotStore): void {
    const ids = this.#options.vdns === 'all' ? undefined : new Set(this.#options.vdns.map(({ id }) => id));
    this.#version = previous.#version;
    this.update([...previous.#windows.values()].filter(({ vdn }) => ids?.has(vdn) ?? true));
  }

  /** A window that has not started came while the clock was ahead. It would hide every real one. */
  #isShown({ start }: VdnWindow, now: number): boolean {
    return start <= now && now - (start + WINDOW_MS) <= this.#options.staleAfterMs;
  }

  /** What is to be shown at `now`; the same object as long as that is the same. */
  snapshot(now: number): CallCenterSnapshot {
    if (this.#snapshot?.isCurrentAt(now) === true) return this.#snapshot;
    let [begunAt, freshUntil] = [-Infinity, Infinity];
    for (const [vdn, window] of this.#windows) {
      if (!this.#isShown(window, now)) this.#windows.delete(vdn);
      else {
        begunAt = Math.max(begunAt, window.start);
        freshUntil = Math.min(freshUntil, window.start + WINDOW_MS + this.#options.staleAfterMs);
      }
    }
    const { callCenter } = this.#options;
    const openings = this.#openingsAt(now);
    const vdns = this.#configured().map((vdn) => this.#state(vdn, openings));
    const isCurrentAt = (moment: number) => moment >= begunAt && moment <= freshUntil && openings.holdAt(moment);
    this.#snapshot = { callCenter, version: ++this.#version, vdns, isCurrentAt };
    return this.#snapshot;
  }

  #openingsAt(now: number): OpeningStates {
    const { vdns, openingHours } = this.#options;
    const plans = vdns === 'all' ? [openingHours] : vdns.map((vdn) => vdn.openingHours);
    return openingStatesAt(now, plans);
  }

  #configured(): readonly ShownVdn[] {
    const { targets, openingHours } = this.#options;
    if (this.#options.vdns !== 'all') return this.#options.vdns;
    const labels = Object.fromEntries(this.#options.vdnLabelNames.map((name) => [name, '']));
    const ids = new Set([...this.#windows.keys(), ...this.#totals.keys()]);
    return [...ids].sort((a, b) => a - b).map((id) => ({ id, name: '', labels, targets, openingHours }));
  }

  #state({ id, name, labels, targets, openingHours }: ShownVdn, openings: OpeningStates): VdnState {
    const window = this.#windows.get(id);
    const totals = this.#totals.get(id) ?? NO_TOTALS;
    const ccId = this.#options.ccId ?? window?.ccId;
    return { id, name, labels, ccId, window, totals, targets, opening: openings.of(openingHours) };
  }
}
