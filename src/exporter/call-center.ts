import type { ApiClient } from '../cms/client.ts';
import { createClientFor } from '../cms/create-client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import type { RequestReport } from '../cms/request.ts';
import { isOpen } from '../config/opening-plan.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import { type Clock, momentOf } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { WINDOW_MS } from '../core/window.ts';
import type { CallCenterTelemetry } from '../exposition/call-center-metrics.ts';
import type { Telemetry } from '../exposition/self-metrics.ts';
import { type CallCenterSnapshot, SnapshotStore } from '../exposition/snapshot-store.ts';
import { Ledger, type LedgerState } from '../ledger/ledger.ts';
import type { PreparedQueueMonitor, QueueMonitor, QueueMonitorOptions, QueueView } from '../queues/monitor.ts';
import type { Storage } from '../storage/ledger-store.ts';
import { totalsOf } from './apply-responses.ts';
import { ClockSkew } from './clock-skew.ts';
import { type PollStatus, Scheduler } from './scheduler.ts';

export interface CallCenterOptions {
  readonly config: CallCenterConfig;
  readonly vdnLabelNames: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly storage: Storage;
  readonly proxyEnvironment: ProxyEnvironment;
  readonly random: () => number;
  /** Announces a change of the snapshot; resolves when scrapes show it. */
  readonly onChange: () => Promise<void>;
}

/** One call center at work: client, ledger, store and scheduler. */
export interface CallCenter {
  readonly config: CallCenterConfig;
  /** What a scrape shows; the same object as long as nothing changes. */
  readonly snapshot: () => CallCenterSnapshot;
  status(): PollStatus;
  /** Clock of the CMS minus ours, in milliseconds; undefined before it sent a Date. */
  skewMs(): number | undefined;
  /** The skill queues; undefined when they are not asked for. */
  queues(): QueueView | undefined;
  /** Starts to poll. */
  start(): void;
  /** Stops polling and closes every connection; aborts running requests. */
  stop(): Promise<void>;
  /** Removes the metrics. */
  forget(): void;
  /** For the call center that replaces this one after a change of the config. */
  readonly handover: {
    readonly ledger: Ledger;
    readonly store: SnapshotStore;
    readonly telemetry: CallCenterTelemetry;
    readonly queues: QueueMonitor | undefined;
  };
}

/** A call center whose connection is set up but not yet used. Everything that can fail is done. */
export interface PreparedCallCenter {
  /**
   * Builds the call center; it polls nothing before `start`.
   * @param previous stopped; its counters, windows and status continue in the new one
   */
  takeOver(previous: CallCenter | undefined): Promise<CallCenter>;
  /** Closes what was set up. */
  discard(): Promise<void>;
}

/**
 * Sets up a call center without any visible effect, also not on metrics.
 * @param isNew no call center of that name is running: read the stored ledger now
 * @throws when a TLS file, the proxy or the stored ledger cannot be used
 */
export async function prepareCallCenter(options: CallCenterOptions, isNew: boolean): Promise<PreparedCallCenter> {
  const { config, clock, storage, proxyEnvironment: environment } = options;
  const stored = isNew ? await storage.load(config.name) : undefined;
  const logger = options.logger.child({ call_center: config.name });
  const clockSkew = new ClockSkew(clock, logger);
  const clocks = () => clockSkew.clocks();
  const queues = await prepareQueues({ ...options, logger, clocks });
  // The metrics exist from `takeOver` on, and nothing is sent before.
  let telemetry: CallCenterTelemetry | undefined;
  const client = createClientFor(config, {
    clock,
    environment,
    connections: config.poll.concurrency,
    onCertificate: (notAfterMs) => telemetry?.certificate(notAfterMs / 1000),
    onRequest: (report) => {
      telemetry?.request(report);
      logRequest(logger, report);
      if (report.skewMs !== undefined) clockSkew.observe(report.skewMs);
    },
  });
  return {
    takeOver(previous) {
      telemetry = previous?.handover.telemetry ?? options.telemetry.callCenter(config.name);
      return createCallCenter({ ...options, logger }, { client, telemetry, clockSkew, stored, queues }, previous);
    },
    async discard() {
      await client.close();
      await queues?.discard();
    },
  };
}

/** Loads the code of the queues only where they are configured. */
async function prepareQueues(options: QueueMonitorOptions): Promise<PreparedQueueMonitor | undefined> {
  if (options.config.queues === undefined) return undefined;
  return (await import('../queues/monitor.ts')).prepareQueueMonitor(options);
}

function logRequest(logger: Logger, { durationMs, failure: reason, resultCode: code }: RequestReport): void {
  logger.debug({ duration_seconds: durationMs / 1000, reason, code }, 'Request to the CMS');
}

/** Whether a configured line is open at a time (milliseconds since the epoch), by its opening hours. */
function openingOf({ vdns }: CallCenterConfig): (vdn: number, at: number) => boolean {
  const plans = new Map(vdns === 'all' ? [] : vdns.map(({ id, openingHours }) => [id, openingHours]));
  return (vdn, at) => {
    const plan = plans.get(vdn);
    return plan === undefined || isOpen(plan, at);
  };
}

interface CallCenterInputs {
  readonly client: ApiClient;
  readonly telemetry: CallCenterTelemetry;
  readonly clockSkew: ClockSkew;
  readonly stored: LedgerState | undefined;
  readonly queues: PreparedQueueMonitor | undefined;
}

function createLedger(
  { config: { poll }, clock }: CallCenterOptions,
  vdns: readonly number[] | 'all',
  state: LedgerState | undefined,
): Ledger {
  const { lookbackWindows, catchUpMs } = poll;
  const catchUpWindows = Math.floor(catchUpMs / WINDOW_MS);
  return new Ledger({ vdns, lookbackWindows, catchUpWindows }, momentOf(clock), state);
}

/** A store with the totals of the ledger and the windows of the previous call center. */
function createStore(
  { config, vdnLabelNames }: CallCenterOptions,
  ledger: Ledger,
  previous: CallCenter | undefined,
): SnapshotStore {
  const { staleAfterMs } = config.poll;
  const store = new SnapshotStore({ ...config, callCenter: config.name, vdnLabelNames, staleAfterMs });
  if (previous !== undefined) store.adopt(previous.handover.store);
  store.publish(totalsOf(ledger));
  return store;
}

async function createCallCenter(
  options: CallCenterOptions,
  { client, telemetry, clockSkew, stored, queues: preparedQueues }: CallCenterInputs,
  previous: CallCenter | undefined,
): Promise<CallCenter> {
  const { config, clock, storage } = options;
  const vdns = config.vdns === 'all' ? config.vdns : config.vdns.map(({ id }) => id);
  const ledger = createLedger(options, vdns, previous?.handover.ledger.toState() ?? stored);
  const persist = (of: Ledger) => storage.save(config.name, of.toState());
  // Stores where counting starts, so that it stays the same if the process ends before anything is counted.
  await persist(ledger);
  const store = createStore(options, ledger, previous);
  const snapshot = () => store.snapshot(clock.now());
  telemetry.vdnsConfigured(vdns === 'all' ? undefined : vdns.length);
  telemetry.vdnsReporting(() => snapshot().vdns.filter(({ window }) => window !== undefined).length);
  const scheduler = new Scheduler({
    ...options,
    ...{ client, ledger, store, telemetry, persist, vdns },
    ...{ poll: config.poll, isOpen: openingOf(config), concurrency: config.poll.concurrency },
    clocks: () => clockSkew.clocks(),
    status: previous?.status(),
  });
  const queues = preparedQueues?.takeOver(previous?.handover.queues);
  options.telemetry.queues(config.name, queues?.families);
  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    config,
    snapshot,
    status: () => scheduler.status,
    skewMs: () => clockSkew.skewMs(),
    queues: () => queues?.view(),
    start() {
      queues?.start();
      running = scheduler.run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await Promise.all([running, queues?.stop()]);
      await client.close();
    },
    forget: () => {
      telemetry.remove();
    },
    handover: { ledger, store, telemetry, queues },
  };
}
