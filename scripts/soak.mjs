// `npm run soak [-- --hours=6] [--speed=60] [--seed=N]`: a real exporter against the real simulator, in accelerated time
// (Debian's faketime), killed with SIGKILL at random instants while the API misbehaves. Every second the counters are
// scraped: none may fall. In the end every total must equal what the API finally says. Exit code 1 when one does not.
import { spawn, spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { startSimulator } from '../dist/simulator/simulator.js';

const WINDOW_MS = 300_000;
const HOUR_MS = 3_600_000;
const { values } = parseArgs({
  options: {
    hours: { type: 'string', default: '6' },
    speed: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const hours = Number(values.hours);
const speed = Number(values.speed);
const seed = Number(values.seed);
if (!(hours > 0 && speed >= 1 && Number.isSafeInteger(seed))) {
  console.error('Use --hours=NUMBER --speed=NUMBER --seed=WHOLE NUMBER');
  process.exit(2);
}

if (process.env.SOAK_INSIDE === undefined) {
  if (spawnSync('faketime', ['--version']).error) {
    console.error('faketime is missing: apt-get install faketime');
    process.exit(2);
  }
  const command = [process.execPath, fileURLToPath(import.meta.url), ...process.argv.slice(2), `--seed=${seed}`];
  const { status } = spawnSync('faketime', ['-f', `@2026-11-18 08:00:00 x${speed}`, ...command], {
    stdio: 'inherit',
    env: { ...process.env, SOAK_INSIDE: '1', TZ: 'UTC' },
  });
  process.exit(status ?? 1);
}

let state = seed;
/** Numbers in [0, 1), the same for the same seed (mulberry32). */
function random() {
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
}

const VDNS = Array.from({ length: 20 }, (_, index) => index + 1);
const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-soak-'));
const storage = join(directory, 'storage');
const configFile = join(directory, 'config.yaml');
const simulator = await startSimulator({
  ...{ vdns: VDNS, seed, flat: true, settleLagMs: 5_000 },
  ...{ late: 0.2, corrections: 0.2, shape: 'cycle' },
});
writeFileSync(
  configFile,
  `# Late rows are corrected up to a quarter of an hour after their window.
poll: { timeout: 1m, lookback_windows: 4 }
call_centers:
  - { name: soak, url: "${simulator.url}", cc_id: 1, access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1-20], queues: { interval: 1m } }
`,
);

const wrong = new Set();
/** Said at once, for it may be hours to the end. */
function mistake(text) {
  if (!wrong.has(text)) console.error(`${new Date().toISOString()} WRONG: ${text}`);
  wrong.add(text);
}
const shown = new Map();
let kills = 0;
let scrapes = 0;
let unanswered = 0;
/** The first window that counts: the one that runs when the exporter is first started. */
const origin = Math.floor(Date.now() / WINDOW_MS) * WINDOW_MS;
const endAt = Date.now() + hours * HOUR_MS;

/** Starts an exporter and resolves with it and its address. */
async function startExporter() {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const flags = [`--config.file=${configFile}`, '--web.listen-address=127.0.0.1:0', `--storage.path=${storage}`];
  // A process started later would start at the time at which the first one did.
  const env = { ...process.env };
  delete env.FAKETIME_SHARED;
  env.FAKETIME = `@${new Date().toISOString().slice(0, 19).replace('T', ' ')} x${speed}`;
  const child = spawn(process.execPath, [main, ...flags], { stdio: ['ignore', 'ignore', 'pipe'], env });
  let log = '';
  const keepLog = process.env.SOAK_LOG;
  const address = await new Promise((resolve, reject) => {
    child.stderr.on('data', (data) => {
      log = (log + data).slice(-20_000);
      if (keepLog !== undefined) appendFileSync(keepLog, data);
      const [, url] = /msg=Listening url="?(http:[^\s"]+)/.exec(log) ?? [];
      if (url !== undefined) resolve(url);
      if (/Poll ended unexpectedly|poll ended unexpectedly/.test(log)) mistake(`a poll ended unexpectedly:\n${log}`);
    });
    child.once('exit', (code) => reject(new Error(`The exporter ended with ${code}:\n${log}`)));
  });
  return { child, address };
}

/** Time limits of a server shrink with its time: on a busy machine it may give up a connection before it came to it. */
async function get(address) {
  try {
    const response = await fetch(`${address}/metrics`, { headers: { connection: 'close' } });
    return response.ok ? await response.text() : undefined;
  } catch {
    return undefined;
  }
}

async function scrape(address) {
  const text = await get(address);
  if (text === undefined) {
    unanswered++;
    return;
  }
  const samples = [...text.matchAll(/^(aicc_cti_\w+_total)\{call_center="soak",vdn="(\d+)"\} (\S+)$/gm)];
  for (const [, name, vdn, value] of samples) {
    const key = `${name} of VDN ${vdn}`;
    const before = shown.get(key) ?? 0;
    if (Number(value) < before) mistake(`${key} fell from ${before} to ${value}`);
    shown.set(key, Number(value));
  }
  for (const [, name, queue, value] of text.matchAll(/^(aicc_cti_queue_\w+_total)\{.*queue="(\d+)"\} (\S+)$/gm)) {
    const key = `${name} of queue ${queue}`;
    const before = shown.get(key) ?? 0;
    if (Number(value) < before) mistake(`${key} fell from ${before} to ${value}`);
    shown.set(key, Number(value));
  }
  if (samples.length !== 6 * VDNS.length) mistake(`${samples.length} counters were shown`);
  scrapes++;
}

/** Scrapes until a time. Scrapes that fail while the process is down are expected. */
async function scrapeUntil(address, time) {
  while (Date.now() < time) {
    await scrape(address);
    await delay(30_000);
  }
}

const FAULTS = [
  ...[
    { kind: 'unauthorized' },
    { kind: 'firewall' },
    { kind: 'status', status: 503 },
    { kind: 'throttled', seconds: 60 },
  ],
  ...[
    { kind: 'truncated' },
    { kind: 'reset' },
    { kind: 'cut' },
    { kind: 'hang' },
    { kind: 'code' },
    { kind: 'count', by: 3 },
  ],
  ...[{ kind: 'rows' }, { kind: 'silent' }, { kind: 'html' }],
];

console.log(`Soak of ${hours} hours at ${speed} times the speed, seed ${seed}`);
while (Date.now() < endAt) {
  const { child, address } = await startExporter();
  // A life of up to an hour, in which the API misbehaves now and then.
  const dieAt = Math.min(endAt, Date.now() + random() * HOUR_MS);
  while (Date.now() < dieAt) {
    const fault = FAULTS[Math.floor(random() * FAULTS.length)];
    simulator.setFaults(
      random() < 0.5 ? [] : [{ ...fault, probability: fault.kind === 'silent' ? undefined : random() }],
    );
    await scrapeUntil(address, Math.min(dieAt, Date.now() + random() * 600_000));
  }
  simulator.setFaults([]);
  // At any instant, but for one death in three right behind the end of a window, while it polls and stores.
  if (random() < 0.33) await delay(WINDOW_MS - (Date.now() % WINDOW_MS) + 10_000 + random() * 3_000);
  child.kill('SIGKILL');
  await new Promise((resolve) => child.once('exit', resolve));
  kills++;
  console.log(`${new Date().toISOString()} killed ${kills} times, ${scrapes} scrapes, ${wrong.size} mistakes`);
  await delay(random() < 0.5 ? 0 : random() * HOUR_MS);
}

// The last exporter: the API is well, sends nothing new, and everything it owes comes in.
simulator.setFaults([{ kind: 'silent' }]);
const { child, address } = await startExporter();
await scrapeUntil(address, Date.now() + 2 * HOUR_MS);
child.kill('SIGTERM');
await new Promise((resolve) => child.once('exit', resolve));

const [, body] = readFileSync(join(storage, 'soak.ledger'), 'utf8').split('\n');
let windows = 0;
for (const [vdn, { totals, deficit }] of JSON.parse(body).vdns) {
  const truth = { inbound: 0, answered: 0, outbound: 0, windows: 0 };
  for (let start = origin; start < Date.now(); start += WINDOW_MS) {
    const row = simulator.served(vdn, start);
    if (row === undefined) continue;
    for (const field of ['inbound', 'answered', 'outbound']) truth[field] += row[field];
    truth.windows++;
  }
  windows += truth.windows;
  for (const [field, value] of Object.entries(truth)) {
    const counted = totals[field] - (deficit?.[field] ?? 0);
    if (counted !== value) mistake(`${field} of VDN ${vdn}: counted ${counted}, the API says ${value}`);
  }
}

const SLOT_FIELDS = [
  'calls',
  'answered',
  'lost',
  'answeredWithin15s',
  'answeredWithin20s',
  'lostWithin15s',
  'lostWithin20s',
];
const [, queues] = readFileSync(join(storage, 'soak.queues'), 'utf8').split('\n');
let slots = 0;
for (const [vdn, accounts] of JSON.parse(queues).vdns) {
  for (const [queue, account] of accounts) {
    const { floor, counts, deficit, open, missing } = account;
    const truth = SLOT_FIELDS.map(() => 0);
    for (let start = origin; start < Date.now(); start += WINDOW_MS) {
      const slot = simulator.queues.slot(vdn, queue, start);
      for (const [index, field] of SLOT_FIELDS.entries()) truth[index] += slot[field];
    }
    slots += account.slots;
    // Each slot is counted or missing once. A queue that was known late has fewer.
    const settled = (floor - origin) / WINDOW_MS;
    if (account.slots + missing > settled + open.length)
      mistake(`queue ${queue}: ${account.slots} slots and ${missing} missing of ${settled} and ${open.length} open`);
    for (const [index, field] of SLOT_FIELDS.entries()) {
      const counted = counts[index] - deficit[index];
      if (counted > truth[index])
        mistake(`${field} of queue ${queue}: counted ${counted}, the API says ${truth[index]}`);
    }
  }
}
console.log(`${slots} slots of queues counted`);
await simulator.close();
rmSync(directory, { recursive: true, force: true });
if (unanswered > scrapes / 20) mistake(`${unanswered} scrapes got no response`);
console.log(
  `${windows} windows, ${kills} kills, ${scrapes} scrapes, ${unanswered} unanswered, ${wrong.size} mistakes (seed ${seed})`,
);
process.exit(wrong.size === 0 ? 0 : 1);
