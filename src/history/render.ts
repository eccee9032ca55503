/** Windows as an aligned table, JSON or CSV. */
import type { VdnWindow, WindowField } from '../cms/rows.ts';
import type { Vdn } from '../config/schema.ts';
import { csvLines, jsonLines, type OutputRecord, tableLines, UNKNOWN } from './table.ts';
import { formatTime } from './time-range.ts';
import { printable } from '../core/format.ts';
import { WINDOW_MS } from '../core/window.ts';

/** A VDN, and its window when the API has one. */
export interface QueryRow {
  readonly callCenter: string;
  readonly vdn: Pick<Vdn, 'id' | 'name'>;
  readonly window: VdnWindow | undefined;
}

interface Column {
  /** In JSON and CSV. */
  readonly key: string;
  /** Over the table. */
  readonly title: string;
  readonly field: WindowField;
  /** How the totals are made: the sum over VDNs, and over time where the field counts calls. */
  readonly total: 'agents' | 'calls' | 'ratio';
}

const COLUMNS: readonly Column[] = [
  { key: 'agents_online', title: 'ONLINE', field: 'agentsOnline', total: 'agents' },
  { key: 'agents_talking', title: 'TALKING', field: 'talking', total: 'agents' },
  { key: 'agents_idle', title: 'IDLE', field: 'idle', total: 'agents' },
  { key: 'agents_busy', title: 'BUSY', field: 'busy', total: 'agents' },
  { key: 'agents_resting', title: 'RESTING', field: 'resting', total: 'agents' },
  { key: 'inbound_calls', title: 'INBOUND', field: 'inbound', total: 'calls' },
  { key: 'inbound_calls_answered', title: 'ANSWERED', field: 'answered', total: 'calls' },
  { key: 'inbound_answer_ratio', title: 'RATIO', field: 'answerRate', total: 'ratio' },
  { key: 'outbound_calls', title: 'OUTBOUND', field: 'outbound', total: 'calls' },
];

/** The row by key as JSON and CSV show it. Unknown values are null; a ratio is 0 to 1. */
function toRecord({ callCenter, vdn, window }: QueryRow): Record<string, string | number | null> {
  const values = COLUMNS.map(({ key, field }): [string, number | null] => {
    const value = window?.[field];
    if (value === undefined) return [key, null];
    return [key, field === 'answerRate' ? Number((value / 100).toPrecision(15)) : value];
  });
  return {
    call_center: callCenter,
    vdn: vdn.id,
    name: vdn.name,
    window_start: window === undefined ? null : formatTime(window.start),
    window_end: window === undefined ? null : formatTime(window.start + WINDOW_MS),
    ...Object.fromEntries(values),
  };
}

function* recordsOf(rows: readonly QueryRow[]): Generator<OutputRecord> {
  for (const row of rows) yield toRecord(row);
}

/** A JSON array, one object a line. */
export function renderJson(rows: readonly QueryRow[]): Iterable<string> {
  return jsonLines(recordsOf(rows));
}

export function renderCsv(rows: readonly QueryRow[]): Iterable<string> {
  const keys = Object.keys(toRecord({ callCenter: '', vdn: { id: 0, name: '' }, window: undefined }));
  return csvLines(keys, recordsOf(rows));
}

/** The sum of the values that are known; undefined when none is. */
function sum(rows: readonly QueryRow[], field: WindowField): number | undefined {
  const values = rows.map(({ window }) => window?.[field]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
}

/** Answered share in percent over the windows that have both values. Ratios are never averaged. */
function answeredShare(rows: readonly QueryRow[]): number | undefined {
  const known = rows.filter(({ window }) => window?.inbound !== undefined && window.answered !== undefined);
  const inbound = sum(known, 'inbound');
  const answered = sum(known, 'answered');
  return inbound === undefined || answered === undefined || inbound === 0 ? undefined : (100 * answered) / inbound;
}

function total(rows: readonly QueryRow[], { field, total }: Column, isOneMoment: boolean): number | undefined {
  if (total === 'ratio') return answeredShare(rows);
  // The sum of agents at different times means nothing.
  return total === 'calls' || isOneMoment ? sum(rows, field) : undefined;
}

function format(value: number | undefined, column: Column): string {
  if (value === undefined) return UNKNOWN;
  return column.total === 'ratio' ? `${value.toFixed(1)}%` : String(value);
}

/**
 * An aligned table with a line of totals.
 * @param isOneMoment each VDN has one window: then the agents are added up, too
 */
export function renderTable(rows: readonly QueryRow[], isOneMoment: boolean): Iterable<string> {
  const hasCallCenter = rows.some(({ callCenter }) => callCenter !== rows[0]?.callCenter);
  const lead = (callCenter: string, ...rest: string[]): string[] => (hasCallCenter ? [callCenter, ...rest] : rest);
  const textColumns = lead('', '', '', '').length;
  const header = [...lead('CALL CENTER', 'WINDOW (UTC)', 'VDN', 'NAME'), ...COLUMNS.map(({ title }) => title)];
  const cellsOf = ({ callCenter, vdn, window }: QueryRow): string[] => {
    const start = window === undefined ? UNKNOWN : minuteOf(window.start);
    const values = COLUMNS.map((column) => format(window?.[column.field], column));
    return [...lead(callCenter, start, String(vdn.id), printable(vdn.name)), ...values];
  };
  const totals = COLUMNS.map((column) => format(total(rows, column, isOneMoment), column));
  const footer = [...lead('', 'Total', '', ''), ...totals];

  return tableLines(textColumns, function* () {
    yield header;
    for (const row of rows) yield cellsOf(row);
    yield footer;
  });
}

/** `2026-01-31 10:05` */
function minuteOf(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}
