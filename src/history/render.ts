/** Windows for people and programs: an aligned table, JSON or CSV. */
import type { VdnWindow, WindowField } from '../cms/rows.ts';
import type { Vdn } from '../config/schema.ts';
import { formatTime } from './time-range.ts';
import { WINDOW_MS } from '../core/window.ts';

export const QUERY_OUTPUTS = ['table', 'json', 'csv'] as const;
export type QueryOutput = (typeof QUERY_OUTPUTS)[number];

/** A VDN, and its window when the API has one. */
export interface QueryRow {
  readonly callCenter: string;
  readonly vdn: Vdn;
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

const UNKNOWN = '-';

/** The window's start and its values by key; what is unknown is null. A ratio is 0 to 1. */
export function toRecord({ callCenter, vdn, window }: QueryRow): Record<string, string | number | null> {
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

export function renderJson(rows: readonly QueryRow[]): string {
  if (rows.length === 0) return '[]\n';
  return `[\n${rows.map((row) => `  ${JSON.stringify(toRecord(row))}`).join(',\n')}\n]\n`;
}

/** What a spreadsheet takes for a formula. */
const FORMULA = /^[=+\-@\t\r]/;

/** RFC 4180, except for the line ends: LF. A text that a spreadsheet would run gets an apostrophe in front. */
export function renderCsv(rows: readonly QueryRow[]): string {
  const header = Object.keys(toRecord({ callCenter: '', vdn: { id: 0, name: '', labels: {} }, window: undefined }));
  const cell = (value: string | number | null): string => {
    const text = `${typeof value === 'string' && FORMULA.test(value) ? "'" : ''}${value ?? ''}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  const lines = rows.map((row) => Object.values(toRecord(row)).map(cell).join(','));
  return `${[header.join(','), ...lines].join('\n')}\n`;
}

/** The sum of the values that are known; undefined when none is. */
function sum(rows: readonly QueryRow[], field: WindowField): number | undefined {
  const values = rows.map(({ window }) => window?.[field]).filter((value) => value !== undefined);
  return values.length === 0 ? undefined : values.reduce((a, b) => a + b, 0);
}

/** Answered calls of those windows that tell both, in percent: never a mean of ratios. */
function answeredShare(rows: readonly QueryRow[]): number | undefined {
  const known = rows.filter(({ window }) => window?.inbound !== undefined && window.answered !== undefined);
  const inbound = sum(known, 'inbound');
  const answered = sum(known, 'answered');
  return inbound === undefined || answered === undefined || inbound === 0 ? undefined : (100 * answered) / inbound;
}

function total(rows: readonly QueryRow[], { field, total }: Column, isOneMoment: boolean): number | undefined {
  if (total === 'ratio') return answeredShare(rows);
  // Agents of different moments do not add up.
  return total === 'calls' || isOneMoment ? sum(rows, field) : undefined;
}

function format(value: number | undefined, column: Column): string {
  if (value === undefined) return UNKNOWN;
  return column.total === 'ratio' ? `${value.toFixed(1)}%` : String(value);
}

/**
 * An aligned table with a line of totals.
 * @param isOneMoment one window a VDN: then agents are summed up, too
 */
export function renderTable(rows: readonly QueryRow[], isOneMoment: boolean): string {
  const centers = new Set(rows.map(({ callCenter }) => callCenter));
  const lead = (callCenter: string, ...rest: string[]): string[] => (centers.size > 1 ? [callCenter, ...rest] : rest);
  const cells = [
    [...lead('CALL CENTER', 'WINDOW (UTC)', 'VDN', 'NAME'), ...COLUMNS.map(({ title }) => title)],
    ...rows.map(({ callCenter, vdn, window }) => [
      ...lead(
        callCenter,
        window === undefined ? UNKNOWN : moment(window.start),
        String(vdn.id),
        vdn.name.replaceAll(/\p{Cc}/gu, ' '),
      ),
      ...COLUMNS.map((column) => format(window?.[column.field], column)),
    ]),
    [...lead('', 'Total', '', ''), ...COLUMNS.map((column) => format(total(rows, column, isOneMoment), column))],
  ];
  const texts = lead('', '', '', '').length;
  const widths = (cells[0] ?? []).map((_, column) => Math.max(...cells.map((line) => width(line[column] ?? ''))));
  const lines = cells.map((line) =>
    line
      .map((cell, column) => {
        const padding = ' '.repeat((widths[column] ?? 0) - width(cell));
        return column < texts ? cell + padding : padding + cell;
      })
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

/** `2026-01-31 10:05` */
function moment(ms: number): string {
  return new Date(ms).toISOString().slice(0, 16).replace('T', ' ');
}

/** Characters that take two columns on a terminal: East Asian wide and full-width ones, emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Emoji_Presentation}|\ufe0f/u;
/** Those that take none by themselves: marks of direction, joiners. */
const INVISIBLE = /^[\p{Mn}\p{Cf}]+$/u;
const CHARACTERS = new Intl.Segmenter('en', { granularity: 'grapheme' });

/** Columns on a terminal. */
function width(text: string): number {
  if (/^[ -~]*$/.test(text)) return text.length;
  let columns = 0;
  for (const { segment } of CHARACTERS.segment(text)) {
    if (!INVISIBLE.test(segment)) columns += WIDE.test(segment) ? 2 : 1;
  }
  return columns;
}
