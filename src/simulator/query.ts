import { WINDOW_MS } from './traffic.ts';

/** A query that keeps the document's rules. Times are milliseconds since the epoch. */
export interface Query {
  readonly ccId: number;
  /** Undefined: every VDN. */
  readonly vdns: readonly number[] | undefined;
  readonly start: number;
  readonly end: number;
  readonly limit: number;
  readonly offset: number;
}

export interface QueryRules {
  /** The default. */
  readonly ccId: number;
  readonly ccIds: readonly number[];
}

const MAX_VDNS = 100;
const MAX_DAYS = 31;
const DAY_MS = 86_400_000;
const DATE = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)$/;

/** Reads the body of a request; a text says which rule it breaks (the CMS returns 0100002). */
export function readQuery(body: Uint8Array, { ccId: defaultCcId, ccIds }: QueryRules): Query | string {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return 'The body is not JSON';
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'The body is not a JSON object';
  const fields = value as Readonly<Record<string, unknown>>;

  const ccId = fields['ccId'] ?? defaultCcId;
  if (typeof ccId !== 'number' || !ccIds.includes(ccId)) return 'ccId is not a call center of this system';

  const vdns = fields['vdn'];
  if (vdns !== undefined && !isIdList(vdns)) return `vdn is not an array of at most ${MAX_VDNS} integers`;

  const start = readDate(fields['beginDate']);
  const end = readDate(fields['endDate']);
  if (start === undefined) return 'beginDate is not YYYY-MM-DD HH:MM:SS';
  if (end === undefined) return 'endDate is not YYYY-MM-DD HH:MM:SS';
  if (end < start) return 'endDate is before beginDate';
  if (Math.ceil((end - start) / DAY_MS) > MAX_DAYS) return `beginDate and endDate are more than ${MAX_DAYS} days apart`;

  const limit = readCount(fields['limit'] ?? 100);
  const offset = readCount(fields['offset'] ?? 0);
  if (limit === undefined || limit === 0) return 'limit is not a positive integer';
  if (offset === undefined) return 'offset is not an integer from 0';
  return { ccId, vdns, start, end, limit, offset };
}

/** The starts of all windows of a range, oldest first. */
export function windowStarts({ start, end }: Pick<Query, 'start' | 'end'>, inclusiveEnd: boolean): number[] {
  const starts: number[] = [];
  const last = inclusiveEnd ? end : end - 1;
  for (let at = Math.ceil(start / WINDOW_MS) * WINDOW_MS; at <= last; at += WINDOW_MS) starts.push(at);
  return starts;
}

function isIdList(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.length <= MAX_VDNS && value.every((id) => Number.isInteger(id));
}

function readDate(value: unknown): number | undefined {
  const match = typeof value === 'string' ? DATE.exec(value) : null;
  if (match === null) return undefined;
  const text = `${match[1] ?? ''}T${match[2] ?? ''}.000Z`;
  const time = Date.parse(text);
  // Date.parse turns 30 February into 1 March.
  return !Number.isNaN(time) && new Date(time).toISOString() === text ? time : undefined;
}

/** The document's table says integer, its example shows strings. */
function readCount(value: unknown): number | undefined {
  if (typeof value === 'number') return Number.isSafeInteger(value) && value >= 0 ? value : undefined;
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : undefined;
}
