// Which alerts about lines would have fired: simulated traffic of the past in a real Prometheus, judged by the rules.
//   node scripts/replay-alerts.mjs [--from=TIME --to=TIME] [--config=FILE] [--faults=JSON] [--output=table|json]
// Needs `npm run build`, prometheus and promtool. Five weeks of 14 lines take some minutes and 2 GB of temporary space.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { parse } from 'yaml';
import { loadConfig } from '../dist/config/load.js';
import { isOpen } from '../dist/config/opening-plan.js';
import { startSimulator } from '../dist/simulator/simulator.js';
import { recordLevels, writeHistory, writeRecords } from './history.mjs';
import { directory, port, ready, start, stop } from './stack/programs.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: flags } = parseArgs({
  options: {
    from: { type: 'string', default: '2026-10-19T00:00:00Z' },
    to: { type: 'string', default: '2026-11-23T00:00:00Z' },
    config: { type: 'string', default: here('replay-config.yaml') },
    faults: { type: 'string', default: '[]' },
    output: { type: 'string', default: 'table' },
  },
});
const [from, to] = [flags.from, flags.to].map((time) => Math.floor(Date.parse(time) / 1000));
const STEP = 60;
const WINDOW = 300;
/** Prometheus gives at most 11,000 points a series. */
const MOST = 7 * 86_400;
/** What is before it has no last week, and less than the longest range. */
const WARM_UP = 86_400;
const data = join(directory, 'data');
const rules = readFileSync(here('../prometheus/aicc-cti.rules.yaml'), 'utf8');

const importFile = (file) =>
  promisify(execFile)('promtool', [
    ...['tsdb', 'create-blocks-from', '--max-block-duration=720h', 'openmetrics', '--quiet', file, data],
  ]);

/** A simulated CMS, and what an exporter shows of it today: the lines, their targets and hours. */
async function lines() {
  const { call_centers: centers } = parse(readFileSync(flags.config, 'utf8'));
  // The first line has calls at any hour of the night.
  const options = (id) => (id === 1 ? { id, agents: 80, hours: 'always' } : { id });
  const vdns = centers.flatMap((center) => center.vdns.map(({ id }) => options(id)));
  const simulator = await startSimulator({ tls: true, vdns });
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, simulator.caPem);
  const env = { DEMO_URL: simulator.url, DEMO_CA_FILE: caFile };
  const address = `127.0.0.1:${await port(0)}`;
  const main = here('../dist/main.js');
  const exporter = start(
    process.execPath,
    [main, `--config.file=${flags.config}`, `--web.listen-address=${address}`],
    env,
  );
  await ready('The exporter', `http://${address}/-/ready`);
  const scrape = await (await fetch(`http://${address}/metrics`)).text();
  exporter.isExpected = true;
  exporter.kill();
  const config = await loadConfig(flags.config, env);
  const plans = new Map(
    config.callCenters.flatMap(({ name, vdns }) => vdns.map((vdn) => [`${name}/${vdn.id}`, vdn.openingHours])),
  );
  const wasOpen = (center, vdn, seconds) => {
    const plan = plans.get(`${center}/${vdn}`);
    return plan === undefined || isOpen(plan, seconds * 1000);
  };
  return { simulator, scrape, wasOpen };
}

async function startPrometheus() {
  const address = `127.0.0.1:${await port(0)}`;
  const config = join(directory, 'prometheus.yml');
  writeFileSync(config, '{}');
  const child = start('prometheus', [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    '--storage.tsdb.retention.time=10y',
    `--web.listen-address=${address}`,
  ]);
  await ready('Prometheus', `http://${address}/-/ready`);
  return { child, url: `http://${address}` };
}

/** Adds what recording rules would have recorded. */
async function record(records) {
  const { child, url } = await startPrometheus();
  const file = join(directory, 'records.txt');
  await writeRecords(file, { url, records, from, to });
  child.isExpected = true;
  child.kill();
  await once(child, 'exit');
  await importFile(file);
}

const minutes = (text = '0m') => Number(text.slice(0, -1)) * 60;

/** When an alert of one series fired, from the times at which its condition held. */
function firings(times, { for: wait, keep_firing_for: keep }) {
  const out = [];
  let [since, last] = [undefined, undefined];
  for (const time of times) {
    // Before it fires, one time without its condition starts the wait anew; after that it is kept.
    const isOver = last !== undefined && time - last > (last - since >= minutes(wait) ? minutes(keep) + STEP : STEP);
    if (since === undefined || isOver) since = time;
    last = time;
    const current = out.at(-1);
    if (current !== undefined && current.since === since) current.until = time;
    else if (time - since >= minutes(wait)) out.push({ since, fired: time, until: time });
  }
  return out;
}

/** What holds at a window holds until the next. */
const minutesOf = (time) => Array.from({ length: WINDOW / STEP }, (_, index) => time + index * STEP);

async function judge(url) {
  const alerts = parse(rules)
    .groups.flatMap((group) => group.rules)
    .filter(({ labels }) => labels?.component === 'aicc-cti' && labels.severity !== 'info');
  const found = [];
  for (const rule of alerts) {
    const times = new Map();
    for (let begin = from + WARM_UP; begin < to; begin += MOST) {
      // A second after each window: a record that ended with the window before is over by then, without a mark of its end.
      const end = Math.min(begin + MOST - WINDOW, to);
      const range = { start: String(begin + 1), end: String(end + 1), step: String(WINDOW) };
      const body = new URLSearchParams({ query: rule.expr, ...range });
      const response = await (await fetch(`${url}/api/v1/query_range`, { method: 'POST', body })).json();
      if (response.status !== 'success') throw new Error(`${rule.alert}: ${response.error}`);
      for (const { metric, values } of response.data.result)
        times.set(metric.vdn, [...(times.get(metric.vdn) ?? []), ...values.flatMap(([time]) => minutesOf(time - 1))]);
    }
    for (const [vdn, own] of times)
      for (const { fired, until } of firings(own, rule))
        found.push({ alert: rule.alert, severity: rule.labels.severity, vdn, fired, until });
  }
  return found.sort((a, b) => a.fired - b.fired);
}

function print(found) {
  const time = (seconds) => new Date(seconds * 1000).toISOString().slice(0, 16);
  console.log('| line | alert | severity | from | until |\n| --- | --- | --- | --- | --- |');
  for (const { vdn, alert, severity, fired, until } of found)
    console.log(`| ${vdn} | ${alert} | ${severity} | ${time(fired)} | ${time(until)} |`);
  const weeks = (to - from - WARM_UP) / (7 * 86_400);
  console.log(`\n${found.length} alerts in ${weeks.toFixed(1)} weeks.`);
}

try {
  const { simulator, scrape, wasOpen } = await lines();
  simulator.setFaults(
    JSON.parse(flags.faults).map((fault) => ({ ...fault, from: Date.parse(fault.from), to: Date.parse(fault.to) })),
  );
  const past = join(directory, 'past.txt');
  const served = (vdn, time) => simulator.served(vdn, time);
  await writeHistory(past, { scrape, served, isOpen: wasOpen, from, to, target: 'instance="a:10122",job="aicc-cti"' });
  mkdirSync(data);
  await importFile(past);
  for (const level of recordLevels(rules)) await record(level);
  const { url } = await startPrometheus();
  const found = await judge(url);
  if (flags.output === 'json') console.log(JSON.stringify(found));
  else print(found);
  await stop(0);
} catch (error) {
  console.error(error.stderr || error.message);
  await stop(1);
}
