import { isWindowStart, type WindowRange } from '../core/window.ts';
import { excerpt, isAbsent, isRecord, type Redact, toNumber } from './json-values.ts';

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

/** What was requested: rows are checked against it. */
export interface Expectation {
  /** Ids that were requested; undefined when the choice was left to the API. */
  readonly vdns: ReadonlySet<number> | undefined;
  readonly ccId: number | undefined;
  readonly range: WindowRange;
}

/** `pastEnd` is a row that starts exactly at the end of the range: the document does not say whether it belongs to it. */
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

/** The document's type is Integer; a value of more than 32 bits cannot be a number of agents or calls. */
const MAX_COUNT = 2 ** 31 - 1;

/**
 * Checks one row of a response. Never throws.
 * @param row anything that JSON can hold
 * @param redact for what the details quote
 */
export function parseRow(row: unknown, expected: Expectation, redact: Redact = (text) => text): ParsedRow {
  if (!isRecord(row)) return { rejected: 'not_an_object', detail: `row is ${excerpt(row, redact)}` };

  const vdn = toNumber(row['vdn']);
  const known = expected.vdns === undefined ? vdn >= 1 && vdn <= MAX_COUNT : expected.vdns.has(vdn);
  if (!Number.isInteger(vdn) || !known)
    return { rejected: 'unknown_vdn', detail: `vdn is ${excerpt(row['vdn'], redact)}` };

  const ccId = isAbsent(row['ccId']) ? undefined : toNumber(row['ccId']);
  if (ccId !== undefined && (expected.ccId === undefined ? !Number.isInteger(ccId) : ccId !== expected.ccId)) {
    return { rejected: 'wrong_cc_id', detail: `vdn ${vdn}: ccId is ${excerpt(row['ccId'], redact)}` };
  }

  const start = toNumber(row['beginTime']);
  if (!isWindowStart(start)) {
    return { rejected: 'off_grid', detail: `vdn ${vdn}: beginTime is ${excerpt(row['beginTime'], redact)}` };
  }
  if (start === expected.range.to) return { pastEnd: true };
  if (start < expected.range.from || start > expected.range.to) {
    return { rejected: 'out_of_range', detail: `vdn ${vdn}: beginTime is ${excerpt(row['beginTime'], redact)}` };
  }

  const window: { vdn: number; start: number; ccId?: number } & Partial<Record<WindowField, number>> = { vdn, start };
  if (ccId !== undefined) window.ccId = ccId;
  for (const [apiName, field] of FIELDS) {
    const raw = row[apiName];
    if (isAbsent(raw)) continue;
    const value = toNumber(raw);
    const detail = `vdn ${vdn}: ${apiName} is ${excerpt(raw, redact)}`;
    if (value < 0) return { rejected: 'negative', detail };
    if (!(value <= MAX_COUNT) || (field !== 'answerRate' && !Number.isInteger(value))) {
      return { rejected: 'not_a_number', detail };
    }
    window[field] = value + 0; // -0 becomes 0
  }
  return { window };
}
