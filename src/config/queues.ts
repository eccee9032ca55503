import { CONFIG_KEYS, DEFAULT_QUEUES, MAX_QUEUE_VDNS, MAX_QUEUES } from './schema.ts';
import type { QueuesConfig, QueueSelection } from './schema.ts';
import { isOff, QUEUE_INDICATORS, type QueueTargets, readTargets, type Targets } from './targets.ts';
import { duration, text } from './value-parsers.ts';
import type { Reader } from './value-reader.ts';

const MAX_QUEUE_ID = 2_147_483_647;
const NONE: QueueSelection = [];
const NO_QUEUE_TARGETS: ReadonlyMap<number, QueueTargets> = new Map();

/** `queues` of the top level or a call center. Undefined, or what is inherited when it is not given, means not requested. */
export function readQueues(value: Reader | undefined, inherited: QueuesConfig | undefined): QueuesConfig | undefined {
  if (value === undefined) return inherited;
  if (isOff(value)) return undefined;
  const keys = value.mapping(CONFIG_KEYS.queues);
  if (keys === undefined) return inherited;
  const defaults = inherited ?? DEFAULT_QUEUES;
  return {
    include: readSelection(keys.optional('include')) ?? defaults.include,
    intervalMs: duration(keys.optional('interval'), 10_000, 300_000) ?? defaults.intervalMs,
    requestForm: readForm(keys.optional('request_form')) ?? defaults.requestForm,
  };
}

/** What the config says of the queues of one VDN. */
export interface VdnQueues {
  readonly queues: QueueSelection;
  readonly queueTargets: ReadonlyMap<number, QueueTargets>;
}

/**
 * `queues` of a VDN; without one, those of its call center.
 * @param targets of the VDN, for what a queue does not set
 */
export function readVdnQueues(
  value: Reader | undefined,
  ofCallCenter: QueuesConfig | undefined,
  targets: Targets,
): VdnQueues {
  const inherited = ofCallCenter?.include ?? NONE;
  if (value === undefined) return { queues: inherited, queueTargets: NO_QUEUE_TARGETS };
  if (isOff(value)) return { queues: NONE, queueTargets: NO_QUEUE_TARGETS };
  const keys = value.mapping(CONFIG_KEYS.vdnQueues);
  const queues = readSelection(keys?.optional('include')) ?? (inherited.length === 0 ? 'all' : inherited);
  return { queues, queueTargets: readQueueTargets(keys?.optional('targets'), queues, targets) };
}

function readQueueTargets(
  value: Reader | undefined,
  selection: QueueSelection,
  inherited: Targets,
): ReadonlyMap<number, QueueTargets> {
  const targets = new Map<number, QueueTargets>();
  for (const [name, entry] of value?.entries() ?? []) {
    const id = /^[1-9]\d*$/.test(name) ? Number(name) : Infinity;
    if (id > MAX_QUEUE_ID) entry.reportKey('Must be a queue id, such as 101, with the targets of this queue');
    else if (selection !== 'all' && !selection.includes(id))
      entry.reportKey(`Queue ${id} is not among those of include: add it there, or remove its targets`);
    else {
      const { service_level, wait_seconds } = readTargets(entry, inherited, QUEUE_INDICATORS);
      targets.set(id, { service_level, wait_seconds });
    }
  }
  return targets;
}

function readForm(value: Reader | undefined): QueuesConfig['requestForm'] | undefined {
  const form = text(value);
  if (form === 'flat' || form === 'wrapped') return form;
  if (form !== undefined) value?.report('Must be flat or wrapped');
  return undefined;
}

function readSelection(value: Reader | undefined): QueueSelection | undefined {
  if (value === undefined) return undefined;
  if (value.isScalar() && value.scalar('')?.text === 'all') return 'all';
  const items = value.list('a list of queue ids such as [1, 10-19], or the word all');
  if (items === undefined) return undefined;
  const ids = new Set<number>();
  for (const item of items) {
    const range = readRange(item);
    if (range === undefined) continue;
    if (range.last - range.first >= MAX_QUEUES || ids.size > MAX_QUEUES) {
      value.report(`Must be at most ${MAX_QUEUES} queues`);
      return undefined;
    }
    for (let id = range.first; id <= range.last; id++) ids.add(id);
  }
  if (ids.size > MAX_QUEUES) value.report(`Must be at most ${MAX_QUEUES} queues`);
  return [...ids].sort((a, b) => a - b);
}

function readRange(item: Reader): { readonly first: number; readonly last: number } | undefined {
  const expected = 'a queue id, or a range such as 10-19';
  const scalar = item.scalar(expected);
  if (scalar === undefined) return undefined;
  const match = /^([1-9]\d*)(?:-([1-9]\d*))?$/.exec(scalar.text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match !== null && first <= last && last <= MAX_QUEUE_ID) return { first, last };
  if (match !== null && first > last) item.report('The range is empty: its end lies before its start');
  else item.report(`Must be ${expected}`);
  return undefined;
}

/** What the interfaces of the queues need of a call center. */
export interface QueueNeeds {
  readonly queues: QueuesConfig | undefined;
  readonly ccId: number | undefined;
  readonly vdns: readonly { readonly queues: QueueSelection }[] | 'all';
}

/**
 * Reports what makes it impossible to request the queues of a call center.
 * @param place the value to report it at
 * @returns what to request; undefined when no VDN wants queues
 */
export function checkQueues({ queues, ccId, vdns }: QueueNeeds, place: Reader): QueuesConfig | undefined {
  if (vdns === 'all') {
    if (queues === undefined || queues.include.length === 0) return undefined;
    place.report('Queues need a list of VDNs instead of vdns: all, because each request to the CMS is for one VDN');
    return queues;
  }
  const wanted = vdns.filter((vdn) => vdn.queues.length > 0).length;
  if (wanted === 0) return undefined;
  if (ccId === undefined) place.report('Queues need cc_id, because the CMS wants it in every request');
  if (wanted > MAX_QUEUE_VDNS) {
    place.report(
      `Queues of ${wanted} VDNs: the CMS allows one request a second for the service level, one VDN each, every 5 minutes, which is enough for ${MAX_QUEUE_VDNS} VDNs of a call center; set queues: off for the others`,
    );
  }
  return queues ?? { ...DEFAULT_QUEUES, include: NONE };
}
