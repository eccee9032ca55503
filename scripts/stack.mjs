// `npm run demo -- --stack`: simulator, exporter, Prometheus with two weeks of history, Alertmanager, and a webhook that
// prints alerts; all on loopback, without containers. Needs prometheus and alertmanager. Ctrl-C ends everything.
import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs, promisify } from 'node:util';
import { loadConfig } from '../dist/config/load.js';
import { isOpen } from '../dist/config/opening-plan.js';
import { startSimulator } from '../dist/simulator/simulator.js';
import { recordLevels, writeHistory, writeRecords } from './history.mjs';
import { directory, installed, port, ready, start, stop } from './stack/programs.mjs';
import { startWebhook } from './stack/webhook.mjs';

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
const data = join(directory, 'data');
process.on('SIGINT', () => stop(0));
process.on('SIGTERM', () => stop(0));
const freePort = (wanted) => port(flags['any-port'] ? 0 : wanted);

/**
 * What a command of the demo does, to the emergency line, which never closes. It started half an hour ago, so that the
 * newest window already shows it.
 */
const FAULTS = {
  none: [],
  noAgents: [{ kind: 'noAgents', vdns: [1] }],
  lowAnswer: [{ kind: 'lowAnswer', vdns: [1], ratio: 0.3 }],
};

/** An example configuration with what differs in this demo; relative files stay relative. */
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

/** Turns the minutes of `for` into seconds, so that alerts fire quickly; windows still take five real minutes. */
const SHORT_WAITS = [
  [/^( +for): (\d+)m$/gm, '$1: $2s'],
  [/^( +interval): \d+m$/gm, '$1: 5s'],
];

async function main() {
  installed('prometheus');
  installed('promtool');
  const alertmanagerProgram = installed('prometheus-alertmanager', 'alertmanager');
  const ports = [await freePort(10122), await freePort(9090), await freePort(9093)];
  const [exporter, prometheus, alertmanager] = ports.map((number) => `127.0.0.1:${number}`);

  const simulator = await startSimulator({
    tls: true,
    control: true,
    flat: flags.flat,
    // The emergency line has calls at any hour of the night.
    // At night, too, a window of the emergency line has enough calls to judge how many are answered.
    vdns: [{ id: 1, agents: 400, hours: 'always' }, ...Array.from({ length: Number(flags.vdns) - 1 }, (_, i) => i + 2)],
  });
  const caFile = join(directory, 'ca.pem');
  writeFileSync(caFile, simulator.caPem);
  simulator.setFaults(JSON.parse(flags.faults));

  const env = { DEMO_URL: simulator.url, DEMO_CA_FILE: caFile };
  const config = adapt(flags.config, 'config.yaml', []);
  const args = [`--config.file=${config}`, `--web.listen-address=${exporter}`];
  const child = start(process.execPath, [here('../dist/main.js'), ...args], env);
  const wasOpen = openings(await loadConfig(config, env));
  await ready('The exporter', `http://${exporter}/-/ready`);
  // From here on it may be killed, to see what Prometheus says of it.
  child.isExpected = true;

  const webhook = await startWebhook(flags['any-port'] ? 0 : 9095, async (name) => {
    if (!Object.hasOwn(FAULTS, name)) return false;
    simulator.setFaults(FAULTS[name].map((fault) => ({ ...fault, from: Date.now() - 1_800_000 })));
    // A changed configuration is polled at once.
    const text = readFileSync(config, 'utf8');
    writeFileSync(
      config,
      text.replace(/timeout: (9|10)s/, (_, seconds) => `timeout: ${seconds === '9' ? 10 : 9}s`),
    );
    return (await fetch(`http://${exporter}/-/reload`, { method: 'POST' })).ok;
  });

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

  const rules = adapt(flags.rules, 'aicc-cti.rules.yaml', SHORT_WAITS);
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
    await ready('Prometheus', `http://${prometheus}/-/ready`);
    return child;
  };

  // The recording rules of the past: a Prometheus without targets evaluates them over the history.
  const idle = join(directory, 'idle.yml');
  writeFileSync(idle, '{}');
  for (const level of recordLevels(readFileSync(rules, 'utf8'))) {
    const first = await startPrometheus(idle);
    const records = join(directory, 'records.txt');
    await writeRecords(records, { url: `http://${prometheus}`, records: level, from, to });
    first.isExpected = true;
    first.kill('SIGTERM');
    await once(first, 'exit');
    await importInto(data, records);
  }

  adapt(here('../prometheus/aicc-cti.tmpl'), 'aicc-cti.tmpl', []);
  start(alertmanagerProgram, [
    `--config.file=${adapt(flags.alertmanager, 'alertmanager.yml', [
      ['127.0.0.1:9095', `127.0.0.1:${webhook}`],
      [/(group_wait|group_interval): (30s|5m)/g, '$1: 5s'],
    ])}`,
    `--storage.path=${join(directory, 'alertmanager')}`,
    `--web.listen-address=${alertmanager}`,
    '--cluster.listen-address=',
  ]);
  await ready('Alertmanager', `http://${alertmanager}/-/ready`);
  await startPrometheus(configuration);

  if (flags['any-port']) {
    const urls = { exporter, prometheus, alertmanager, simulator: simulator.url };
    console.log(`STACK ${JSON.stringify({ ...urls, exporterPid: child.pid, config })}`);
  }
  console.log(`
  http://${exporter}/                exporter
  http://${prometheus}/alerts         Prometheus: rules, alerts, ${flags.days} days of history
  http://${alertmanager}/               Alertmanager

Import the dashboards of grafana/ into a Grafana with http://${prometheus} as its Prometheus data source.
Make something happen, at any hour, and see the alert below within two minutes (in this demo alerts wait seconds instead
of minutes):

  curl -X POST http://127.0.0.1:${webhook}/faults/noAgents       nobody takes the calls of the emergency line
  curl -X POST http://127.0.0.1:${webhook}/faults/lowAnswer      a third of its calls is answered
  curl -X POST http://127.0.0.1:${webhook}/faults/none           all is well
  kill ${child.pid}                                             the exporter is down

Alerts are printed here. Ctrl-C ends everything.
`);
}

await main().catch((error) => {
  console.error(error.stderr || error.message);
  return stop(1);
});
await once(process, 'exit');
