import { type Html, html } from '../html.ts';
import { count, formatIds } from '../../core/format.ts';
import { formatAge, hourAndMinute } from './relative-time.ts';
import { verdictOf } from './verdicts.ts';
import { type Column, COLUMNS, listVdns, type VdnPage, type VdnQuery, vdnQueryLink, type VdnRow } from './vdn-list.ts';
import type { CallCenterSnapshot, VdnState } from '../../exposition/snapshot-store.ts';
import { WINDOW_MS } from '../../core/window.ts';

const SHOWN: readonly (readonly [value: VdnQuery['show'], text: string])[] = [
  ['all', 'All VDNs'],
  ['reporting', 'Reporting'],
  ['silent', 'Without data'],
];

const ORDERS = [
  ['asc', 'Ascending'],
  ['desc', 'Descending'],
] as const;

/** Characters of ids in a folded line. */
const MAX_IDS_CHARS = 1000;

const NONE = html`<span class="none">–</span>`;

type Options = readonly (readonly [value: string, text: string])[];

function select(label: string, name: string, options: Options, selected: string): Html {
  const list = options.map(
    ([value, text]) => html`<option value="${value}" ${value === selected && html` selected`}>${text}</option>`,
  );
  return html`<label
    >${label}
    <select name="${name}">
      ${list}
    </select></label
  >`;
}

function filterForm(names: readonly string[], query: VdnQuery, columns: readonly Column[]): Html {
  const centers: Options = [['', 'All'], ...names.map((name) => [name, name] as const)];
  const sorts: Options = [['', 'Order of the config'], ...columns.map(({ key, title }) => [key, title] as const)];
  const input = html`<input type="search" name="q" value="${query.text}" maxlength="100" autocomplete="off" />`;
  return html`<form method="get" action="#vdns" role="search" aria-label="VDNs">
    <label>Id, name or label ${input}</label>
    ${names.length > 1 && select('Call center', 'call_center', centers, query.callCenter)}
    ${select('Show', 'show', SHOWN, query.show)} ${select('Sort by', 'sort', sorts, query.sort ?? '')}
    ${select('Order', 'order', ORDERS, query.isDescending ? 'desc' : 'asc')}
    ${query.isPaused && html`<input type="hidden" name="refresh" value="off" />`}
    <button>Apply</button>
    <a href="?#vdns">Reset</a>
  </form>`;
}

/** A header that sorts: numbers start with the largest; a second click reverses the order. */
function header({ key, title, isNumber }: Column, query: VdnQuery): Html {
  const isSorted = query.sort === key;
  const isDescending = isSorted ? !query.isDescending : isNumber && key !== 'id';
  const direction = query.isDescending ? 'descending' : 'ascending';
  return html`<th scope="col" ${isNumber && html` class="number"`}${isSorted && html` aria-sort="${direction}"`}>
    <a href="${vdnQueryLink(query, { sort: key, isDescending })}"
      >${title}${isSorted && (query.isDescending ? ' ▼' : ' ▲')}</a
    >
  </th>`;
}

/** The labels, and whether a line with opening hours is open and for how long; nothing for one that has neither. */
function underName({ labels, opening: { isOpen, nextChangeAt } }: VdnState, now: number): Html | false {
  const shown = Object.entries(labels)
    .filter(([, text]) => text !== '')
    .map(([name, text]) => `${name}=${text}`)
    .join(', ');
  const next = nextChangeAt === Infinity ? '' : `, ${isOpen ? 'closes' : 'opens'} in ${formatAge(nextChangeAt - now)}`;
  const opening = isOpen && nextChangeAt === Infinity ? '' : `${isOpen ? 'Open' : 'Closed'}${next}`;
  if (shown === '' && opening === '') return false;
  const separator = shown !== '' && opening !== '' && ' · ';
  return html` <span class="labels">${shown !== '' && html`<bdi>${shown}</bdi>`}${separator}${opening}</span>`;
}

function cell(column: Column, row: VdnRow, now: number): Html {
  const { vdn } = row;
  const value = column.value(row);
  const verdict = verdictOf(vdn, column.key);
  const judged = verdict && html` ${verdict.severity}" title="${verdict.target}`;
  switch (column.key) {
    case 'id':
      return html`<th scope="row" class="id number">${vdn.id}</th>`;
    case 'name':
      return html`<td class="name">${vdn.name === '' ? NONE : html`<bdi>${vdn.name}</bdi>`}${underName(vdn, now)}</td>`;
    case 'center':
      return html`<td class="center"><bdi>${row.callCenter}</bdi></td>`;
    case 'window':
      return html`<td class="window number">
        ${typeof value === 'number' ? `${hourAndMinute(value)}–${hourAndMinute(value + WINDOW_MS)}` : NONE}
      </td>`;
    case 'ratio':
      return html`<td class="ratio number${judged}">
        ${typeof value === 'number' ? `${Number(value.toFixed(1))} %` : NONE}
      </td>`;
    default:
      return html`<td class="${column.key} number${judged}">${value ?? NONE}</td>`;
  }
}

/** Links to the first and last page and those around the present one. */
function pageLinks({ page, pages }: VdnPage, query: VdnQuery, name: string): Html {
  const near = [1, page - 2, page - 1, page, page + 1, page + 2, pages];
  const shown = [...new Set(near)].filter((number) => number >= 1 && number <= pages);
  const item = (number: number, index: number): Html => {
    const gap = index > 0 && number - (shown[index - 1] ?? 0) > 1 && html`<li><span>…</span></li>`;
    const link =
      number === page
        ? html`<span aria-current="page">${number}</span>`
        : html`<a href="${vdnQueryLink(query, { page: number })}">${number}</a>`;
    return html`${gap}
      <li>${link}</li>`;
  };
  const step = (to: number, text: string): Html | false =>
    to >= 1 && to <= pages && html`<li><a href="${vdnQueryLink(query, { page: to })}">${text}</a></li>`;
  return html`<nav aria-label="${name}">
    <ul>
      ${step(page - 1, 'Previous')}${shown.map(item)}${step(page + 1, 'Next')}
    </ul>
  </nav>`;
}

/** VDNs without data of a failing call center, as one line. */
function foldedLine({ callCenter, ids }: VdnPage['folded'][number], query: VdnQuery): Html {
  return html`<details class="folded">
    <summary><bdi>${callCenter}</bdi>: no data of ${count(ids.length, 'VDN')}</summary>
    <p>
      VDN ${formatIds(ids, MAX_IDS_CHARS)}.
      <a href="${vdnQueryLink(query, { callCenter })}">Show these VDNs</a>
    </p>
  </details>`;
}

export interface VdnTableOptions {
  readonly now: number;
  /** Call centers whose VDNs without data are folded into one line each. */
  readonly failing: ReadonlySet<string>;
}

/** The VDNs that the query requests: a form, a table of one page, links to the other pages. */
export function vdnTable(
  snapshots: readonly CallCenterSnapshot[],
  query: VdnQuery,
  { now, failing }: VdnTableOptions,
): Html {
  const list = listVdns(snapshots, query, failing);
  const names = snapshots.map(({ callCenter }) => callCenter);
  const columns = names.length > 1 ? COLUMNS : COLUMNS.filter(({ key }) => key !== 'center');
  const folded = list.folded.reduce((sum, { ids }) => sum + ids.length, 0);
  const of = list.found + folded === list.all ? `${list.all} VDNs` : `${list.found} VDNs found among ${list.all}`;
  const range = list.rows.length < list.found ? `${list.offset + 1} to ${list.offset + list.rows.length} of ` : '';
  const pages = (name: string): Html | false => list.pages > 1 && pageLinks(list, query, name);
  const table = html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${columns.map((column) => header(column, query))}
        </tr>
      </thead>
      <tbody>
        ${list.rows.map(
          (row) =>
            html`<tr${!row.vdn.opening.isOpen && html` class="closed"`}>
              ${columns.map((column) => cell(column, row, now))}
            </tr> `,
        )}
      </tbody>
    </table>
  </div>`;
  return html`<section aria-labelledby="vdns">
    <h2 id="vdns">VDNs</h2>
    ${filterForm(names, query, columns)}
    <div class="pages">
      <p>${range}${of}</p>
      ${pages('Pages')}
    </div>
    ${list.folded.map((each) => foldedLine(each, query))} ${list.rows.length > 0 && table}
    <div class="pages">${pages('Pages, again')}</div>
  </section>`;
}
