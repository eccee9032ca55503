import type { VdnWindow } from './api/rows.ts';

/** Running sums of one VDN since the ledger began; none ever falls. */
export interface Totals {
  readonly inbound: number;
  readonly answered: number;
  readonly outbound: number;
  readonly windows: number;
  readonly revised: number;
  readonly missing: number;
}

/** One VDN as a scrape shows it. All parts are immutable: a change replaces them. */
export interface VdnState {
  readonly id: number;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ccId: number | undefined;
  /** Undefined when there is none yet or it is stale: then no gauge is shown. */
  readonly window: VdnWindow | undefined;
  readonly totals: Totals;
}

/** One call center as a scrape shows it, ordered by VDN id. The same version means the same content. */
export interface CallCenterSnapshot {
  readonly callCenter: string;
  readonly version: number;
  readonly vdns: readonly VdnState[];
}
