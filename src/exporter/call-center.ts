import type { ApiClient } from '../cms/client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import type { RequestReport } from '../cms/request.ts';
import { createClientFor } from '../cms/create-client.ts';
import type { Clock } from '../core/clock.ts';
import { Collector, totalsOf } from './poll.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import { Ledger, type LedgerState } from '../ledger/ledger.ts';
import type { Logger } from '../core/log.ts';
import { type PollStatus, Scheduler } from './scheduler.ts';
import type { Storage } from '../storage/ledger-store.ts';
import { type CallCenterSnapshot, SnapshotStore } from '../exposition/snapshot-store.ts';
import type { CallCenterTelemetry } from '../exposition/call-center-metrics.ts';
import type { Telemetry } from '../exposition/self-metrics.ts';
import { WINDOW_MS } from '../core/window.ts';

/** Beyond this the skew is worth a line in the log: signatures may be refused. */
const NOTABLE_SKEW_MS = 30_000;

export interface CallCenterOptions {
  readonly config: CallCenterConfig;
  readonly vdnLabelNames: readonly string[];
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly storage: Storage;
  readonly proxyEnvironment: ProxyEnvironment;
  readonly random: () => number;
  /** Makes what is new visible; resolves when scrapes show it. */
  readonly onChange: () => Promise<void>;
}

/** One call center at work: client, ledger, store and loop. */
export interface CallCenter {
  readonly config: CallCenterConfig;
  readonly snapshot: () => CallCenterSnapshot;
  status(): PollStatus;
  /** Begins to poll. */
  start(): void;
  /** Ends the loop and closes every connection; requests under way are given up. */
  stop(): Promise<void>;
  /** Takes the metrics away. */
  forget(): void;
  /** For the one that replaces it after a change of the config. */
  readonly handover: {
    readonly ledger: Ledger;
    readonly store: SnapshotStore;
    readonly telemetry: CallCenterTelemetry;
  };
}

function watchSkew(logger: Logger, telemetry: CallCenterTelemetry, clock: Clock) {
  /** Clock of the API minus the monotonic one: ours may be set at any time. */
  let offsetMs: number | undefined;
  let isNotable = false;
  return {
    apiNow: () => (offsetMs === undefined ? undefined : clock.monotonic() + offsetMs),
    onRequest: (report: RequestReport) => {
      telemetry.request(report);
      const { durationMs, failure: reason, resultCode: code } = report;
      logger.debug({ duration_seconds: durationMs / 1000, reason, code }, 'Request to the CMS');
      if (report.skewMs === undefined) return;
      const { skewMs } = report;
      offsetMs = clock.now() + skewMs - clock.monotonic();
      if (Math.abs(skewMs) > NOTABLE_SKEW_MS === isNotable) return;
      isNotable = !isNotable;
      const seconds = Math.round(skewMs / 1000);
      if (isNotable)
        logger.warn({ skew_seconds: seconds }, 'The clock of the CMS differs from ours: check NTP on both');
      else logger.info({ skew_seconds: seconds }, 'The clocks agree again');
    },
  };
}

/** A call center whose connection is set up but not used: all that can fail has been done. */
export interface PreparedCallCenter {
  /**
   * Puts the call center together; nothing is polled before `start`.
   * @param previous stopped; its counters, windows and status go on in the new one
   */
  takeOver(previous: CallCenter | undefined): Promise<CallCenter>;
  /** When it is not wanted after all. */
  discard(): Promise<void>;
}

/**
 * Sets up what a call center needs without a trace outside, metrics included.
 * @param isNew nothing of that name is at work: the stored ledger is read now, and not again when it takes over
 * @throws when a TLS file, the proxy or the stored ledger cannot be used
 */
export async function prepareCallCenter(options: CallCenterOptions, isNew: boolean): Promise<PreparedCallCenter> {
  const { config, clock, storage, proxyEnvironment: environment } = options;
  const stored = isNew ? await storage.load(config.name) : undefined;
  let reportCertificate: (notAfterMs: number) => void = () => undefined;
  let reportRequest: (report: RequestReport) => void = () => undefined;
  const client = createClientFor(config, {
    clock,
    environment,
    connections: config.poll.concurrency,
    onCertificate: (notAfterMs) => {
      reportCertificate(notAfterMs);
    },
    onRequest: (report) => {
      reportRequest(report);
    },
  });
  return {
    takeOver(previous) {
      const telemetry = previous?.handover.telemetry ?? options.telemetry.callCenter(config.name);
      const logger = options.logger.child({ call_center: config.name });
      const skew = watchSkew(logger, telemetry, clock);
      reportRequest = skew.onRequest;
      reportCertificate = (notAfterMs) => {
        telemetry.certificate(notAfterMs / 1000);
      };
      const { apiNow } = skew;
      return createCallCenter({ ...options, logger }, { client, telemetry, apiNow, stored }, previous);
    },
    discard: () => client.close(),
  };
}

interface Connected {
  readonly client: ApiClient;
  readonly telemetry: CallCenterTelemetry;
  readonly apiNow: () => number | undefined;
  readonly stored: LedgerState | undefined;
}

async function createCallCenter(
  options: CallCenterOptions,
  { client, telemetry, apiNow, stored }: Connected,
  previous: CallCenter | undefined,
): Promise<CallCenter> {
  const { config, clock, logger, storage } = options;
  const vdns = config.vdns === 'all' ? config.vdns : config.vdns.map(({ id }) => id);

  const state = previous?.handover.ledger.toState() ?? stored;
  const ledgerOptions = {
    vdns,
    lookbackWindows: config.poll.lookbackWindows,
    catchUpWindows: Math.floor(config.poll.catchUpMs / WINDOW_MS),
  };
  const ledger = new Ledger(ledgerOptions, { now: clock.now(), monotonic: clock.monotonic() }, state);
  const persist = (of: Ledger) => storage.save(config.name, of.toState());
  // Which window is the first to count is known from now on, even if the process ends before anything is counted.
  await persist(ledger);

  const { staleAfterMs } = config.poll;
  const store = new SnapshotStore({
    ...config,
    callCenter: config.name,
    vdnLabelNames: options.vdnLabelNames,
    staleAfterMs,
  });
  if (previous !== undefined) store.adopt(previous.handover.store);
  store.publish(totalsOf(ledger));
  const snapshot = () => store.snapshot(clock.now());
  telemetry.vdnsConfigured(vdns === 'all' ? undefined : vdns.length);
  telemetry.vdnsReporting(() => snapshot().vdns.filter(({ window }) => window !== undefined).length);

  const { concurrency } = config.poll;
  const collector = new Collector({
    ...{ client, ledger, store, telemetry, clock, logger, concurrency, persist, apiNow },
    onChange: options.onChange,
  });
  const status = previous?.status();
  const scheduler = new Scheduler({ ...options, vdns, poll: config.poll, collector, ledger, store, logger, status });

  const stopping = new AbortController();
  let running: Promise<void> = Promise.resolve();
  return {
    config,
    snapshot,
    status: () => scheduler.status,
    start() {
      running = scheduler.run(stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
      await client.close();
    },
    forget: () => {
      telemetry.remove();
    },
    handover: { ledger, store, telemetry },
  };
}
