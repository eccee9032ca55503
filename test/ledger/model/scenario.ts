import type { Clock } from '../../../src/core/clock.ts';
import { Collector, totalsOf } from '../../../src/exporter/poll.ts';
import { Ledger, type LedgerState } from '../../../src/ledger/ledger.ts';
import { decodeLedger, encodeLedger } from '../../../src/storage/ledger-format.ts';
import { createLogger } from '../../../src/core/log.ts';
import { Scheduler } from '../../../src/exporter/scheduler.ts';
import { type CallCenterSnapshot, SnapshotStore } from '../../../src/exposition/snapshot-store.ts';
import type { CallCenterTelemetry } from '../../../src/exposition/self-metrics.ts';
import { NO_TOTALS, type Totals } from '../../../src/ledger/vdn-account.ts';
import { WINDOW_MS, windowAt } from '../../../src/core/window.ts';
import { DEFAULT_LINE, vdnConfig } from '../../support/snapshots.ts';
import { noise, Upstream, upstreamClient, type UpstreamOptions, type Weather } from './upstream.ts';

const MINUTE = 60_000;
export const HOUR = 3_600_000;
/** A Wednesday at midnight, UTC. */
export const START = Date.UTC(2026, 10, 18);

export interface Outage {
  readonly at: number;
  readonly length: number;
  readonly kind: 'down' | 'partial' | 'scrambled';
}

/** The process is killed at or after a time: at once, or just before or after it stores its ledger next. */
export interface Kill {
  readonly at: number;
  readonly length: number;
  readonly moment: 'asleep' | 'before storing' | 'after storing';
  /** Whether the stored ledger is lost with it. */
  readonly losesFile: boolean;
  /** What is configured from the next start on. */
  readonly next: Settings;
}

/** What a config says. */
export interface Settings {
  readonly isAll: boolean;
  /** VDNs that are left out of the list. */
  readonly without: readonly number[];
  readonly moreLookbackWindows: number;
  readonly catchUpMs: number;
}

/** The machine's clock is wrong for a while. */
export interface ClockStep {
  readonly at: number;
  readonly length: number;
  readonly error: number;
}

/** Everything that happens in one life of an exporter. Times are milliseconds after START, by the true clock. */
export interface Schedule {
  readonly upstream: Omit<UpstreamOptions, 'vdns' | 'lastWindow'>;
  readonly settings: Settings;
  readonly lookbackWindows: number;
  readonly outages: readonly Outage[];
  readonly kills: readonly Kill[];
  readonly steps: readonly ClockStep[];
  /** Faults happen within this time. */
  readonly troubledMs: number;
}

const VDNS = [1, 2, 7];
/** More lookback than what corrections are made to fit. */
export const MAX_MORE_LOOKBACK = 3;
/** Quiet time without new rows after the last fault, for everything late to come and be asked for again. */
const QUIET_MS = 20 * HOUR;

const noTelemetry: CallCenterTelemetry = {
  poll: () => undefined,
  request: () => undefined,
  rejected: () => undefined,
  settled: () => undefined,
  certificate: () => undefined,
  vdnsConfigured: () => undefined,
  vdnsReporting: () => undefined,
  remove: () => undefined,
};

class Killed extends Error {}

/**
 * Lives through a schedule with the real scheduler, collector, ledger, store and file format, against a made-up
 * upstream and clock. Returns what is wrong, one sentence each; nothing when all is well.
 */
export async function live(schedule: Schedule): Promise<string[]> {
  const wrong: string[] = [];
  const end = START + schedule.troubledMs + QUIET_MS;
  let now = START + 60_000;
  let monotonic = 0;
  let file: string | undefined;
  /** Clock of the API minus the monotonic one, once it said the time. */
  let apiOffset: number | undefined;
  let requests = 0;
  const shown = new Map<number, Totals>();
  /** Where each VDN's counting begins. */
  const origins = new Map<number, number>();
  let settings = schedule.settings;
  let wasAll = false;
  const progress = { isOriginStored: false };
  const errors: string[] = [];
  const logger = createLogger('error', 'json', { write: (line) => errors.push(line) });

  const clockError = () =>
    schedule.steps.find((step) => now - START >= step.at && now - START < step.at + step.length)?.error ?? 0;
  const world = {
    trueNow: () => now,
    clockError,
    requested: () => {
      requests++;
    },
    advance: (ms: number) => {
      now += ms;
      monotonic += ms;
    },
  };
  const upstream = new Upstream({
    ...schedule.upstream,
    vdns: VDNS,
    lastWindow: windowAt(START + schedule.troubledMs),
  });
  const weather: Weather = {
    at: (time) =>
      schedule.outages.find(({ at, length }) => time - START >= at && time - START < at + length)?.kind ?? 'fine',
  };

  /** What a new process makes of the VDNs: accounts that are not there start anew, those not configured are given up. */
  function start(ids: readonly number[], state: LedgerState | undefined, clockNow: number): void {
    const isWrong = state === undefined && Math.abs(clockNow - now) > 30_000;
    const known = new Set(state?.vdns.map(([id]) => id));
    for (const vdn of VDNS) {
      const isKept = known.has(vdn) || (state !== undefined && settings.isAll && wasAll);
      if (ids.includes(vdn) && isKept) continue;
      shown.delete(vdn);
      origins.delete(vdn);
      if (ids.includes(vdn)) origins.set(vdn, windowAt(isWrong ? now : clockNow));
    }
    wasAll = settings.isAll;
  }

  /** One process, from its start until it is killed or the world ends. */
  async function run(kill: Kill | undefined): Promise<void> {
    const stopping = new AbortController();
    const die = () => {
      stopping.abort(new Killed());
      return stopping.signal.reason as Killed;
    };
    const isTime = (moment: Kill['moment']) => kill?.moment === moment && now - START >= kill.at;
    const clock: Clock = {
      now: () => now + clockError(),
      monotonic: () => monotonic,
      sleep: (ms) => {
        world.advance(Math.max(1, ms));
        if (now >= end || isTime('asleep')) die();
        return Promise.resolve();
      },
    };
    let look: () => void = () => undefined;
    const persist = async (ledger: Ledger): Promise<void> => {
      // Prometheus may scrape at any instant, right before a kill too.
      look();
      if (isTime('before storing')) throw die();
      file = await encodeLedger('model', ledger.toState());
      if (apiOffset !== undefined) progress.isOriginStored = true;
      if (isTime('after storing')) throw die();
    };

    apiOffset = undefined;
    progress.isOriginStored = false;
    let state;
    if (file !== undefined) {
      const decoded = decodeLedger('model', file);
      if (!('state' in decoded)) throw new Error(decoded.problem);
      state = decoded.state;
    }
    const { isAll, without, moreLookbackWindows, catchUpMs } = settings;
    const ids = VDNS.filter((id) => isAll || !without.includes(id));
    const vdns = isAll ? ('all' as const) : ids;
    const lookbackWindows = schedule.lookbackWindows + moreLookbackWindows;
    const catchUpWindows = catchUpMs / WINDOW_MS;
    const ledger = new Ledger({ vdns, catchUpWindows, lookbackWindows }, { now: clock.now(), monotonic }, state);
    start(ids, state, clock.now());
    file = await encodeLedger('model', ledger.toState());
    const named = ids.map(vdnConfig);
    const store = new SnapshotStore({
      ...{ callCenter: 'model', ccId: 1, vdns: isAll ? 'all' : named, vdnLabelNames: [] },
      ...{ staleAfterMs: 12 * MINUTE, ...DEFAULT_LINE },
    });
    store.publish(totalsOf(ledger));
    let seen: CallCenterSnapshot | undefined;
    look = () => {
      const snapshot = store.snapshot(clock.now());
      if (snapshot === seen) return;
      seen = snapshot;
      for (const { id, totals, window } of snapshot.vdns) {
        const before = shown.get(id);
        for (const [field, value] of Object.entries(totals) as [keyof Totals, number][]) {
          if (value < (before?.[field] ?? 0))
            wrong.push(`${field} of VDN ${id} fell from ${before?.[field] ?? 0} to ${value}`);
        }
        shown.set(id, totals);
        if (window !== undefined && clock.now() - window.start - WINDOW_MS > 12 * MINUTE)
          wrong.push(`VDN ${id} shows a stale window`);
      }
    };
    look();
    const client = upstreamClient(upstream, weather, world, (ms) => (apiOffset = clock.now() + ms - monotonic));
    const collector = new Collector({
      ...{ client, ledger, store, telemetry: noTelemetry, clock, logger, concurrency: 2, persist },
      apiNow: () => (apiOffset === undefined ? undefined : monotonic + apiOffset),
      onChange: () => Promise.resolve(),
    });
    const poll = {
      ...{
        settleDelayMs: 10_000,
        retryIntervalMs: 240_000,
        lookbackWindows,
        catchUpMs,
      },
      ...{ staleAfterMs: 12 * MINUTE, timeoutMs: 10_000, concurrency: 2 },
    };
    let dice = 0;
    const scheduler = new Scheduler({
      ...{ vdns, poll, collector, ledger, store, logger },
      clock: { ...clock, sleep: (ms, signal) => (look(), clock.sleep(ms, signal)) },
      random: () => noise(schedule.upstream.seed, ++dice),
    });
    await scheduler.run(stopping.signal);
  }

  for (const kill of [...schedule.kills].sort((a, b) => a.at - b.at)) {
    if (now - START >= schedule.troubledMs) break;
    if (now - START > kill.at + kill.length) continue;
    const isFirstClockWrong = file === undefined && clockError() !== 0;
    await run(kill);
    // Where counting begins is stored when the API has said the time; what ends before that proves nothing.
    if (isFirstClockWrong && !progress.isOriginStored) return [];
    world.advance(kill.length);
    if (kill.losesFile) file = undefined;
    settings = kill.next;
  }
  await run(undefined);
  // A life that stumbles proves nothing about counting.
  if (errors.length > 0) throw new Error(errors[0]);

  // Twelve polls an hour, one repeat each for what is missing, as many pages, and what catching up takes.
  const lookback = schedule.lookbackWindows + MAX_MORE_LOOKBACK;
  const pages = Math.ceil((VDNS.length * (lookback + 1) * schedule.upstream.rowsPerVdn) / 100);
  const most = ((end - START) / HOUR) * (24 * pages + 60) + 3 * VDNS.length * 3 * schedule.upstream.rowsPerVdn + 300;
  if (requests > 1.25 * most) wrong.push(`${requests} requests were sent where ${Math.round(most)} had been plenty`);

  if (file === undefined) return ['Nothing was ever stored'];
  const decoded = decodeLedger('model', file);
  if (!('state' in decoded)) return [decoded.problem];
  const accounts = new Map(decoded.state.vdns);
  for (const vdn of accounts.keys()) if (!origins.has(vdn)) wrong.push(`VDN ${vdn} is counted and not configured`);
  for (const [vdn, countingStart] of origins) {
    const { totals, deficit } = accounts.get(vdn) ?? { totals: NO_TOTALS, deficit: NO_TOTALS };
    wrong.push(...compare(vdn, totals, deficit, upstream, countingStart, end));
  }
  return [...new Set(wrong)];
}

/** Holds totals against what the upstream finally says. */
function compare(
  vdn: number,
  totals: Totals,
  deficit: { readonly inbound: number; readonly answered: number; readonly outbound: number },
  upstream: Upstream,
  countingStart: number,
  end: number,
): string[] {
  const truth = { inbound: 0, answered: 0, outbound: 0, windows: 0 };
  for (let start = countingStart; start < windowAt(end); start += WINDOW_MS) {
    const row = upstream.served(vdn, start, end);
    if (row === undefined) continue;
    truth.inbound += row.inbound ?? 0;
    truth.answered += row.answered ?? 0;
    truth.outbound += row.outbound ?? 0;
    truth.windows++;
  }
  const wrong: string[] = [];
  for (const field of ['inbound', 'answered', 'outbound'] as const) {
    const counted = totals[field] - deficit[field];
    if (counted !== truth[field])
      wrong.push(`${field} of VDN ${vdn}: counted ${counted}, the API says ${truth[field]}`);
  }
  if (totals.windows !== truth.windows)
    wrong.push(`windows of VDN ${vdn}: counted ${totals.windows}, the API has ${truth.windows}`);
  return wrong;
}
