import { latestEnded, WINDOW_MS } from '../core/window.ts';
import type { Clocks } from '../ledger/trusted-clock.ts';
import type { RequestLoopOptions } from './request-loop.ts';
import type { QueueBoard } from './board.ts';
import type { QueueClient } from './client.ts';
import type { InterfaceHealth } from './health.ts';
import type { QueueInterface } from './interfaces.ts';
import { slotClock, type SlotLedger } from './slot-ledger.ts';

/** What the three interfaces work on. */
export interface RequestContext {
  readonly client: QueueClient;
  readonly board: QueueBoard;
  readonly ledger: SlotLedger;
  readonly clocks: () => Clocks;
  /** Stores the ledger and shows its totals. */
  readonly save: () => void;
  readonly interfaces: ReadonlyMap<QueueInterface, InterfaceHealth>;
  /** Of the live values. */
  readonly intervalMs: number;
}

type RequestVdn = RequestLoopOptions['request'];

/** Names and ids are configuration data: they change rarely. */
const DESCRIBE_INTERVAL_MS = 3_600_000;
/** How soon to look again whether the queues of a VDN are known. */
const UNKNOWN_INTERVAL_MS = 5_000;
/** Live values are shown until this many intervals brought none. */
const MISSED_INTERVALS = 3;
/** From the end of a slot to the request for it. */
const SETTLE_MS = 10_000;
/** A slot that is not there yet is requested again after this time, so many times. */
const RETRY_MS = 60_000;
const MAX_TRIES = 3;

/** Which queues a VDN has. */
export function requestSkills({ client, board, ledger, clocks, save, interfaces }: RequestContext): RequestVdn {
  const health = interfaces.get('skills');
  return async (vdn, signal) => {
    const { rows, rejected } = await client.queues(vdn, signal);
    health?.succeeded(vdn);
    health?.rejected(vdn, rejected);
    board.setQueues(vdn, rows);
    if (ledger.setQueues(vdn, board.idsOf(vdn), clocks())) save();
    return DESCRIBE_INTERVAL_MS;
  };
}

/** The queues now. */
export function requestStatuses({ client, board, interfaces, intervalMs }: RequestContext): RequestVdn {
  const health = interfaces.get('totalskillstatusex3');
  return async (vdn, signal) => {
    const ids = board.idsOf(vdn);
    if (ids.length === 0) return UNKNOWN_INTERVAL_MS;
    const { rows, rejected } = await client.status(vdn, ids, signal);
    health?.succeeded(vdn);
    health?.rejected(vdn, rejected);
    board.setStatuses(vdn, rows, MISSED_INTERVALS * intervalMs);
    return intervalMs;
  };
}

/** The slot that ended last. */
export function requestSlots({ client, board, ledger, clocks, save, interfaces }: RequestContext): RequestVdn {
  const health = interfaces.get('servicequality');
  /** How often the latest slot was requested, by VDN. */
  const tries = new Map<number, { readonly slot: number; readonly count: number }>();
  return async (vdn, signal) => {
    const ids = board.idsOf(vdn);
    if (ids.length === 0) return UNKNOWN_INTERVAL_MS;
    const sent = clocks();
    const { rows, rejected } = await client.slots(vdn, ids, signal);
    health?.succeeded(vdn);
    health?.rejected(vdn, rejected);
    const { changed, isComplete } = ledger.record(vdn, rows, sent);
    if (changed) save();

    const now = slotClock(sent);
    const slot = latestEnded(now);
    const before = tries.get(vdn);
    const count = before?.slot === slot ? before.count + 1 : 1;
    tries.set(vdn, { slot, count });
    const nextSlotInMs = slot + 2 * WINDOW_MS + SETTLE_MS - now;
    return isComplete || count >= MAX_TRIES ? nextSlotInMs : Math.min(RETRY_MS, nextSlotInMs);
  };
}
