// What the queries of rules and dashboards cost over many VDNs: `npm run query-cost [-- --vdns=5000 --hours=6]`. Fills a
// Prometheus with made-up series, every 15 s as a scrape leaves them and recording rules every minute, then times every
// rule and every panel query.
// Needs prometheus and promtool, 8 GB of memory, some 6 GB of temporary space, and about 15 minutes. The values lie in
// blocks: a Prometheus that has the last hours in memory takes about half as long.
import { execFileSync, spawn } from 'node:child_process';
import { createWriteStream, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { parse } from 'yaml';
import {
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
} from '../dist/exposition/metrics.js';

const { values: flags } = parseArgs({
  options: {
    vdns: { type: 'string', default: '5000' },
    hours: { type: 'string', default: '6' },
    limit: { type: 'string', default: '1' },
  },
});
const vdns = Number(flags.vdns);
const WINDOW = 300;
const BLOCK = 7200;
const WEEK = 7 * 86_400;
const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-query-cost-'));
const data = join(directory, 'data');

const GROUPS = parse(readFileSync('prometheus/aicc-cti.rules.yaml', 'utf8')).groups;
const secondsOf = (interval) => Number.parseInt(interval) * 60;
/** Records that every VDN has, and how often; those of a call center, of queues and of what is beyond a target are few. */
const records = GROUPS.flatMap(({ interval, rules }) =>
  rules.flatMap(({ record }) => (record === undefined ? [] : [{ record, every: secondsOf(interval) }])),
).filter(({ record }) => /^(instance_)?vdn:(?!\w+(_targets_missed|:queues))/.test(record));
const named = ',name="A line with a name"';
const threshold = (indicator, severity) => ({
  name: VDN_THRESHOLD.name,
  labels: `,indicator="${indicator}",severity="${severity}"`,
  every: 15,
  always: 0.5,
});

/** Every series of one VDN: name, further labels, seconds between samples, and whether it counts up or never changes. */
const SERIES = [
  ...WINDOW_METRICS.flatMap(({ name, samples }) =>
    samples.map(({ extra }) => ({ name, labels: extra === undefined ? '' : `,${extra[0]}="${extra[1]}"`, every: 15 })),
  ),
  { name: WINDOW_START.name, labels: '', every: 15 },
  { name: VDN_INFO.name, labels: `,cc_id="1"${named}`, every: 15, always: 1 },
  { name: VDN_OPEN.name, labels: '', every: 15, always: 1 },
  threshold('answer_ratio', 'warning'),
  threshold('answer_ratio', 'critical'),
  threshold('occupancy_ratio', 'warning'),
  threshold('unavailable_ratio', 'warning'),
  ...TOTAL_METRICS.map(({ name }) => ({ name, labels: '', every: 15, counts: true })),
  ...records.map(({ record, every }) => {
    const labels = record.endsWith(':named') ? named : '';
    return { name: record, labels, every, always: record.includes(WINDOW_START.name) ? undefined : 1 };
  }),
];

/** Writes one block of some series; the value changes with the window, as it does in the real ones. */
async function writeBlock(start, series) {
  const file = join(directory, 'block.txt');
  const out = createWriteStream(file, { highWaterMark: 1 << 22 });
  for (const { name, labels, every, counts, always } of series) {
    for (let vdn = 1; vdn <= vdns; vdn++) {
      // In these records replicas are one.
      const instance = name.startsWith('vdn:') ? '' : ',instance="a:10122"';
      const head = `${name}{call_center="hq",vdn="${vdn}"${labels}${instance},job="aicc-cti"} `;
      let text = '';
      for (let time = start; time < start + BLOCK; time += every) {
        const window = Math.floor((time - 15) / WINDOW);
        const made =
          always ?? (name.includes(WINDOW_START.name) ? (window - 1) * WINDOW : (vdn * 7919 + window * 104_729) % 41);
        text += `${head}${counts ? (window - Math.floor(start / BLOCK) * 24) * (vdn % 40) : made} ${time}\n`;
      }
      if (!out.write(text)) await once(out, 'drain');
    }
  }
  out.end('# EOF\n');
  await once(out, 'close');
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', file, data]);
  rmSync(file);
}

async function startPrometheus() {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const address = `127.0.0.1:${probe.address().port}`;
  await new Promise((resolve) => probe.close(resolve));
  const config = join(directory, 'prometheus.yml');
  writeFileSync(config, '{}');
  const child = spawn(
    'prometheus',
    [`--config.file=${config}`, `--storage.tsdb.path=${data}`, `--web.listen-address=${address}`],
    { stdio: 'ignore' },
  );
  for (let attempt = 0; attempt < 600; attempt++) {
    try {
      if ((await fetch(`http://${address}/-/ready`)).ok) return { child, url: `http://${address}/api/v1` };
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error('Prometheus did not come up in a minute');
}

/** @returns seconds, the best of three, as other programs can only add to it, and the number of series */
async function time(url, parameters) {
  const seconds = [];
  let series = 0;
  for (let run = 0; run < 3; run++) {
    const start = performance.now();
    const response = await fetch(url, { method: 'POST', body: new URLSearchParams(parameters) });
    const { status, error, data: result } = await response.json();
    seconds.push((performance.now() - start) / 1000);
    if (status !== 'success') throw new Error(`${error} in ${parameters.query}`);
    series = result.result.length;
  }
  return { seconds: Math.min(...seconds), series };
}

/** @returns seconds that Prometheus computes a rule, without the transfer of the result; the best of three */
async function timeRule(url, expr) {
  const parameters = new URLSearchParams({ query: `count(${expr})`, time: String(end - 15), stats: 'all' });
  const seconds = [];
  for (let run = 0; run < 3; run++) {
    const response = await fetch(`${url}/query`, { method: 'POST', body: parameters });
    const { data } = await response.json();
    seconds.push(data.stats.timings.execTotalTime);
  }
  return Math.min(...seconds);
}

/** The queries of a dashboard, with the panel that each belongs to. */
function queriesOf(name) {
  const { panels } = JSON.parse(readFileSync(`grafana/${name}.json`, 'utf8'));
  return panels
    .flatMap((panel) => [panel, ...(panel.panels ?? [])])
    .flatMap(({ title, interval, targets = [] }) => targets.map((target) => ({ title, interval, ...target })));
}

/** Puts values where Grafana puts them; today is as long as the data. `$1` belongs to label_replace. */
function grafana(expr, vdn) {
  const values = { __rate_interval: '5m', __interval: '5m', __range: `${flags.hours}h`, vdn };
  return expr.replace(/\$([a-z_]\w*)/g, (_, name) => values[name] ?? '.+');
}

const end = Math.floor(Date.now() / 1000 / BLOCK) * BLOCK;
const from = end - Number(flags.hours) * 3600;
let children = [];
try {
  const PAST = ['aicc_cti_window_inbound_calls', 'vdn:aicc_cti_calls:window15m'];
  const lastWeek = SERIES.filter(({ name }) => PAST.includes(name));
  for (let start = from; start < end; start += BLOCK) {
    console.error(`Writing ${SERIES.length * vdns} series, ${(end - start) / 3600} hours to go`);
    await writeBlock(start - WEEK, lastWeek);
    await writeBlock(start, SERIES);
  }
  const { child, url } = await startPrometheus();
  children = [child];

  console.log('| rule group | interval | rules | seconds |\n|---|---|---|---|');
  let ofMinute = 0;
  for (const { name, interval, rules } of GROUPS) {
    let seconds = 0;
    for (const { expr } of rules) seconds += await timeRule(url, expr);
    ofMinute += (seconds * 60) / secondsOf(interval);
    console.log(`| ${name} | ${interval} | ${rules.length} | ${seconds.toFixed(2)} |`);
  }
  console.log(`\nThe rules take ${ofMinute.toFixed(2)} s of each minute, one after the other.\n`);

  // The dashboard of the exporter has a handful of series, and that of a line asks for one VDN.
  console.log(`| dashboard | panel | query | now, s | ${flags.hours} hours, s | series |\n|---|---|---|---|---|---|`);
  let worst = 0;
  for (const [name, vdn] of [
    ['aicc-cti-wall', '.+'],
    ['aicc-cti', '.+'],
    ['aicc-cti-vdn', '7'],
  ]) {
    for (const { title, refId, interval, expr, instant } of queriesOf(name)) {
      const query = grafana(expr, vdn);
      const now = await time(`${url}/query`, { query, time: end - 15 });
      const range = instant
        ? undefined
        : await time(`${url}/query_range`, { query, start: from, end: end - 15, step: interval });
      worst = Math.max(worst, range?.seconds ?? now.seconds);
      const seconds = [now.seconds.toFixed(2), range?.seconds.toFixed(2) ?? ''];
      console.log(`| ${[name, title, refId, ...seconds, range?.series ?? now.series].join(' | ')} |`);
    }
  }
  console.log(`\nThe slowest takes ${worst.toFixed(2)} s.`);
  process.exitCode = worst > Number(flags.limit) ? 1 : 0;
} finally {
  for (const child of children) child.kill();
  await Promise.all(children.map((child) => once(child, 'exit')));
  rmSync(directory, { recursive: true, force: true });
}
