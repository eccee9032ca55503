// `npm run demo -- --stack`: simulator, exporter, Prometheus with two weeks of history, Alertmanager, and a webhook that
// prints alerts; all on loopback, without containers. Needs prometheus and alertmanager. Ctrl-C ends everything.
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { loadConfig } from '../dist/config/load.js';
import { isOpen } from '../dist/config/opening-plan.js';
import { startSimulator } from '../dist/simulator/simulator.js';
import { writeHistory, writeRecords } from './history.mjs';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const { values: flags } = parseArgs({
  options: {
    stack: { type: 'boolean' }, // demo.mjs looks at it
    days: { type: 'string', default: '14' },
    vdns: { type: 'string', default: '12' },
    config: { type: 'string', default: here('demo-config.yaml') },
    rules: { type: 'string', default: here('../prometheus/aicc-cti.rules.yaml') },
    prometheus: { type: 'string', default: here('../prometheus/prometheus.yml') },
    alertmanager: { type: 'string', default: here('../prometheus/alertmanager.yml') },
    faults: { type: 'string', default: '[]' },
    flat: { type: 'boolean', default: false },
    'any-port': { type: 'boolean', default: false },
  },
});
const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-stack-'));
const data = join(directory, 'data');
const children = [];
let stopping = false;

async function stop(exitCode) {
  if (stopping) return;
  stopping = true;
  const running = children.filter(({ exitCode: code, signalCode }) => code === null && signalCode === null);
  const gone = Promise.all(running.map((child) => once(child, 'exit')));
  for (const child of running) child.kill('SIGTERM');
  await gone;
  rmSync(directory, { recursive: true, force: true });
  process.exit(exitCode);
}
process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));

/** Starts a program whose last words are printed when it ends by itself: nothing here works without it. */
function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const last = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => last.push(line) > 10 && last.shift());
  }
  const end = (reason) => {
    if (stopping || child.isExpected) return;
    console.error(`${program} ended: ${reason}\n${last.join('\n')}`);
    void stop(1);
  };
  child.on('error', ({ message }) => end(message));
  child.on('exit', (code) => end(`exit code ${code}`));
  children.push(child);
  return child;
}

async function until(what, check) {
  for (let attempt = 0; attempt < 300 && !stopping; attempt++) {
    try {
      if (await check()) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not come up in 30 s`);
}
const isReady = async (url) => (await fetch(url)).ok;
/** The first of these programs that is installed; Debian calls Alertmanager by another name than its authors. */
function installed(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.find((name) => folders.some((folder) => existsSync(join(folder, name))));
  if (found === undefined) {
    throw new Error(`${names[0]} is not on the PATH: apt-get install prometheus prometheus-alertmanager`);
  }
  return found;
}

/** The wanted port, or any that is free. */
async function port(wanted) {
  const server = createServer().listen(flags['any-port'] ? 0 : wanted, '127.0.0.1');
  await once(server, 'listening');
  const { port: found } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return found;
}

/** One line an alert, for whoever reads the terminal. */
function printAlerts(request, response) {
  let body = '';
  request.on('data', (chunk) => (body += chunk));
  request.on('end', () => {
    response.end();
    for (const { status, labels, annotations } of JSON.parse(body).alerts) {
      const text = status === 'firing' ? `${annotations.summary}. ${annotations.description}` : annotations.summary;
      const time = new Date().toISOString().slice(11, 19);
      console.log(
        `${time} alert for ${request.url.slice(1)}: ${status} ${labels.severity} ${labels.alertname}: ${text}`,
      );
    }
  });
}

/** An example configuration with what differs on loopback; relative rule files stay relative. */
function adapt(file, name, replacements) {
  const text = replacements.reduce((all, [from, to]) => all.replaceAll(from, to), readFileSync(file, 'utf8'));
  writeFileSync(join(directory, name), text);
  return join(directory, name);
}

/** Whether a line was open at a time in seconds, by the configuration. */
function openings({ callCenters }) {
  const plans = callCenters.flatMap(({ name, vdns }) => vdns.map((vdn) => [`${name}/${vdn.id}`, vdn.openingHours]));
  const planOf = new Map(plans.filter(([, plan]) => plan !== undefined));
  return (callCenter, vdn, seconds) => {
    const plan = planOf.get(`${callCenter}/${vdn}`);
    return plan === undefined || isOpen(plan, seconds * 1000);
  };
}

/** Makes blocks of OpenMetrics text, few and long ones: promtool reads the whole text once for each. */
const importInto = (folder, file) =>
  promisify(execFile)('promtool', [
    ...['tsdb', 'create-blocks-from', '--max-block-duration=720h', 'openmetrics', '--quiet', file, folder],
  ]);

async function main() {
  installed('prometheus');
  installed('promtool');
  const alertmanagerProgram = installed('prometheus-alertmanager', 'alertmanager');
  const ports = { exporter: await port(10122), prometheus: await port(9090), alertmanager: await port(9093) };
  const [exporter, prometheus, alertmanager] = Object.values(ports).map((number) => `127.0.0.1:${number}`);

  const webhook = createServer(printAlerts).listen(flags['any-port'] ? 0 : 9095, '127.0.0.1');
  await once(webhook, 'listening');

  const simulator = await startSimulator({
    tls: true,
    control: true,
    flat: flags.flat,
    vdns: Array.from({ length: Number(flags.vdns) }, (_, index) => index + 1),
  });
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, simulator.caPem);
  simulator.setFaults(JSON.parse(flags.faults));

  const env = { DEMO_URL: simulator.url, DEMO_CA_FILE: caFile };
  const child = start(
    process.execPath,
    [here('../dist/main.js'), `--config.file=${flags.config}`, `--web.listen-address=${exporter}`],
    env,
  );
  const wasOpen = openings(await loadConfig(flags.config, env));
  await until('The exporter', () => isReady(`http://${exporter}/-/ready`));
  // From here on it may be killed, to see what Prometheus says of it.
  child.isExpected = true;

  console.log(`Writing ${flags.days} days of history ...`);
  const to = Math.floor(Date.now() / 300_000) * 300;
  const from = to - Number(flags.days) * 86_400;
  const past = join(directory, 'past.txt');
  const scrape = await (await fetch(`http://${exporter}/metrics`)).text();
  await writeHistory(past, {
    scrape,
    served: (vdn, start) => simulator.served(vdn, start),
    isOpen: wasOpen,
    from,
    to,
    target: `instance="${exporter}",job="aicc-cti"`,
  });
  mkdirSync(data);
  await importInto(data, past);

  const rules = adapt(flags.rules, 'aicc-cti.rules.yaml', []);
  const configuration = adapt(flags.prometheus, 'prometheus.yml', [
    ['aicc-cti-exporter:10122', exporter],
    ['alertmanager:9093', alertmanager],
  ]);
  const startPrometheus = async (config) => {
    const child = start('prometheus', [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=90d',
      // What fires before Alertmanager is discovered is sent again soon.
      '--rules.alert.resend-delay=5s',
      `--web.listen-address=${prometheus}`,
    ]);
    await until('Prometheus', () => isReady(`http://${prometheus}/-/ready`));
    return child;
  };

  // The recording rules of the past: a Prometheus without targets evaluates them over the history.
  const idle = join(directory, 'idle.yml');
  writeFileSync(idle, '{}');
  const first = await startPrometheus(idle);
  const records = join(directory, 'records.txt');
  await writeRecords(records, { url: `http://${prometheus}`, rules: readFileSync(rules, 'utf8'), from, to });
  first.isExpected = true;
  first.kill('SIGTERM');
  await once(first, 'exit');
  await importInto(data, records);

  start(alertmanagerProgram, [
    `--config.file=${adapt(flags.alertmanager, 'alertmanager.yml', [
      ['127.0.0.1:9095', `127.0.0.1:${webhook.address().port}`],
      // Alerts are printed at any hour.
      ['active_time_intervals: [opening-hours]', ''],
    ])}`,
    `--storage.path=${join(directory, 'alertmanager')}`,
    `--web.listen-address=${alertmanager}`,
    '--cluster.listen-address=',
  ]);
  await until('Alertmanager', () => isReady(`http://${alertmanager}/-/ready`));
  await startPrometheus(configuration);

  if (flags['any-port']) {
    const urls = { exporter, prometheus, alertmanager, simulator: simulator.url };
    console.log(`STACK ${JSON.stringify({ ...urls, exporterPid: child.pid })}`);
  }
  console.log(`
  http://${exporter}/                exporter
  http://${prometheus}/alerts         Prometheus: rules, alerts, ${flags.days} days of history
  http://${alertmanager}/               Alertmanager

Import grafana/aicc-cti.json into a Grafana with http://${prometheus} as its Prometheus data source.
Make something happen, and see the alert below (a window takes 5 minutes):

  curl -sk ${simulator.url}/-/faults -d '[{"kind":"noAgents","vdns":[2]}]'      ([] mends it)
  kill ${child.pid}      (the exporter)

Alerts are printed here. Ctrl-C ends everything.
`);
}

await main().catch((error) => {
  console.error(error.stderr || error.message);
  return stop(1);
});
await once(process, 'exit');
