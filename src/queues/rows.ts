import type { QueueSelection } from '../config/schema.ts';
import { excerpt, isAbsent, isRecord, type Redact, toNumber } from '../cms/json-values.ts';
import { isWindowStart } from '../core/window.ts';

/** A skill queue as `configures/skills` describes it. */
export interface Queue {
  readonly id: number;
  /** Empty when the CMS has none. */
  readonly name: string;
  readonly mediaType: number | undefined;
}

/** A queue now, as `skill/totalskillstatusex3` shows it. A value that the CMS left out is undefined, never 0. */
export interface QueueStatus {
  readonly id: number;
  readonly waiting?: number;
  /** Of the call that waits longest, seconds. */
  readonly longestWait?: number;
  readonly signedIn?: number;
  readonly available?: number;
  readonly capacity?: number;
}

/** The counts of a slot in the order in which they are kept everywhere, with their names in `skill/servicequality`. */
export const SLOT_FIELDS = [
  'inCallNum',
  'connectedNum',
  'callLostNum',
  'in15sCallNum',
  'in20sCallNum',
  'wait15sLostNum',
  'wait20sLostNum',
] as const;

/** One queue in one 5-minute slot. */
export interface QueueSlot {
  readonly id: number;
  /** Start of the slot, milliseconds since the epoch. */
  readonly start: number;
  /** One for each of {@link SLOT_FIELDS}. */
  readonly counts: readonly number[];
}

/** A row, or why it cannot be used, in one line without secrets. */
export type Parsed<Row> = { readonly row: Row } | { readonly rejected: string };

const MAX_COUNT = 2 ** 31 - 1;
/** The largest 32-bit number stands for "none" in this API (callId of an empty queue). */
const NONE = 2 ** 32 - 1;
const MAX_NAME = 200;

function isCount(value: number): boolean {
  return Number.isInteger(value) && value >= 0 && value <= MAX_COUNT;
}

/** The id in `field`; NaN when it is none. */
function idOf(row: Readonly<Record<string, unknown>>, field: string): number {
  const id = toNumber(row[field]);
  return isCount(id) ? id : NaN;
}

/** Checks a row of `configures/skills`. Never throws. */
export function parseQueue(row: unknown, redact: Redact): Parsed<Queue> {
  if (!isRecord(row)) return { rejected: `row is ${excerpt(row, redact)}` };
  const id = idOf(row, 'id');
  if (Number.isNaN(id)) return { rejected: `id is ${excerpt(row['id'], redact)}` };
  const mediaType = toNumber(row['mediaType']);
  const name = typeof row['name'] === 'string' ? row['name'].slice(0, MAX_NAME) : '';
  return { row: { id, name, mediaType: isCount(mediaType) ? mediaType : undefined } };
}

const STATUS_FIELDS = [
  ['queueSize', 'waiting'],
  ['queueTime', 'longestWait'],
  ['loggedOnAgents', 'signedIn'],
  ['availAgents', 'available'],
  ['maxQueueSize', 'capacity'],
] as const;

/** Checks a row of `skill/totalskillstatusex3`. Never throws. */
export function parseStatus(row: unknown, requested: ReadonlySet<number>, redact: Redact): Parsed<QueueStatus> {
  if (!isRecord(row)) return { rejected: `row is ${excerpt(row, redact)}` };
  const id = idOf(row, 'skillId');
  if (!requested.has(id)) return { rejected: `skillId is ${excerpt(row['skillId'], redact)}` };
  const status: { id: number } & Partial<Record<(typeof STATUS_FIELDS)[number][1], number>> = { id };
  for (const [apiName, field] of STATUS_FIELDS) {
    const value = toNumber(row[apiName]);
    if (isAbsent(row[apiName]) || value === NONE) continue;
    if (!isCount(value)) return { rejected: `queue ${id}: ${apiName} is ${excerpt(row[apiName], redact)}` };
    status[field] = value;
  }
  return { row: status };
}

/** Checks a row of `skill/servicequality`. Never throws. A row without all of its counts cannot be counted. */
export function parseSlot(row: unknown, requested: ReadonlySet<number>, redact: Redact): Parsed<QueueSlot> {
  if (!isRecord(row)) return { rejected: `row is ${excerpt(row, redact)}` };
  const id = idOf(row, 'skillId');
  if (!requested.has(id)) return { rejected: `skillId is ${excerpt(row['skillId'], redact)}` };
  const start = toNumber(row['statStartTime']);
  if (!isWindowStart(start))
    return { rejected: `queue ${id}: statStartTime is ${excerpt(row['statStartTime'], redact)}` };
  const counts = SLOT_FIELDS.map((field) => toNumber(row[field]));
  const wrong = SLOT_FIELDS.find((_, index) => !isCount(counts[index] ?? NaN));
  if (wrong !== undefined) return { rejected: `queue ${id}: ${wrong} is ${excerpt(row[wrong], redact)}` };
  return { row: { id, start, counts } };
}

/** The queues of a VDN that are selected, ascending by id. */
export function selectQueues(queues: readonly Queue[], selection: QueueSelection): readonly Queue[] {
  return queues.filter(({ id }) => selection === 'all' || selection.includes(id)).sort((a, b) => a.id - b.id);
}
