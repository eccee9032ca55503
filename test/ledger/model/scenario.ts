import type { UpstreamOptions } from './upstream.ts';

export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
/** Start of every scenario: a Wednesday at midnight, UTC. */
export const START = Date.UTC(2026, 10, 18);
/** Time without new rows after the last fault, for late rows to come and to be requested again. */
export const QUIET_MS = 12 * HOUR;
export const VDNS = [1, 2, 7];
/** How many more windows than the least a scenario may look back. */
export const MAX_MORE_LOOKBACK = 3;

/** The API fails for a while: see `UpstreamState`. */
export interface Outage {
  readonly at: number;
  readonly length: number;
  readonly kind: 'down' | 'partial' | 'scrambled';
}

/** The process is killed at or after a time: while it sleeps, or just before or after it next stores its ledger. */
export interface Kill {
  readonly at: number;
  readonly length: number;
  readonly moment: 'asleep' | 'before storing' | 'after storing';
  /** Whether the stored ledger is lost, too. */
  readonly losesFile: boolean;
  /** The config of the next process. */
  readonly next: Settings;
}

export interface Settings {
  /** Whether the config says `vdns: all`. */
  readonly isAll: boolean;
  /** VDNs that are not in the list. */
  readonly without: readonly number[];
  readonly moreLookbackWindows: number;
  readonly catchUpMs: number;
}

/** Our wall clock is wrong for a while. */
export interface ClockStep {
  readonly at: number;
  readonly length: number;
  readonly error: number;
}

/** Everything that happens to an exporter. Times are milliseconds of true time after START. */
export interface Scenario {
  readonly upstream: Omit<UpstreamOptions, 'vdns' | 'lastWindow'>;
  readonly settings: Settings;
  readonly lookbackWindows: number;
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  readonly steps: readonly ClockStep[];
  /** Faults happen within this time. */
  readonly troubledMs: number;
}

/** True time at which a scenario ends. */
export function endOf({ troubledMs }: Scenario): number {
  return START + troubledMs + QUIET_MS;
}
