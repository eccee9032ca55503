import type { Dataset } from './dataset.ts';
import { type Call, callsOf, queuesOf, type SkillQueue } from './queue-traffic.ts';
import { hash } from './random.ts';
import { type Vdn, WINDOW_MS, type WindowValues } from './traffic.ts';

/** A queue now. */
export interface LiveValues {
  readonly waiting: number;
  /** Seconds. */
  readonly longestWait: number;
  readonly signedIn: number;
  readonly available: number;
  /** Of the call that waits longest. */
  readonly callId: string;
}

/** A queue in one slot. */
export interface SlotValues {
  readonly calls: number;
  readonly answered: number;
  readonly lost: number;
  readonly answeredWithin15s: number;
  readonly answeredWithin20s: number;
  readonly lostWithin15s: number;
  readonly lostWithin20s: number;
}

/** The queues of the simulated VDNs: their values belong to the same calls as the windows of sysindex. */
export interface QueueValues {
  queuesOf(vdn: Vdn): readonly SkillQueue[];
  live(vdn: Vdn, queue: number, now: number): LiveValues;
  /** Counts what happened until `now`; the whole slot when it has ended. */
  slot(vdn: Vdn, queue: number, start: number, now: number): SlotValues;
}

const NO_CALL = '4294967295-4294967295';
/** Calls that may still wait came in this window or in one of so many before. */
const WINDOWS_BACK = 3;
/** Windows whose calls are kept. */
const MAX_CACHE = 4000;

type CallsIn = (vdn: Vdn, start: number) => readonly Call[];

/** @param perVdn how many queues a VDN has; default 2 to 4 */
export function createQueueValues(dataset: Dataset, perVdn: number | undefined): QueueValues {
  const callsIn = cachedCalls(dataset, perVdn);
  return {
    queuesOf: (vdn) => queuesOf(vdn, perVdn),
    live: (vdn, queue, now) => liveValues(dataset, callsIn, { vdn, queue, now }),
    slot(vdn, queue, start, now) {
      const isFirst = queuesOf(vdn, perVdn)[0]?.id === queue;
      return slotValues(dataset, callsIn, { vdn, queue, start, now, isFirst });
    },
  };
}

/** The calls of a window, made anew when a traffic fault changed the window. */
function cachedCalls(dataset: Dataset, perVdn: number | undefined): CallsIn {
  const cache = new Map<string, { readonly values: WindowValues; readonly calls: readonly Call[] }>();
  return (vdn, start) => {
    const values = dataset.truth({ vdn, start });
    const key = `${vdn.id}/${start}`;
    const known = cache.get(key);
    if (known !== undefined && JSON.stringify(known.values) === JSON.stringify(values)) return known.calls;
    if (cache.size >= MAX_CACHE) cache.clear();
    const calls = callsOf(vdn, queuesOf(vdn, perVdn), start, values);
    cache.set(key, { values, calls });
    return calls;
  };
}

interface AtMoment {
  readonly vdn: Vdn;
  readonly queue: number;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

function liveValues(dataset: Dataset, callsIn: CallsIn, { vdn, queue, now }: AtMoment): LiveValues {
  const window = Math.floor(now / WINDOW_MS) * WINDOW_MS;
  const windows = Array.from({ length: WINDOWS_BACK + 1 }, (_, back) => window - back * WINDOW_MS);
  const came = windows.flatMap((start) => callsIn(vdn, start)).filter(({ arrivedAt }) => arrivedAt <= now);
  const waiting = came.filter((call) => call.queue === queue && call.leftAt > now).map(({ arrivedAt }) => arrivedAt);
  const { talking, idle, busy, resting } = dataset.truth({ vdn, start: window });
  const onThePhone = came.filter((call) => call.isAnswered && call.leftAt <= now && call.leftAt + call.talkMs > now);
  const oldest = Math.min(...waiting);
  return {
    waiting: waiting.length,
    longestWait: waiting.length === 0 ? 0 : Math.floor((now - oldest) / 1000),
    signedIn: talking + idle + busy + resting,
    available: idle === 0 || waiting.length > 0 ? 0 : Math.max(0, talking + idle - onThePhone.length),
    callId: waiting.length === 0 ? NO_CALL : `${Math.floor(oldest / 1000)}-${hash(vdn.id, queue, oldest) % 100_000}`,
  };
}

interface InSlot extends AtMoment {
  readonly start: number;
  /** Whether the queue is the first of its VDN. */
  readonly isFirst: boolean;
}

function slotValues(dataset: Dataset, callsIn: CallsIn, { vdn, queue, start, now, isFirst }: InSlot): SlotValues {
  const isRunning = start + WINDOW_MS > now;
  const all = callsIn(vdn, start);
  const calls = all.filter((call) => call.queue === queue && (!isRunning || call.arrivedAt <= now));
  const left = isRunning ? calls.filter(({ leftAt }) => leftAt <= now) : calls;
  const count = (isAnswered: boolean, seconds: number) =>
    left.filter((call) => call.isAnswered === isAnswered && call.leftAt - call.arrivedAt < seconds * 1000).length;
  // Sometimes a call of the previous window is answered in this one: the first queue has it.
  const before = isFirst && !isRunning ? Math.max(0, dataset.truth({ vdn, start }).answered - all.length) : 0;
  return {
    calls: calls.length,
    answered: count(true, Infinity) + before,
    lost: count(false, Infinity),
    answeredWithin15s: count(true, 15),
    answeredWithin20s: count(true, 20),
    lostWithin15s: count(false, 15),
    lostWithin20s: count(false, 20),
  };
}
