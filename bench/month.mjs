// `npm run bench:month [-- --vdns=5000 --days=31]`: what a month of polls leaves in memory. Ledger, store and exposition
// get every window of every VDN, with nights without rows, outages and corrections. The heap after a garbage collection,
// the size of the ledger on disk and the size of the page must not grow. Needs --expose-gc, as the npm script has it.
import { parseArgs } from 'node:util';
import { DEFAULT_TARGETS } from '../dist/config/targets.js';
import { createExposition } from '../dist/exposition/page-cache.js';
import { encodeLedger } from '../dist/storage/ledger-format.js';
import { Ledger } from '../dist/ledger/ledger.js';
import { SnapshotStore } from '../dist/exposition/snapshot-store.js';
import { totalsOf } from '../dist/exporter/apply-responses.js';

const WINDOW_MS = 300_000;
const { values } = parseArgs({
  options: { vdns: { type: 'string', default: '5000' }, days: { type: 'string', default: '31' } },
});
const ids = Array.from({ length: Number(values.vdns) }, (_, index) => index + 1);
const start = Date.UTC(2026, 9, 1);
const perDay = 288;

const ledger = new Ledger({ vdns: ids, lookbackWindows: 2, catchUpWindows: perDay }, { now: start, monotonic: 0 });
const store = new SnapshotStore({
  ...{ callCenter: 'bench', ccId: 1, vdnLabelNames: [], staleAfterMs: 720_000 },
  vdns: ids.map((id) => ({ id, name: `VDN ${id}`, labels: {}, targets: DEFAULT_TARGETS })),
});
let now = start;
const exposition = createExposition({
  sources: () => [{ name: 'bench', snapshot: () => store.snapshot(now) }],
  labelNames: () => [],
  selfMetrics: () => Promise.resolve(''),
});

/** Rows of a query: every third VDN has none at night, and the next poll corrects the first row of a window. */
function responseTo({ vdns, range }, latest) {
  const windows = [];
  for (let start = range.from; start < range.to; start += WINDOW_MS) {
    const isNight = (start / 3_600_000) % 24 < 6;
    for (const vdn of vdns) {
      if (isNight && vdn % 3 === 0) continue;
      const inbound = (vdn + start / WINDOW_MS) % 17;
      windows.push({ vdn, start, inbound: inbound + (start === latest ? 1 : 0), answered: inbound, outbound: 1 });
    }
  }
  return { windows, rejected: [], failure: undefined };
}

const table = [];
for (let index = 0; index < Number(values.days) * perDay; index++) {
  const latest = start + index * WINDOW_MS;
  now = latest + WINDOW_MS + 10_000;
  const isOutage = index % 700 >= 660; // Some three hours, every two and a half days.
  if (!isOutage) {
    const regular = { vdns: ids, range: ledger.regularRange(latest) };
    const result = responseTo(regular, latest);
    ledger.record(regular, result, latest, { now, apiNow: now, monotonic: now - start });
    store.update(result.windows);
    const plan = ledger.catchUp(latest);
    for (const query of plan?.queries ?? [])
      if (query !== undefined)
        ledger.record(query, responseTo(query, latest), latest, { now, apiNow: now, monotonic: now - start });
    if (plan !== undefined) ledger.finish(plan, latest);
    store.publish(totalsOf(ledger));
  }
  if ((index + 1) % (perDay * 3) === 0) {
    const body = await exposition.scrape({ format: 'text', encoding: 'gzip' });
    globalThis.gc();
    const { heapUsed, arrayBuffers } = process.memoryUsage();
    table.push({
      day: (index + 1) / perDay,
      'heap MB': ((heapUsed + arrayBuffers) / 1e6).toFixed(1),
      'ledger kB': ((await encodeLedger('bench', ledger.toState())).length / 1000).toFixed(0),
      'page kB': (body.length / 1000).toFixed(0),
      windows: ledger.totals(1).windows,
      missing: ledger.totals(3).missing,
    });
  }
}
console.table(table);
const heaps = table.slice(1).map((row) => Number(row['heap MB']));
console.log(`Heap after the first week against the end: ${heaps[0]} MB, ${heaps.at(-1)} MB`);
