import { ApiError } from '../core/errors.ts';
import { isWindowStart, type WindowRange } from '../core/window.ts';
import { oneLine, printable } from '../core/format.ts';

/** The values of a row, as numbers of agents or calls (`answerRate` in percent). */
export type WindowField =
  'agentsOnline' | 'talking' | 'idle' | 'busy' | 'resting' | 'inbound' | 'answered' | 'answerRate' | 'outbound';

/** One VDN in one 5-minute window. A value that the API left out is undefined, never 0. */
export interface VdnWindow extends Readonly<Partial<Record<WindowField, number>>> {
  readonly vdn: number;
  /** Start of the window, milliseconds since the epoch. */
  readonly start: number;
  readonly ccId?: number;
}

/** Why a row was not used; the `reason` label of `aicc_cti_rows_rejected_total`. */
export const REJECTION_REASONS = [
  'not_an_object',
  'unknown_vdn',
  'wrong_cc_id',
  'off_grid',
  'out_of_range',
  'not_a_number',
  'negative',
] as const;
export type RejectionReason = (typeof REJECTION_REASONS)[number];

/** What was asked for, to hold the rows against. */
export interface Expectation {
  /** Ids that were asked for; undefined when the choice was left to the API. */
  readonly vdns: ReadonlySet<number> | undefined;
  readonly ccId: number | undefined;
  readonly range: WindowRange;
}

/** `past_end` is a row that starts exactly at the end of the range: the document leaves open whether it belongs to it. */
export type ParsedRow =
  | { readonly window: VdnWindow }
  | { readonly rejected: RejectionReason; readonly detail: string }
  | { readonly pastEnd: true };

/** The API's fields, `incallNums` and `inCallNums` being the same one (table and example of the document differ). */
const FIELDS: readonly (readonly [apiName: string, field: WindowField])[] = [
  ['onlineAgentNums', 'agentsOnline'],
  ['talkingNums', 'talking'],
  ['ideaAgentNum', 'idle'],
  ['busyNums', 'busy'],
  ['restNums', 'resting'],
  ['incallNums', 'inbound'],
  ['inCallNums', 'inbound'],
  ['rateNum', 'answered'],
  ['callRate', 'answerRate'],
  ['callOutNums', 'outbound'],
];

/** The document's type is Integer; what lies beyond 32 bits cannot be a number of agents or calls. */
const MAX_COUNT = 2 ** 31 - 1;

const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;

/** A JSON number, or a text that is one; anything else is NaN. */
function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : NaN;
}

function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** At most 40 characters of a value, for a log line. Does not look into objects: they may be nested without end. */
function excerpt(value: unknown): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  const text = printable(typeof value === 'string' ? JSON.stringify(value.slice(0, 40)) : String(value));
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
}

/**
 * Checks one row of an answer. Never throws.
 * @param row anything that JSON can hold
 */
export function parseRow(row: unknown, expected: Expectation): ParsedRow {
  if (!isRecord(row)) return { rejected: 'not_an_object', detail: `row is ${excerpt(row)}` };

  const vdn = toNumber(row['vdn']);
  const known = expected.vdns === undefined ? vdn >= 1 && vdn <= MAX_COUNT : expected.vdns.has(vdn);
  if (!Number.isInteger(vdn) || !known) return { rejected: 'unknown_vdn', detail: `vdn is ${excerpt(row['vdn'])}` };

  const ccId = isAbsent(row['ccId']) ? undefined : toNumber(row['ccId']);
  if (ccId !== undefined && (expected.ccId === undefined ? !Number.isInteger(ccId) : ccId !== expected.ccId)) {
    return { rejected: 'wrong_cc_id', detail: `vdn ${vdn}: ccId is ${excerpt(row['ccId'])}` };
  }

  const start = toNumber(row['beginTime']);
  if (!isWindowStart(start)) {
    return { rejected: 'off_grid', detail: `vdn ${vdn}: beginTime is ${excerpt(row['beginTime'])}` };
  }
  if (start === expected.range.to) return { pastEnd: true };
  if (start < expected.range.from || start > expected.range.to) {
    return { rejected: 'out_of_range', detail: `vdn ${vdn}: beginTime is ${excerpt(row['beginTime'])}` };
  }

  const window: { vdn: number; start: number; ccId?: number } & Partial<Record<WindowField, number>> = { vdn, start };
  if (ccId !== undefined) window.ccId = ccId;
  for (const [apiName, field] of FIELDS) {
    const raw = row[apiName];
    if (isAbsent(raw)) continue;
    const value = toNumber(raw);
    const detail = `vdn ${vdn}: ${apiName} is ${excerpt(raw)}`;
    if (value < 0) return { rejected: 'negative', detail };
    if (!(value <= MAX_COUNT) || (field !== 'answerRate' && !Number.isInteger(value))) {
      return { rejected: 'not_a_number', detail };
    }
    window[field] = value + 0; // -0 becomes 0
  }
  return { window };
}

export interface Answer {
  readonly rows: readonly unknown[];
  /** Rows of the whole query over all pages, when the API says so. */
  readonly count: number | undefined;
}

const SUCCESS_CODES = new Set(['0100000', '0']);

/** What to check for each documented error code (AICC "Error Code Reference"). */
const CODE_HINTS: Readonly<Record<string, string>> = {
  '0100001': 'The CMS could not carry out the call: look at its own log',
  '0100002': 'The CMS refused a parameter: check cc_id and the VDN ids',
  '0100003': 'This CTI version does not offer the interface: ask the vendor',
  '0100999': 'Unknown exception inside the CMS: look at its own log',
  '0101003': 'The access key has no permission for this interface: have it granted on the CMS',
};
export const DOCUMENTED_CODES: readonly string[] = Object.keys(CODE_HINTS);

function invalid(message: string): ApiError {
  return new ApiError(message, {
    reason: 'invalid',
    hint: 'Check that url points to the CC-CMS server and not to another service or a proxy page',
  });
}

/**
 * Takes an answer's body apart, in any of the shapes that the document's tables and examples show.
 * @param body the parsed JSON
 * @throws ApiError `api` when the CMS reports a failure, `invalid` when the shape is none of the known ones
 */
export function parseAnswer(body: unknown): Answer {
  if (!isRecord(body)) throw invalid('The answer is JSON but not an object');
  const code = body['resultCode'];
  if (typeof code !== 'string' && typeof code !== 'number') throw invalid('The answer has no resultCode');

  const desc = body['resultDesc'];
  if (!SUCCESS_CODES.has(String(code).trim())) {
    const resultCode = oneLine(String(code), 32);
    const text = typeof desc === 'string' ? oneLine(desc, 200) : '';
    throw new ApiError(`The CMS answered resultCode ${resultCode}${text === '' ? '' : `: ${text}`}`, {
      reason: 'api',
      hint: CODE_HINTS[resultCode] ?? "Look the code up in the vendor's Error Code Reference",
      resultCode,
    });
  }

  // Not documented: how no rows are written. A null says none; a field that is not there says that this is another format.
  if (desc === null) return { rows: [], count: undefined };
  if (Array.isArray(desc)) return { rows: desc, count: undefined };
  if (!isRecord(desc)) throw invalid('The answer has no rows: resultDesc is neither an array nor an object');
  const rows = desc['data'] === null ? [] : desc['data'];
  if (!Array.isArray(rows)) throw invalid('The answer has no rows: resultDesc.data is not an array');
  const count = isAbsent(desc['count']) ? undefined : toNumber(desc['count']);
  if (count !== undefined && !(Number.isSafeInteger(count) && count >= 0)) {
    throw invalid(`The answer's count is ${excerpt(desc['count'])}, not a number of rows`);
  }
  return { rows, count };
}
