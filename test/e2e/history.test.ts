import { execFileSync } from 'node:child_process';
import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../src/commands/audit.ts';
import { backfill } from '../../src/commands/backfill.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, workFolder } from '../support/command.ts';
import { fixedClock } from '../support/fake-clock.ts';
import { installed } from '../support/installed.ts';
import { type MonitoringServer, startPrometheusOn, startVictoriaMetricsForHistory } from '../support/monitoring.ts';

const WINDOW = 300_000;
const DAY = 86_400_000;
/** Real time: VictoriaMetrics refuses the future and what is past its retention. */
const TO = Math.floor(Date.now() / WINDOW) * WINDOW - 12 * WINDOW;
const FROM = TO - 40 * DAY;
const VDNS = [1, 2, 3];
const clock = fixedClock(TO + 3 * WINDOW);

const work = workFolder();
let simulator: Simulator;
let config: string;
const servers: MonitoringServer[] = [];

beforeAll(async () => {
  simulator = await startSimulator({ vdns: VDNS, now: () => clock.now() });
  const more = 'vdns: [{ id: 1, name: Sales }, 2, 3]';
  config = configFlag(work.path('config.yaml'), [{ name: 'hq', simulator, more }]);
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  await simulator.close();
  work.remove();
});

const iso = (ms: number): string => new Date(ms).toISOString();

async function written(format: string): Promise<string> {
  const args = [
    config,
    `--from=${iso(FROM)}`,
    `--to=${iso(TO)}`,
    `--format=${format}`,
    `--output=${work.path(format)}`,
  ];
  const { code, stderr } = await run(backfill, args, { clock });
  expect(code).toBe(0);
  expect(stderr).toContain('34,560 windows');
  return work.path(format);
}

function audited(server: MonitoringServer, from = FROM, flag = config): Promise<Ran> {
  const args = [flag, `--prometheus.url=${server.url}`, `--from=${iso(from)}`, `--to=${iso(TO)}`];
  return run(audit, args, { clock });
}

/** Blocks of a file, and a Prometheus on them. */
async function prometheusWith(file: string): Promise<MonitoringServer> {
  const blocks = `${file}-blocks`;
  execFileSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', '--max-block-duration=744h', file, blocks], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  const server = await startPrometheusOn(blocks);
  servers.push(server);
  await server.until('vector(1)');
  return server;
}

async function imported(server: MonitoringServer, body: string | Buffer): Promise<void> {
  const response = await fetch(`${server.url}/api/v1/import/prometheus`, { method: 'POST', body });
  expect(response.status).toBe(204);
  await fetch(`${server.url}/internal/force_flush`);
}

/** What all series of the exporter show at the end of a window, by metric, VDN and state. */
async function shownAt(server: MonitoringServer, start: number): Promise<Map<string, number>> {
  const time = `@ ${(start + WINDOW) / 1000}`;
  const names = '{__name__=~"aicc_cti_(agents|agents_online|inbound_calls_total|outbound_calls_total|windows_total)"';
  // VictoriaMetrics drops the name of what went through a function: this is a plain selector.
  const result = await server.query(`${names},call_center="hq"} ${time}`);
  return new Map(
    result.map(({ metric: { __name__: name = '', vdn = '', state = '' }, value }) => [
      `${name}/${vdn}/${state}`,
      Number(value[1]),
    ]),
  );
}

/** The truth in the same form; counters are summed from FROM on. */
function truthAt(start: number): Map<string, number> {
  const truth = new Map<string, number>();
  for (const vdn of VDNS) {
    const { agentsOnline, talking, idle, busy, resting } = simulator.truth(vdn, start);
    truth.set(`aicc_cti_agents_online/${vdn}/`, agentsOnline);
    for (const [state, value] of Object.entries({ talking, idle, busy, resting })) {
      truth.set(`aicc_cti_agents/${vdn}/${state}`, value);
    }
    let [inbound, outbound, windows] = [0, 0, 0];
    for (let at = FROM; at <= start; at += WINDOW, windows++) {
      const window = simulator.truth(vdn, at);
      inbound += window.inbound;
      outbound += window.outbound;
    }
    truth.set(`aicc_cti_inbound_calls_total/${vdn}/`, inbound);
    truth.set(`aicc_cti_outbound_calls_total/${vdn}/`, outbound);
    truth.set(`aicc_cti_windows_total/${vdn}/`, windows);
  }
  return truth;
}

async function expectRandomWindows(server: MonitoringServer): Promise<void> {
  const count = (TO - FROM) / WINDOW;
  const picked = Array.from({ length: 25 }, () => Math.floor(Math.random() * count));
  for (const index of [0, count - 1, ...picked]) {
    const start = FROM + index * WINDOW;
    const shown = await shownAt(server, start);
    expect([...shown].sort(), iso(start)).toEqual([...truthAt(start)].sort());
  }
}

/**
 * Counters as two exporters would have shown them, scraped every 15 seconds: x is restarted and begins at 0 again,
 * y did not run for an hour.
 */
function scraped(from: number): string {
  const lines: string[] = [];
  for (const vdn of VDNS) {
    const totals = {
      x: { inbound: 700, answered: 600, outbound: 5, windows: 90 },
      y: { inbound: 0, answered: 0, outbound: 0, windows: 0 },
    };
    let next = from;
    for (let at = from + 7_000; at < TO + WINDOW; at += 15_000) {
      if (at - 7_000 === from + 20 * WINDOW) totals.x = { inbound: 0, answered: 0, outbound: 0, windows: 0 };
      // A window is counted 12 seconds after its end.
      while (next + WINDOW + 12_000 <= at) {
        const { inbound, answered, outbound } = simulator.truth(vdn, next);
        const isDown = next >= from + 30 * WINDOW && next < from + 42 * WINDOW;
        for (const one of isDown ? [totals.x] : [totals.x, totals.y]) {
          one.inbound += inbound;
          one.answered += answered;
          one.outbound += outbound;
          one.windows++;
        }
        next += WINDOW;
      }
      for (const [instance, { inbound, answered, outbound, windows }] of Object.entries(totals)) {
        const labels = `{call_center="live",vdn="${vdn}",instance="${instance}"}`;
        lines.push(`aicc_cti_inbound_calls_total${labels} ${inbound} ${at}`);
        lines.push(`aicc_cti_inbound_calls_answered_total${labels} ${answered} ${at}`);
        lines.push(`aicc_cti_outbound_calls_total${labels} ${outbound} ${at}`);
        lines.push(`aicc_cti_windows_total${labels} ${windows} ${at}`);
      }
    }
  }
  return `${lines.join('\n')}\n`;
}

const LIVE_FROM = TO - 5 * 3_600_000;

function liveConfig(): string {
  return configFlag(work.path('live.yaml'), [{ name: 'live', simulator, more: 'vdns: [1-3]' }]);
}

describe.runIf(installed('prometheus') && installed('promtool'))('40 days in a real Prometheus', () => {
  let file: string;
  let server: MonitoringServer;
  beforeAll(async () => {
    file = await written('openmetrics');
    const text = readFileSync(file, 'utf8');
    const live = scraped(LIVE_FROM).replaceAll(/ (\d+)(\d{3})\n/g, ' $1.$2\n');
    writeFileSync(work.path('with-live'), text.replace('# EOF\n', `${live}# EOF\n`));
    server = await prometheusWith(work.path('with-live'));
  });

  test('random windows come back as they were', async () => {
    await expectRandomWindows(server);
  });

  test('the audit is clean', async () => {
    const { code, stdout } = await audited(server);
    expect(stdout).toMatch(/^OK: the API and Prometheus agree: .*, 3 VDNs, inbound [\d,]+, .*, windows 34,560\n$/);
    expect(code).toBe(0);
  });

  test('the audit of scraped counters is clean over a restart, with a replica that missed an hour', async () => {
    const { code, stdout } = await audited(server, LIVE_FROM, liveConfig());
    expect(stdout).toMatch(/^OK: .*, 3 VDNs, .*windows 180\n$/);
    expect(code).toBe(0);
  });

  test('the audit tells of one falsified sample', async () => {
    const text = readFileSync(file, 'utf8');
    const series = 'aicc_cti_inbound_calls_total{call_center="hq",vdn="2"}';
    const start = text.lastIndexOf(`\n${series}`) + 1;
    const end = text.indexOf('\n', start);
    const [value, time] = text.slice(start + series.length + 1, end).split(' ');
    const falsified = `${text.slice(0, start)}${series} ${Number(value) + 1} ${time ?? ''}${text.slice(end)}`;
    writeFileSync(work.path('falsified'), falsified);
    const { code, stdout } = await audited(await prometheusWith(work.path('falsified')));
    const lines = stdout.split('\n');
    expect(lines[0]).toMatch(/^hq VDN 2: aicc_cti_inbound_calls_total: API \d+, Prometheus \d+ \(\+1\)$/);
    expect(lines[1]).toMatch(/^1 of 3 VDNs differs: /);
    expect(code).toBe(1);
  });

  test('the audit of a call center without series lists all of it', async () => {
    const other = configFlag(work.path('other.yaml'), [{ name: 'other', simulator, more: 'vdns: [1]' }]);
    const { code, stdout } = await audited(server, TO - DAY, other);
    expect(stdout).toContain('other VDN 1: aicc_cti_windows_total: API 288, Prometheus no series (-288)\n');
    expect(code).toBe(1);
  });
});

describe.runIf(installed('victoria-metrics'))('40 days in a real VictoriaMetrics', () => {
  let server: MonitoringServer;
  beforeAll(async () => {
    const file = await written('victoriametrics');
    server = await startVictoriaMetricsForHistory();
    servers.push(server);
    await server.until('vector(1)');
    appendFileSync(file, scraped(LIVE_FROM));
    await imported(server, readFileSync(file));
  });

  test('random windows come back as they were', async () => {
    await expectRandomWindows(server);
  });

  test('the audit is clean, of history and of scraped counters', async () => {
    expect(await audited(server)).toMatchObject({ code: 0 });
    expect(await audited(server, LIVE_FROM, liveConfig())).toMatchObject({ code: 0 });
  });

  test('the audit is clean when the choice of VDNs is left to the API', async () => {
    const all = configFlag(work.path('all.yaml'), [{ name: 'hq', simulator, more: 'vdns: all' }]);
    const { code, stdout } = await audited(server, TO - DAY, all);
    expect(stdout).toMatch(/^OK: .*, 3 VDNs, .*windows 864\n$/);
    expect(code).toBe(0);
  });

  test('the audit tells of one falsified sample', async () => {
    const last = truthAt(TO - WINDOW).get('aicc_cti_outbound_calls_total/3/') ?? 0;
    const series = 'aicc_cti_outbound_calls_total{call_center="hq",vdn="3"}';
    await imported(server, `${series} ${last + 2} ${TO + 60_000}\n`);
    const { code, stdout } = await audited(server);
    expect(stdout).toContain(`hq VDN 3: aicc_cti_outbound_calls_total: API ${last}, Prometheus ${last + 2} (+2)\n`);
    expect(code).toBe(1);
  });
});
