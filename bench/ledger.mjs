// `npm run bench:ledger [-- --vdns=5000 --days=31 --holes=1,0.05,0.5]`: how long the ledger of many VDNs with a long
// catch_up blocks the event loop, which scrapes share: planning a catch-up after a month of downtime, counting a poll,
// storing the ledger. "blocked" is the longest time in which nothing else could run, without waiting for a core; "CPU"
// is the total.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { systemClock as clock } from '../dist/core/clock.js';
import { createYield } from '../dist/core/yield.js';
import { Ledger } from '../dist/ledger/ledger.js';
import { createLogger } from '../dist/core/log.js';
import { openStorage } from '../dist/storage/ledger-store.js';

const WINDOW_MS = 300_000;
const { values } = parseArgs({
  options: {
    vdns: { type: 'string', default: '5000' },
    days: { type: 'string', default: '31' },
    holes: { type: 'string', default: '1,0.05,0.5' },
  },
});
const ids = Array.from({ length: Number(values.vdns) }, (_, index) => index + 1);
const windows = Number(values.days) * 288;
const T0 = Date.UTC(2026, 9, 1);
const at = (index) => T0 + index * WINDOW_MS;
const clocks = (index) => ({ now: at(index + 1) + 10_000, apiNow: at(index + 1) + 10_000, monotonic: at(index) - T0 });

const logger = createLogger('error', 'json', process.stderr);
const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-bench-'));
const storage = await openStorage({ directory, clock, logger, onFailure: () => undefined });

/** Whether a VDN has a row of a window: looks random, and is always the same. */
function has(vdn, index, holes) {
  let hash = Math.imul(vdn ^ 0x9e3779b9, 0x85ebca6b) ^ Math.imul(index, 0xc2b2ae35);
  hash = Math.imul(hash ^ (hash >>> 15), 0x2c1b3c6d);
  return ((hash ^ (hash >>> 12)) >>> 0) / 2 ** 32 >= holes;
}

function responseTo({ vdns, range }, holes) {
  const rows = [];
  for (let start = range.from; start < range.to; start += WINDOW_MS) {
    for (const vdn of vdns === 'all' ? ids : vdns)
      if (has(vdn, (start - T0) / WINDOW_MS, holes)) rows.push({ vdn, start, inbound: 1, answered: 1, outbound: 1 });
  }
  return { windows: rows, rejected: [], failure: undefined };
}

/** Measures a piece of work while a second loop checks how long it has to wait. */
async function measure(work) {
  globalThis.gc?.();
  let blocked = 0;
  let isDone = false;
  let last = { wall: performance.now(), cpu: process.cpuUsage() };
  const look = () => {
    const { user, system } = process.cpuUsage(last.cpu);
    const now = { wall: performance.now(), cpu: process.cpuUsage() };
    blocked = Math.max(blocked, Math.min(now.wall - last.wall, (user + system) / 1000));
    last = now;
  };
  const looking = (async () => {
    while (!isDone) {
      await nextTurn();
      look();
    }
  })();
  const cpu = process.cpuUsage();
  const result = await work();
  const { user, system } = process.cpuUsage(cpu);
  look();
  isDone = true;
  await looking;
  return { result, 'blocked ms': blocked.toFixed(1), 'CPU ms': ((user + system) / 1000).toFixed(0) };
}

async function plan(ledger, latest) {
  const made = ledger.catchUp(latest);
  const yieldIfDue = createYield(clock);
  let queries = 0;
  for (const query of made?.queries ?? []) {
    if (query !== undefined) queries++;
    await yieldIfDue();
  }
  if (made !== undefined) ledger.finish(made, latest);
  return `${queries} queries`;
}

async function benchmark(vdns, holes) {
  const name = `${vdns === 'all' ? 'all' : 'listed'}, ${holes === 1 ? 'nothing counted' : `${100 * holes} % holes`}`;
  const table = {};
  const note = async (step, work) => {
    table[step] = await measure(work);
  };
  const ledger = new Ledger({ vdns, lookbackWindows: 2, catchUpWindows: windows }, { now: T0, monotonic: 0 });
  const poll = (index, share) => {
    const query = { vdns, range: ledger.regularRange(at(index)) };
    const parts =
      vdns === 'all'
        ? [query]
        : Array.from({ length: Math.ceil(ids.length / 100) }, (_, i) => ({
            ...query,
            vdns: ids.slice(100 * i, 100 * (i + 1)),
          }));
    const responses = parts.map((part) => [part, responseTo(part, share)]);
    return async () => {
      const yieldIfDue = createYield(clock);
      for (const [part, result] of responses) {
        await yieldIfDue();
        ledger.record(part, result, at(index), clocks(index));
      }
      return `${responses.reduce((sum, [, { windows: rows }]) => sum + rows.length, 0)} rows`;
    };
  };
  await poll(0, 0)();
  if (holes < 1) {
    for (let index = 1; index < windows; index += 24) {
      const range = { from: at(index), to: at(Math.min(index + 24, windows)) };
      ledger.record({ vdns, range }, responseTo({ vdns, range }, holes), at(windows), clocks(windows));
    }
  }
  await note('plan after a month', () => plan(ledger, at(windows)));
  await note('plan an hour later', () => plan(ledger, at(windows + 12)));
  await note('count a poll', poll(windows + 13, holes));
  await note('store', async () => {
    await storage.save('bench', ledger.toState());
    return `${(statSync(join(directory, 'bench.ledger')).size / 1e6).toFixed(1)} MB`;
  });
  await note('start again from it', async () => {
    const state = await storage.load('bench');
    const started = { now: at(windows), monotonic: 0 };
    return `${[...new Ledger({ vdns, lookbackWindows: 2, catchUpWindows: windows }, started, state).ids()].length} VDNs`;
  });
  await note('count a poll after a month', poll(2 * windows, holes));
  console.log(`${ids.length} VDNs ${name}, catch_up ${values.days}d, Node.js ${process.version}`);
  console.table(table);
}

for (const vdns of [ids, 'all']) for (const holes of values.holes.split(',').map(Number)) await benchmark(vdns, holes);
await storage.close();
rmSync(directory, { recursive: true });
console.log(`Resident memory at most ${(process.resourceUsage().maxRSS / 1000).toFixed(0)} MB`);
