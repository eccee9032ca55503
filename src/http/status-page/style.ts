import { createStylesheet } from '../style.ts';
import { COLUMNS } from './vdn-list.ts';

// On a phone a row becomes a card, whose values bear the titles of the columns.
const QUEUE_TITLES = [
  ['q-vdn', 'VDN'],
  ['q-queue', 'Queue'],
  ['q-waiting', 'Waiting'],
  ['q-wait', 'Longest wait'],
  ['q-available', 'Available'],
  ['q-signed-in', 'Signed in'],
  ['q-capacity', 'Capacity'],
] as const;
const CARD_TITLES = [...COLUMNS.map(({ key, title }) => [key, title] as const), ...QUEUE_TITLES]
  .map(([key, title]) => `td.${key}::before{content:"${title}"}`)
  .join('\n  ');

/** The style of the status page, which is the same for every request. */
export const STATUS_STYLE = createStylesheet(`
.age, .none { color: var(--dim); }
time, .age { white-space: nowrap; }
.centers { display: grid; gap: 12px; grid-template-columns: repeat(auto-fill, minmax(min(100%, 400px), 1fr)); align-items: start; }
article:target { outline: 2px solid var(--link); outline-offset: 2px; }
article { background: var(--box); border: 1px solid var(--line); border-left: 5px solid var(--tone); border-radius: 6px; padding: 12px 14px; }
article > div { display: flex; gap: 10px; justify-content: space-between; align-items: baseline; }
.state { color: var(--tone); font-weight: 600; white-space: nowrap; }
.up { --tone: var(--good); } .failing { --tone: var(--bad); } .stale, .partial { --tone: var(--warn); } .waiting { --tone: var(--idle); }
.problems { margin-top: 14px; border: 1px solid var(--warn); border-left-width: 5px; border-radius: 6px; background: var(--box); padding: 8px 14px; }
.problems ul { list-style: none; margin: 0; padding: 0; }
.problems strong { color: var(--warn); }
.problems .detail { white-space: pre-line; overflow-wrap: anywhere; }
.sums { display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 4px 6px; font-size: .8rem; list-style: none; margin: 8px 0 0; padding: 0; color: var(--dim); }
.sums strong { display: block; color: var(--text); font-size: 1.2rem; line-height: 1.15; font-variant-numeric: tabular-nums; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 12px; margin: 8px 0 0; }
dt { color: var(--dim); }
dd { margin: 0; overflow-wrap: anywhere; }
.error { color: var(--bad); }
article p { margin: 8px 0 0; }
form { display: flex; flex-wrap: wrap; gap: 8px 12px; align-items: end; margin-bottom: 10px; }
label { display: grid; font-size: .85rem; color: var(--dim); min-width: 0; }
input, select, button {
  font: inherit; color: var(--text); background: var(--box); border: 1px solid var(--field); border-radius: 5px; padding: 6px 9px;
  max-width: 100%; min-height: 38px;
}
form a { padding: 8px 4px; }
button { cursor: pointer; border-color: var(--link); color: var(--link); font-weight: 600; }
.pages { display: flex; flex-wrap: wrap; gap: 4px 14px; justify-content: space-between; margin: 8px 0; }
.pages ul { display: flex; flex-wrap: wrap; gap: 4px; list-style: none; margin: 0; padding: 0; }
.pages a, .pages span { display: inline-block; min-width: 32px; padding: 3px 7px; text-align: center; }
.pages p { margin: 3px 0; }
[aria-current=page] { font-weight: 700; border: 1px solid var(--line); border-radius: 5px; background: var(--box); }
thead a { text-decoration: none; } thead a:hover { text-decoration: underline; }
tbody tr:last-child > * { border-bottom: 0; }
tbody th { font-weight: 400; }
.number { text-align: right; white-space: nowrap; }
.name, .center { overflow-wrap: anywhere; max-width: 26em; }
.name { min-width: 11em; } .center { min-width: 6em; }
.labels { display: block; font-size: .82rem; color: var(--dim); }
.closed > * { color: var(--dim); }
.critical { color: var(--bad); font-weight: 600; } .critical::after { content: " ✖"; }
.warning { color: var(--warn); font-weight: 600; } .warning::after { content: " ⚠"; }
.folded { margin: 0 0 8px; padding: 8px 14px; border: 1px solid var(--line); border-left: 5px solid var(--bad); border-radius: 6px; background: var(--box); }
.folded p { margin: 6px 0 0; overflow-wrap: anywhere; }
summary { cursor: pointer; }
@media (max-width: 760px) {
  .scroll { border: 0; background: none; overflow: visible; }
  table, tbody { display: block; }
  thead { display: none; }
  tbody tr {
    display: flex; flex-wrap: wrap; gap: 0 7px; margin-bottom: 4px; padding: 3px 8px; font-size: .78rem; line-height: 1.25;
    background: var(--box); border: 1px solid var(--line); border-radius: 6px;
  }
  tbody tr > *, tbody tr:last-child > * { border: 0; padding: 0; min-width: 0; max-width: none; text-align: left; }
  tbody tr > * { white-space: nowrap; }
  tbody .number { text-align: left; }
  tbody .id, tbody .name, tbody .center, tbody .window { order: -1; }
  tbody .name { flex: 1 1 60%; white-space: normal; font-weight: 600; }
  tbody .name .labels { display: inline; font-weight: 400; }
  tbody .center { white-space: normal; }
  tbody td::before, tbody th::before { font-size: .92em; font-weight: 400; color: var(--dim); margin-right: 3px; }
  tbody td.name::before { display: none; }
  tbody th::before { content: "VDN"; }
  ${CARD_TITLES}
  form label, form button { flex: 1 1 40%; }
  form label:first-child { flex-basis: 100%; }
  input, select { width: 100%; }
}
`);
