import type { WindowField } from '../../cms/rows.ts';
import type { CallCenterSnapshot, VdnState } from '../../exposition/snapshot-store.ts';

export interface VdnRow {
  readonly callCenter: string;
  readonly vdn: VdnState;
}

export interface Column {
  /** Value of the `sort` parameter, and the class of the cells. */
  readonly key: string;
  readonly title: string;
  readonly isNumber: boolean;
  /** What is sorted by; undefined, when there is no value, comes last either way. */
  readonly value: (row: VdnRow) => string | number | undefined;
}

function field(key: string, title: string, name: WindowField): Column {
  return { key, title, isNumber: true, value: ({ vdn }) => vdn.window?.[name] };
}

export const COLUMNS: readonly Column[] = [
  { key: 'id', title: 'VDN', isNumber: true, value: ({ vdn }) => vdn.id },
  { key: 'name', title: 'Name', isNumber: false, value: ({ vdn }) => vdn.name || undefined },
  { key: 'center', title: 'Call center', isNumber: false, value: ({ callCenter }) => callCenter },
  field('online', 'Online', 'agentsOnline'),
  field('talking', 'Talking', 'talking'),
  field('idle', 'Idle', 'idle'),
  field('busy', 'Busy', 'busy'),
  field('resting', 'Resting', 'resting'),
  field('inbound', 'Inbound', 'inbound'),
  field('answered', 'Answered', 'answered'),
  field('ratio', 'Ratio', 'answerRate'),
  field('outbound', 'Outbound', 'outbound'),
  { key: 'window', title: 'Window (UTC)', isNumber: true, value: ({ vdn }) => vdn.window?.start },
];

export const PAGE_ROWS = 200;
const MAX_TEXT = 100;

/** What the query parameters of the page request; invalid values are ignored. */
export interface VdnQuery {
  /** Searched in ids, names and labels, ignoring case. */
  readonly text: string;
  /** Empty for all. */
  readonly callCenter: string;
  readonly show: 'all' | 'reporting' | 'silent';
  /** A key of {@link COLUMNS}; undefined for the order of the config. */
  readonly sort: string | undefined;
  readonly isDescending: boolean;
  /** From 1. */
  readonly page: number;
  /** The page does not load itself again. */
  readonly isPaused: boolean;
}

export function parseVdnQuery(search: string): VdnQuery {
  const params = new URLSearchParams(search);
  const show = params.get('show');
  const page = Number(params.get('page'));
  return {
    text: (params.get('q') ?? '').slice(0, MAX_TEXT).trim(),
    callCenter: params.get('call_center') ?? '',
    show: show === 'reporting' || show === 'silent' ? show : 'all',
    sort: COLUMNS.find(({ key }) => key === params.get('sort'))?.key,
    isDescending: params.get('order') === 'desc',
    page: Number.isSafeInteger(page) && page > 0 ? page : 1,
    isPaused: params.get('refresh') === 'off',
  };
}

/** The address of the page with parts of the query changed; a change of anything but the page leads to the first one. */
export function vdnQueryLink(query: VdnQuery, change: Partial<VdnQuery>): string {
  const { text, callCenter, show, sort, isDescending, page, isPaused } = { ...query, page: 1, ...change };
  const params = new URLSearchParams();
  if (text !== '') params.set('q', text);
  if (callCenter !== '') params.set('call_center', callCenter);
  if (show !== 'all') params.set('show', show);
  if (sort !== undefined) params.set('sort', sort);
  if (sort !== undefined && isDescending) params.set('order', 'desc');
  if (isPaused) params.set('refresh', 'off');
  if (page > 1) params.set('page', String(page));
  return `?${params.toString()}#vdns`;
}

export interface VdnPage {
  readonly rows: readonly VdnRow[];
  /** Index of the first row among those found. */
  readonly offset: number;
  readonly found: number;
  readonly all: number;
  readonly page: number;
  readonly pages: number;
  /** VDNs without data of call centers that are failing, which are not among the rows. */
  readonly folded: readonly { readonly callCenter: string; readonly ids: readonly number[] }[];
}

function matches({ id, name, labels }: VdnState, text: string): boolean {
  if (String(id).includes(text) || name.toLowerCase().includes(text)) return true;
  for (const label in labels) if (`${label}=${labels[label] ?? ''}`.toLowerCase().includes(text)) return true;
  return false;
}

/** Natural order: ignores case and accents, 2 before 10. Much faster than a collator. */
function textKey(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}+/gu, '')
    .toLowerCase()
    .replace(/\d+/g, (digits) => digits.padStart(12, '0'));
}

function sorted(rows: readonly VdnRow[], column: Column, isDescending: boolean): VdnRow[] {
  const sign = isDescending ? -1 : 1;
  const keyed = rows.map((row) => {
    const value = column.value(row);
    return { row, key: typeof value === 'string' ? textKey(value) : value };
  });
  keyed.sort((a, b) => {
    if (a.key === undefined || b.key === undefined) return Number(a.key === undefined) - Number(b.key === undefined);
    return a.key < b.key ? -sign : a.key > b.key ? sign : 0;
  });
  return keyed.map(({ row }) => row);
}

/**
 * The VDNs of all call centers, filtered, sorted (stable) and cut into pages of {@link PAGE_ROWS}.
 * @param failing call centers whose VDNs without data are folded, unless the query looks for something
 */
export function listVdns(
  snapshots: readonly CallCenterSnapshot[],
  query: VdnQuery,
  failing: ReadonlySet<string> = new Set(),
): VdnPage {
  const isSearch = query.text !== '' || query.callCenter !== '' || query.show !== 'all';
  const folded: { callCenter: string; ids: number[] }[] = [];
  const text = query.text.toLowerCase();
  const found: VdnRow[] = [];
  let all = 0;
  for (const { callCenter, vdns } of snapshots) {
    all += vdns.length;
    if (query.callCenter !== '' && query.callCenter !== callCenter) continue;
    const foldedHere: number[] = [];
    for (const vdn of vdns) {
      if (!isSearch && vdn.window === undefined && failing.has(callCenter)) {
        foldedHere.push(vdn.id);
        continue;
      }
      if (query.show !== 'all' && (query.show === 'reporting') !== (vdn.window !== undefined)) continue;
      if (text === '' || matches(vdn, text)) found.push({ callCenter, vdn });
    }
    if (foldedHere.length > 0) folded.push({ callCenter, ids: foldedHere.sort((a, b) => a - b) });
  }
  const column = COLUMNS.find(({ key }) => key === query.sort);
  const ordered = column === undefined ? found : sorted(found, column, query.isDescending);
  const pages = Math.max(1, Math.ceil(found.length / PAGE_ROWS));
  const page = Math.min(query.page, pages);
  const offset = (page - 1) * PAGE_ROWS;
  return {
    ...{ rows: ordered.slice(offset, offset + PAGE_ROWS), offset, found: found.length, all, page, pages },
    folded,
  };
}
