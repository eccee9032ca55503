import { hash } from './random.ts';
import type { WindowValues } from './traffic.ts';

/** How a response is written. The document contradicts itself, so there is more than one way. */
export interface Shape {
  /** `resultDesc` is the rows, or an object with `data` and `count`. */
  readonly resultDesc: 'array' | 'object';
  readonly count: 'number' | 'string' | 'absent';
  readonly resultCode: string | number;
  readonly numbers: 'number' | 'string';
  readonly beginTime: 'string' | 'number';
  readonly inbound: 'incallNums' | 'inCallNums';
  /** One value of every row is left out or null; `missingField` tells which. */
  readonly gaps: 'none' | 'missing' | 'null';
  /** `shuffled` is the same for every page, `unstable` differs at each request: pages overlap and leave rows out. */
  readonly order: 'sorted' | 'shuffled' | 'unstable';
  /** Every other row comes twice, `count` counts it once. */
  readonly repeats: boolean;
  /** Rows that start at `endDate` belong to the response. */
  readonly inclusiveEnd: boolean;
}

/** The document's message example. */
const EXAMPLE: Shape = {
  resultDesc: 'object',
  count: 'number',
  resultCode: 0,
  numbers: 'number',
  beginTime: 'string',
  inbound: 'inCallNums',
  gaps: 'none',
  order: 'sorted',
  repeats: false,
  inclusiveEnd: false,
};

export const SHAPES = {
  example: EXAMPLE,
  /** The document's tables. */
  table: { ...EXAMPLE, resultDesc: 'array', count: 'absent', resultCode: '0100000', inbound: 'incallNums' },
  strings: { ...EXAMPLE, resultCode: '0', numbers: 'string', count: 'string' },
  numbers: { ...EXAMPLE, resultCode: '0100000', beginTime: 'number', inbound: 'incallNums' },
  'count-string': { ...EXAMPLE, count: 'string' },
  'count-absent': { ...EXAMPLE, count: 'absent' },
  missing: { ...EXAMPLE, gaps: 'missing' },
  null: { ...EXAMPLE, gaps: 'null' },
  shuffled: { ...EXAMPLE, order: 'shuffled' },
  unstable: { ...EXAMPLE, order: 'unstable' },
  repeats: { ...EXAMPLE, repeats: true },
  'inclusive-end': { ...EXAMPLE, inclusiveEnd: true },
} as const satisfies Record<string, Shape>;

export type ShapeName = keyof typeof SHAPES;

/** The shapes that `cycle` goes through: each has every value, and pages of different shapes fit together. */
export const CYCLE = ['example', 'table', 'strings', 'numbers', 'count-string', 'count-absent'] as const;

const NAMES = {
  agentsOnline: 'onlineAgentNums',
  talking: 'talkingNums',
  idle: 'ideaAgentNum',
  busy: 'busyNums',
  resting: 'restNums',
  inbound: 'incallNums',
  answered: 'rateNum',
  answerRate: 'callRate',
  outbound: 'callOutNums',
} as const satisfies Record<keyof WindowValues, string>;
const FIELDS = Object.keys(NAMES) as (keyof WindowValues)[];

export type Row = Record<string, unknown>;

/** The value that the row of this VDN and window lacks in the shapes `missing` and `null`. */
export function missingField(vdn: number, start: number): keyof WindowValues {
  return FIELDS[hash(vdn, start) % FIELDS.length] ?? 'agentsOnline';
}

export function writeRow(shape: Shape, ccId: number, vdn: number, start: number, values: WindowValues): Row {
  const write = (value: number): unknown => (shape.numbers === 'string' ? String(value) : value);
  const row: Row = {
    beginTime: shape.beginTime === 'string' ? String(start) : start,
    ccId: write(ccId),
    vdn: write(vdn),
  };
  const gap = shape.gaps === 'none' ? undefined : missingField(vdn, start);
  for (const field of FIELDS) {
    if (field === gap && shape.gaps === 'missing') continue;
    const name = field === 'inbound' ? shape.inbound : NAMES[field];
    row[name] = field === gap ? null : write(values[field]);
  }
  return row;
}

/** The body of a successful response. */
export function writeResponse(shape: Shape, rows: readonly Row[], count: number): string {
  if (shape.resultDesc === 'array') return JSON.stringify({ resultCode: shape.resultCode, resultDesc: rows });
  const total = { number: { count }, string: { count: String(count) }, absent: {} }[shape.count];
  return JSON.stringify({ resultCode: shape.resultCode, resultDesc: { data: rows, ...total } });
}

/** How many places a listing of `length` rows takes up, and which row stands at a place. */
export function arrange(
  shape: Shape,
  length: number,
  request: number,
): { places: number; rowAt: (place: number) => number } {
  const places = shape.repeats ? length + Math.ceil(length / 2) : length;
  // Rows 0 0 1 2 2 3: of three places the first two hold the same row.
  const index = (place: number): number =>
    shape.repeats ? 2 * Math.floor(place / 3) + Math.max(0, (place % 3) - 1) : place;
  if (shape.order === 'sorted') return { places, rowAt: index };
  const stride = coprimeTo(length);
  const shift = shape.order === 'unstable' ? hash(request) % Math.max(1, length) : 0;
  return { places, rowAt: (place) => (index(place) * stride + shift) % length };
}

/** A step that visits every one of `length` places before it returns to the first. */
function coprimeTo(length: number): number {
  const divisor = (a: number, b: number): number => (b === 0 ? a : divisor(b, a % b));
  let step = Math.max(1, Math.floor(length * 0.618));
  while (divisor(step, length) > 1) step++;
  return step;
}
