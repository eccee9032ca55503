import { hash, type Random, randomFrom } from './random.ts';
import { type Vdn, WINDOW_MS, type WindowValues } from './traffic.ts';

/** A skill queue of a VDN. */
export interface SkillQueue {
  readonly id: number;
  readonly name: string;
  readonly mediaType: number;
  /** Share of the VDN's calls. */
  readonly share: number;
  readonly capacity: number;
}

/** A call as it goes through its queue. Times are milliseconds since the epoch. */
export interface Call {
  readonly queue: number;
  readonly arrivedAt: number;
  /** When it was answered, or lost. */
  readonly leftAt: number;
  readonly isAnswered: boolean;
  readonly talkMs: number;
}

const NAMES = ['General', 'Sales', 'Service', 'Complaints', 'Callback'];
const VOICE = 5;
const CALLBACK = 4;
/** Callers wait this long on average before they hang up. */
const PATIENCE_MS = 90_000;
/** From a free agent to a call that is answered. */
const PICK_UP_MS = [1_000, 5_000] as const;
/** More lost calls than this share: there were no agents for them. */
const LOST_SHARE = 0.05;

/** The queues of a VDN; the first ones get most of its calls. */
export function queuesOf(vdn: Vdn, count = 2 + (hash(vdn.seed, vdn.id, 41) % 3)): readonly SkillQueue[] {
  const weights = Array.from({ length: count }, (_, index) => 1 / (index + 1));
  const sum = weights.reduce((a, b) => a + b, 0);
  return weights.map((weight, index) => {
    const name = NAMES[index] ?? `Queue ${index + 1}`;
    const capacity = Math.max(10, 2 * vdn.agents);
    const mediaType = name === 'Callback' ? CALLBACK : VOICE;
    return { id: vdn.id * 100 + index + 1, name, mediaType, share: weight / sum, capacity };
  });
}

const exponential = (random: Random, mean: number): number => -mean * Math.log(1 - random());

function chooseQueue(queues: readonly SkillQueue[], random: Random): number {
  let rest = random();
  for (const { id, share } of queues) {
    rest -= share;
    if (rest < 0) return id;
  }
  return queues[0]?.id ?? 0;
}

/** How many agents take calls: where many calls are lost, as many as it takes to answer those that were answered. */
function serversOf(vdn: Vdn, { inbound, answered, talking, idle }: WindowValues): number {
  const present = talking + idle;
  if (answered === 0) return 0;
  if (inbound - answered <= LOST_SHARE * inbound) return Math.max(1, present);
  const needed = Math.ceil((answered * vdn.talkSeconds * 1000) / WINDOW_MS);
  return Math.max(1, Math.min(present, needed));
}

/**
 * The calls that arrive in a window, as they go through the queues of a VDN: Poisson arrivals, exponential talk times
 * and patience, agents who take calls of all queues in the order of arrival (M/M/c+M). As many calls come and are
 * answered as the window's values say. A pure function of its arguments.
 */
export function callsOf(vdn: Vdn, queues: readonly SkillQueue[], start: number, values: WindowValues): readonly Call[] {
  const random = randomFrom(hash(vdn.seed, vdn.id, start / WINDOW_MS, 31));
  const freeAt = Array.from({ length: serversOf(vdn, values) }, () => start - WINDOW_MS);
  const arrivals = (from: number) =>
    Array.from({ length: values.inbound }, () => from + Math.floor(random() * WINDOW_MS)).sort((a, b) => a - b);
  const serve = (arrivedAt: number) => serveCall(vdn, queues, arrivedAt, { freeAt, random });
  // The agents are busy at the start of the window as its load makes them.
  for (const arrivedAt of arrivals(start - WINDOW_MS)) serve(arrivedAt);
  return withOutcomes(arrivals(start).map(serve), Math.min(values.answered, values.inbound));
}

interface Service {
  /** When each agent is free again. */
  readonly freeAt: number[];
  readonly random: Random;
}

function serveCall(vdn: Vdn, queues: readonly SkillQueue[], arrivedAt: number, { freeAt, random }: Service): Call {
  const queue = chooseQueue(queues, random);
  const patience = exponential(random, PATIENCE_MS);
  const talkMs = Math.round(exponential(random, vdn.talkSeconds * 1000));
  const pickUp = PICK_UP_MS[0] + random() * (PICK_UP_MS[1] - PICK_UP_MS[0]);
  const first = freeAt.reduce((best, at, index) => (at < (freeAt[best] ?? Infinity) ? index : best), 0);
  const answeredAt = Math.max(arrivedAt, freeAt[first] ?? Infinity) + pickUp;
  if (answeredAt - arrivedAt > Math.max(patience, pickUp))
    return { queue, arrivedAt, leftAt: Math.round(arrivedAt + patience), isAnswered: false, talkMs: 0 };
  freeAt[first] = answeredAt + talkMs;
  return { queue, arrivedAt, leftAt: Math.round(answeredAt), isAnswered: true, talkMs };
}

/** Makes the number of answered calls right: who waited longest is lost first. */
function withOutcomes(calls: readonly Call[], answered: number): readonly Call[] {
  const wait = ({ arrivedAt, leftAt }: Call) => leftAt - arrivedAt;
  const order = [...calls].sort((a, b) => Number(b.isAnswered) - Number(a.isAnswered) || wait(a) - wait(b));
  const isAnswered = new Set(order.slice(0, answered));
  return calls.map((call) => ({ ...call, isAnswered: isAnswered.has(call) }));
}
