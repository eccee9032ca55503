import type { QueueInterfaceName } from './interfaces.ts';
import type { QueryRules } from './query.ts';

/** A request for queues that keeps the rules. */
export interface QueueQuery {
  readonly name: QueueInterfaceName;
  readonly ccId: number;
  readonly vdn: number;
  /** Empty for `skills`. */
  readonly queues: readonly number[];
}

/** How requests have to be written: the tables show flat ones, one example wraps them in `queryParam`. */
export type RequestForm = 'flat' | 'wrapped' | 'any';

const MAX_QUEUES = 1000;

/** Reads the body of a request; a text says which rule it breaks (the CMS answers 0100002). */
export function readQueueQuery(
  body: Uint8Array,
  name: QueueInterfaceName,
  { ccIds }: QueryRules,
  form: RequestForm,
): QueueQuery | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return 'The body is not JSON';
  }
  if (!isObject(value)) return 'The body is not a JSON object';
  const wrapped = value['queryParam'];
  if (isObject(wrapped) ? form === 'flat' : form === 'wrapped') return 'The parameters are not where they belong';
  const { ccId, vdn, skillIds } = isObject(wrapped) ? wrapped : value;
  if (typeof ccId !== 'number' || !ccIds.includes(ccId)) return 'ccId is not a call center of this system';
  if (typeof vdn !== 'number' || !Number.isInteger(vdn)) return 'vdn is not an integer';
  if (name === 'skills') return { name, ccId, vdn, queues: [] };
  if (!isIdList(skillIds)) return `skillIds is not an array of at most ${MAX_QUEUES} integers`;
  return { name, ccId, vdn, queues: skillIds };
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isIdList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_QUEUES && value.every((id) => Number.isInteger(id));
}
