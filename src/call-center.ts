import { createApiClient } from './api/client.ts';
import { createDispatcher, type ProxyEnvironment } from './api/dispatcher.ts';
import type { RequestReport } from './api/transport.ts';
import type { Clock } from './clock.ts';
import { Collector, totalsOf } from './collector.ts';
import type { CallCenterConfig } from './config/schema.ts';
import { readSecret } from './config/secret.ts';
import { Ledger } from './ledger.ts';
import type { Logger } from './log.ts';
import { type PollStatus, Scheduler } from './scheduler.ts';
import type { Storage } from './storage.ts';
import { type CallCenterSnapshot, Store } from './store.ts';
import type { CallCenterTelemetry, Telemetry } from './telemetry.ts';
import { WINDOW_MS, windowAt } from './window.ts';

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
  /** Called when the first poll has ended, whatever its outcome. */
  readonly onPoll: () => void;
}

/** One call center at work: its client, ledger, store and loop. */
export interface CallCenter {
  readonly config: CallCenterConfig;
  snapshot(): CallCenterSnapshot;
  status(): PollStatus;
  /** Polls until `stop` is called. */
  start(): void;
  /** Ends the loop and closes every connection; requests under way are given up. */
  stop(): Promise<void>;
  /** Ends the loop like `stop`, and takes the metrics away, too. */
  remove(): Promise<void>;
}

/**
 * Puts a call center together.
 * @param previous the one of the same name that it replaces after a change of the config: its counters and windows go on
 */
export async function createCallCenter(options: CallCenterOptions, previous?: CallCenter): Promise<CallCenter> {
}
