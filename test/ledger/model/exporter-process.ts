import type { Clock } from '../../../src/core/clock.ts';
import { createLogger } from '../../../src/core/log.ts';
import { WINDOW_MS } from '../../../src/core/window.ts';
import { totalsOf } from '../../../src/exporter/apply-responses.ts';
import { ClockSkew } from '../../../src/exporter/clock-skew.ts';
import { Scheduler } from '../../../src/exporter/scheduler.ts';
import type { CallCenterTelemetry } from '../../../src/exposition/call-center-metrics.ts';
import { type CallCenterSnapshot, SnapshotStore } from '../../../src/exposition/snapshot-store.ts';
import { Ledger, type LedgerState } from '../../../src/ledger/ledger.ts';
import { decodeLedger, encodeLedger } from '../../../src/storage/ledger-format.ts';
import { DEFAULT_LINE, vdnConfig } from '../../support/snapshots.ts';
import { type Oracle, STALE_AFTER_MS } from './oracle.ts';
import { endOf, type Kill, type Scenario, type Settings, START, VDNS } from './scenario.ts';
import { upstreamClient, type UpstreamState } from './upstream-client.ts';
import { noise, type Upstream } from './upstream.ts';
import type { World } from './world.ts';

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

export interface ProcessOptions {
  readonly scenario: Scenario;
  readonly settings: Settings;
  readonly world: World;
  readonly upstream: Upstream;
  readonly oracle: Oracle;
  /** Undefined when the process runs to the end of the scenario. */
  readonly kill: Kill | undefined;
  /** The stored ledger, if there is one. */
  readonly file: string | undefined;
}

/** What a process leaves behind. */
export interface ProcessOutcome {
  readonly file: string;
  /** Whether the API's clock was known when the ledger was stored: only then is the start of counting final. */
  readonly knewApiClock: boolean;
}

/** Reads a ledger file as the storage does. */
export function readLedger(file: string): LedgerState {
  const decoded = decodeLedger('model', file);
  if (!('state' in decoded)) throw new Error(decoded.problem);
  return decoded.state;
}

function stateOf({ outages }: Scenario, trueNow: number): UpstreamState {
  const since = trueNow - START;
  return outages.find(({ at, length }) => since >= at && since < at + length)?.kind ?? 'fine';
}

/** Throws the first error that the program logs: a scenario with an unexpected error proves nothing. */
const logger = createLogger('error', 'json', {
  write: (line) => {
    throw new Error(line);
  },
});

/** Runs one process with the real scheduler, ledger, store and file format, until it is killed. */
export async function runProcess(options: ProcessOptions): Promise<ProcessOutcome> {
  const { scenario, settings, world, upstream, oracle, kill } = options;
  const state = options.file === undefined ? undefined : readLedger(options.file);
  const stopping = new AbortController();
  const die = (): Killed => {
    stopping.abort(new Killed());
    return stopping.signal.reason as Killed;
  };
  const isKilled = (moment: Kill['moment']) => kill?.moment === moment && world.trueNow - START >= kill.at;
  let isApiClockKnown = false;
  let knewApiClock = false;

  const ids = VDNS.filter((id) => settings.isAll || !settings.without.includes(id));
  const vdns = settings.isAll ? ('all' as const) : ids;
  const lookbackWindows = scenario.lookbackWindows + settings.moreLookbackWindows;
  const { catchUpMs } = settings;
  const started = { now: world.now, monotonic: world.monotonic };
  const ledger = new Ledger({ vdns, lookbackWindows, catchUpWindows: catchUpMs / WINDOW_MS }, started, state);
  oracle.onStart(settings, state, world.trueNow, world.now);
  let file = await encodeLedger('model', ledger.toState());
  oracle.onStored();
  const named = ids.map(vdnConfig);
  const store = new SnapshotStore({
    ...{ callCenter: 'model', ccId: 1, vdns: settings.isAll ? 'all' : named, vdnLabelNames: [] },
    staleAfterMs: STALE_AFTER_MS,
    ...DEFAULT_LINE,
  });
  store.publish(totalsOf(ledger));

  let scraped: CallCenterSnapshot | undefined;
  const scrape = () => {
    const snapshot = store.snapshot(world.now);
    if (snapshot !== scraped) oracle.onScrape(snapshot, world.now);
    scraped = snapshot;
  };
  const clock: Clock = {
    checkIntervalMs: 60_000,
    now: () => world.now,
    monotonic: () => world.monotonic,
    sleep: (ms) => {
      scrape();
      world.pass(Math.max(1, ms));
      if (world.trueNow >= endOf(scenario) || isKilled('asleep')) die();
      return Promise.resolve();
    },
  };
  const persist = async (): Promise<void> => {
    // A scrape may come at any moment, also right before a kill.
    scrape();
    if (isKilled('before storing')) throw die();
    file = await encodeLedger('model', ledger.toState());
    oracle.onStored();
    knewApiClock ||= isApiClockKnown;
    if (isKilled('after storing')) throw die();
  };
  const clockSkew = new ClockSkew(clock, logger);
  const client = upstreamClient({
    ...{ upstream, world },
    stateAt: (trueNow) => stateOf(scenario, trueNow),
    onSkew: (ms) => {
      isApiClockKnown = true;
      clockSkew.observe(ms);
    },
    onRequest: () => {
      oracle.onRequest();
    },
    onAnswered: (...response) => {
      oracle.onAnswered(...response);
    },
  });
  const poll = {
    ...{ settleDelayMs: 10_000, retryIntervalMs: 240_000, lookbackWindows, catchUpMs },
    ...{ staleAfterMs: STALE_AFTER_MS, timeoutMs: 10_000, concurrency: 2 },
  };
  let throws = 0;
  const random = () => noise(scenario.upstream.seed, ++throws);
  const scheduler = new Scheduler({
    ...{ client, ledger, store, telemetry: noTelemetry, clock, logger, concurrency: 2, persist, vdns, poll, random },
    clocks: () => clockSkew.clocks(),
    onChange: () => Promise.resolve(),
  });
  scrape();
  await scheduler.run(stopping.signal);
  return { file, knewApiClock };
}
