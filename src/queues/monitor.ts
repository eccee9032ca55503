import type { ApiClientOptions } from '../cms/client.ts';
import { transportFor } from '../cms/create-client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import type { CallCenterConfig, QueuesConfig } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { SelfMetricFamily } from '../exposition/self-metrics.ts';
import type { Clocks } from '../ledger/trusted-clock.ts';
import type { Storage } from '../storage/ledger-store.ts';
import { type RequestLoopOptions, runRequestLoop } from './request-loop.ts';
import { requestSkills, requestSlots, requestStatuses, type RequestContext } from './requests.ts';
import { QueueBoard, type ShownQueue } from './board.ts';
import { createQueueClient, type QueueClient, type QueueClientOptions } from './client.ts';
import { createQueueFamilies } from './families.ts';
import { InterfaceHealth, type InterfaceStatus } from './health.ts';
import { QUEUE_INTERFACES, type QueueInterface } from './interfaces.ts';
import { SlotLedger, type SlotLedgerState } from './slot-ledger.ts';
import { createSlotStore } from './slot-store.ts';

export interface QueueMonitorOptions {
  readonly config: CallCenterConfig;
  readonly proxyEnvironment: ProxyEnvironment;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly storage: Storage;
  /** What our clocks and that of the CMS say now. */
  readonly clocks: () => Clocks;
  /** 0 <= random() < 1. */
  readonly random: () => number;
}

/** A monitor whose connections are set up but not used: everything that can fail is done. */
export interface PreparedQueueMonitor {
  /** @param previous of the call center before a change of the config; stopped. Its counters and values go on. */
  takeOver(previous: QueueMonitor | undefined): QueueMonitor;
  /** Closes what was set up. */
  discard(): Promise<void>;
}

/** How the queues of a call center are doing, for people. */
export interface QueueView {
  readonly queues: readonly ShownQueue[];
  readonly interfaces: readonly (readonly [QueueInterface, InterfaceStatus])[];
}

/** The skill queues of a call center at work. Whatever happens here never touches the polls of the VDNs. */
export interface QueueMonitor {
  /** What a scrape shows. */
  readonly families: () => readonly SelfMetricFamily[];
  readonly view: () => QueueView;
  /** Starts to send requests. */
  start(): void;
  /** Stops sending requests, waits until the ledger is stored, and closes every connection. */
  stop(): Promise<void>;
  /** For the monitor that replaces this one. */
  readonly handover: {
    readonly board: QueueBoard;
    readonly ledger: SlotLedger;
    readonly interfaces: ReadonlyMap<QueueInterface, InterfaceHealth>;
  };
}

/** The VDNs whose queues are requested. */
function vdnsOf({ vdns }: CallCenterConfig) {
  return vdns === 'all' ? [] : vdns.filter(({ queues }) => queues.length > 0);
}

/**
 * Sets up the monitor of a call center; undefined when it wants no queues.
 * @throws OperationError when a TLS file, the proxy or the stored ledger cannot be used
 */
export async function prepareQueueMonitor(options: QueueMonitorOptions): Promise<PreparedQueueMonitor | undefined> {
  const { config, clock, storage, proxyEnvironment: environment } = options;
  const { queues } = config;
  if (queues === undefined) return undefined;
  // Only this program writes such files, and only from a SlotLedgerState.
  const stored = (await storage.loadQueues(config.name)) as SlotLedgerState | undefined;
  // Connections of its own, so that it never delays the polls.
  const connections = config.poll.concurrency;
  const transport = transportFor(config, { clock, environment, connections, onRequest: () => undefined });
  return {
    takeOver: (previous) => createMonitor(options, { queues, transport, stored }, previous),
    discard: () => transport.close(),
  };
}

interface MonitorInputs {
  readonly queues: QueuesConfig;
  readonly transport: ApiClientOptions;
  readonly stored: SlotLedgerState | undefined;
}

function createMonitor(
  options: QueueMonitorOptions,
  { queues, transport, stored }: MonitorInputs,
  previous: QueueMonitor | undefined,
): QueueMonitor {
  const { config, clock, logger, storage, clocks } = options;
  const { intervalMs, requestForm } = queues;
  const vdns = vdnsOf(config);
  const ids = vdns.map(({ id }) => id);
  const board = new QueueBoard(vdns, clock, previous?.handover.board);
  const ledger = new SlotLedger(ids, previous?.handover.ledger.toState() ?? stored);
  for (const id of ids) if (board.idsOf(id).length > 0) ledger.setQueues(id, board.idsOf(id), clocks());
  const store = createSlotStore({ callCenter: config.name, ledger, board, storage });
  const interfaces = createInterfaces(options, ids.length, previous);
  const onQueueRequest: QueueClientOptions['onQueueRequest'] = (name, { failure }) => {
    interfaces.get(name)?.countRequest(failure);
  };
  const client = createQueueClient({ ...transport, requestForm, onQueueRequest });
  const context = { client, board, ledger, clocks, save: store.save, interfaces, intervalMs };
  const statuses = () => QUEUE_INTERFACES.flatMap((name) => statusOf(interfaces, name));
  const stopping = new AbortController();
  let running: Promise<unknown> = Promise.resolve();
  return {
    families: createQueueFamilies({ callCenter: config.name, vdns, board, interfaces: statuses }),
    view: () => ({ queues: board.queues(), interfaces: statuses() }),
    start() {
      const { concurrency } = config.poll;
      running = runLoops({ ...context, vdns: ids, concurrency, clock, logger }, stopping.signal);
    },
    async stop() {
      stopping.abort();
      await running;
      await store.idle();
      await client.close();
    },
    handover: { board, ledger, interfaces },
  };
}

function statusOf(interfaces: ReadonlyMap<QueueInterface, InterfaceHealth>, name: QueueInterface) {
  const health = interfaces.get(name);
  return health === undefined ? [] : [[name, health.status] as const];
}

function createInterfaces(
  { config, clock, logger, random }: QueueMonitorOptions,
  vdns: number,
  previous: QueueMonitor | undefined,
): ReadonlyMap<QueueInterface, InterfaceHealth> {
  const { retryIntervalMs } = config.poll;
  return new Map(
    QUEUE_INTERFACES.map((name) => {
      const before = previous?.handover.interfaces.get(name)?.status;
      return [name, new InterfaceHealth({ name, clock, logger, random, retryIntervalMs, vdns }, before)];
    }),
  );
}

interface LoopContext extends RequestContext {
  readonly client: QueueClient;
  readonly vdns: readonly number[];
  readonly concurrency: number;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Three loops that know nothing of each other: one that is refused or slow does not hold up the others. */
async function runLoops(context: LoopContext, signal: AbortSignal): Promise<void> {
  const { vdns, intervalMs, concurrency, clock, logger, interfaces } = context;
  const loop = (
    name: QueueInterface,
    options: Pick<RequestLoopOptions, 'workers' | 'request' | 'firstInMs' | 'retryInMs'>,
  ) => {
    const health = interfaces.get(name);
    return health === undefined ? undefined : runRequestLoop({ ...options, vdns, health, clock, logger }, signal);
  };
  await Promise.all([
    loop('skills', { workers: 1, firstInMs: () => 0, retryInMs: 30_000, request: requestSkills(context) }),
    loop('totalskillstatusex3', {
      workers: concurrency,
      // Spread over the interval, so that the CMS gets an even load.
      firstInMs: (index) => (index * intervalMs) / vdns.length,
      retryInMs: intervalMs,
      request: requestStatuses(context),
    }),
    loop('servicequality', { workers: 1, firstInMs: () => 0, retryInMs: 60_000, request: requestSlots(context) }),
  ]);
}
