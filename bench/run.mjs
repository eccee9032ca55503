// Measures scrapes of the real `serve`, which polls the simulator, and prints the tables of docs/performance.md: npm run bench [-- --rounds=5 --seconds=3]
// Linux only (CPU and memory are read from /proc). prometheus-pushgateway, nginx and wrk are used where installed.
import { Buffer } from 'node:buffer';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { get } from 'node:http';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { CONNECTIONS, loader } from './load.mjs';
import { cpuMs, EXPORTER_ENV, EXPORTER_FLAGS, installed, rssMb, startNginx, startPushgateway } from './processes.mjs';
import { startServe, startSimulator } from './serve.mjs';

const { values: options } = parseArgs({
  options: { rounds: { type: 'string', default: '5' }, seconds: { type: 'string', default: '3' } },
});
const rounds = Number(options.rounds);
const seconds = Number(options.seconds);
const COMPARED_VDNS = 5000;
const POLLING = 'exporter gzip, polling';
const GROWTH_VDNS = [100, 1000, 5000, 20_000];
const GZIP = { 'Accept-Encoding': 'gzip', Accept: 'application/openmetrics-text;version=1.0.0' };
const PLAIN = { 'Accept-Encoding': 'identity' };

const load = loader(installed('wrk'));

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

function medians(rows) {
  return Object.fromEntries(Object.keys(rows[0]).map((key) => [key, median(rows.map((row) => row[key]))]));
}

function table(header, rows) {
  console.log(`| ${header.join(' | ')} |\n|${' --- |'.repeat(header.length)}`);
  for (const row of rows) console.log(`| ${row.join(' | ')} |`);
  console.log();
}

function digits(value) {
  if (value === undefined || Number.isNaN(value)) return 'n/a';
  return value >= 100 ? value.toFixed(0) : value.toPrecision(3);
}

/** Load on one target: scrapes per second, p99 in ms, CPU milliseconds per scrape. */
async function measure({ pids, url, headers, isSlow = false }) {
  const before = cpuMs(pids);
  const { requests, perSecond, p99 } = await load({ url, headers, seconds: isSlow ? 4 * seconds : seconds });
  if (requests === 0) throw new Error(`${url} did not respond in time: try more --seconds`);
  return { perSecond, p99, cpu: (cpuMs(pids) - before) / requests };
}

/** The body as it is sent; fetch would inflate it. */
async function fetchBody(url, headers) {
  const response = await new Promise((resolve, reject) => {
    get(url, { headers }, resolve).on('error', reject);
  });
  return Buffer.concat(await response.toArray());
}

async function compare(simulator, directory) {
  const exporter = await startServe(simulator, directory, COMPARED_VDNS);
  const started = [exporter];
  try {
    const plain = await fetchBody(exporter.url, PLAIN);
    const gzip = await fetchBody(exporter.url, GZIP);
    const targets = new Map([
      ['exporter gzip', { ...exporter, headers: GZIP }],
      ['exporter plain', { ...exporter, headers: PLAIN }],
    ]);
    if (installed('prometheus-pushgateway')) {
      const pushgateway = await startPushgateway(plain);
      started.push(pushgateway);
      targets.set('pushgateway gzip', { ...pushgateway, headers: GZIP, isSlow: true });
      targets.set('pushgateway plain', { ...pushgateway, headers: PLAIN, isSlow: true });
    }
    if (installed('nginx')) {
      const nginx = await startNginx(directory, { plain, gzip });
      started.push(nginx);
      targets.set('nginx gzip', { ...nginx, url: `${nginx.url}/gzip`, headers: {} });
      targets.set('nginx plain', { ...nginx, url: `${nginx.url}/plain`, headers: {} });
    }
    const results = new Map([...targets.keys(), POLLING].map((name) => [name, []]));
    for (const { url, headers } of [targets.get('exporter gzip'), targets.get('exporter plain')]) {
      await load({ url, headers, seconds }); // What runs for weeks is not measured while it is being compiled.
    }
    for (let round = 0; round < rounds; round++) {
      for (const [name, target] of targets) results.get(name).push(await measure(target));
      results.get(POLLING).push(await measureWhilePolling(simulator, directory));
    }
    const series = plain.toString().match(/^[a-z]/gm).length;
    console.log(`## ${COMPARED_VDNS} VDNs: ${series} series, ${plain.length} bytes, ${gzip.length} bytes gzip\n`);
    const found = new Map([...results].map(([name, rows]) => [name, medians(rows)]));
    table(
      ['', 'scrapes/s', 'p99 ms', 'CPU ms/scrape'],
      [...found].map(([name, row]) => [name, digits(row.perSecond), digits(row.p99), digits(row.cpu)]),
    );
    const own = found.get('exporter gzip');
    const ownPlain = found.get('exporter plain');
    const [push, pushPlain] = [found.get('pushgateway gzip'), found.get('pushgateway plain')];
    table(
      ['ratio', 'measured', 'target'],
      [
        ['gzip scrapes/s to pushgateway', digits(own.perSecond / push?.perSecond), 'at least 400'],
        ['gzip scrapes/s to nginx', digits(own.perSecond / found.get('nginx gzip')?.perSecond), 'at least 0.5'],
        ['plain scrapes/s to pushgateway', digits(ownPlain.perSecond / pushPlain?.perSecond), 'at least 60'],
        ['plain scrapes/s to nginx', digits(ownPlain.perSecond / found.get('nginx plain')?.perSecond), 'at least 0.9'],
        ['CPU per gzip scrape, pushgateway to ours', digits(push?.cpu / own.cpu), 'at least 800'],
        ['p99 of gzip, pushgateway to ours', digits(push?.p99 / own.p99), 'at least 80'],
        ['p99 of gzip while polling to idle', digits(found.get(POLLING).p99 / own.p99), 'at most 2'],
        ['resident memory after all this, MB', digits(rssMb(exporter.pids)), 'at most 100'],
      ],
    );
  } finally {
    for (const { stop } of started) stop();
  }
}

/** How long the API takes to respond while scrapes are measured; the simulator itself needs almost no time. */
const API_LATENCY_MS = 50;

/** A new exporter that polls, counts, stores and renders without a pause: it was down for a day. */
async function measureWhilePolling(simulator, directory) {
  const exporter = await startServe(simulator, directory, COMPARED_VDNS, { wasDown: true });
  try {
    await simulator.delay(API_LATENCY_MS);
    const target = { ...exporter, headers: GZIP };
    for (let tries = 0; !exporter.isCatchingUp() && tries < 600; tries++) await delay(100);
    await load({ ...target, seconds });
    const measured = await measure(target);
    if (!exporter.isCatchingUp()) throw new Error('It had nothing to poll any more: try fewer --seconds');
    return measured;
  } finally {
    await simulator.delay(0);
    await exporter.stop();
  }
}

async function growth(simulator, directory) {
  const rows = [];
  for (const vdns of GROWTH_VDNS) {
    const renders = await render(vdns);
    const { ms, cpuMs: cpu, blockedMs } = medians(renders);
    const longest = Math.max(...renders.map((one) => one.blockedMs));
    const exporter = await startServe(simulator, directory, vdns);
    try {
      const gzip = await fetchBody(exporter.url, GZIP);
      const rssFirst = rssMb(exporter.pids);
      await load({ ...exporter, headers: GZIP, seconds });
      const { perSecond, cpu: perScrape } = await measure({ ...exporter, headers: GZIP });
      rows.push([
        ...[vdns, gunzipSync(gzip).length, gzip.length, digits(ms), digits(cpu)],
        `${digits(blockedMs)} / ${digits(longest)}`,
        ...[digits(perSecond), digits(perScrape), `${digits(rssFirst)} / ${digits(rssMb(exporter.pids))}`],
      ]);
    } finally {
      await exporter.stop();
    }
  }
  console.log('## Growth\n');
  table(
    [
      ...['VDNs', 'bytes', 'bytes gzip', 'render ms', 'render CPU ms', 'loop blocked ms, median / longest'],
      ...['gzip scrapes/s', 'CPU ms/scrape', 'resident MB, first scrape / after load'],
    ],
    rows,
  );
}

/** Measures of renderings, made by a process of its own. */
async function render(vdns) {
  const args = [String(vdns), String(Math.max(5, rounds))];
  const child = fork(new URL('render.mjs', import.meta.url), args, {
    execArgv: EXPORTER_FLAGS,
    env: { ...process.env, ...EXPORTER_ENV },
  });
  const [renders] = await once(child, 'message');
  return renders;
}

const missing = ['wrk', 'prometheus-pushgateway', 'nginx'].filter((program) => !installed(program));
console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${CONNECTIONS} connections,`);
console.log(
  `medians of ${rounds} interleaved rounds of ${seconds} s. Not installed: ${missing.join(', ') || 'nothing'}\n`,
);
const directory = mkdtempSync(join(tmpdir(), 'aicc-bench-'));
try {
  const simulator = await startSimulator();
  await compare(simulator, directory);
  await growth(simulator, directory);
  await simulator.stop();
} finally {
  rmSync(directory, { recursive: true, force: true });
}
