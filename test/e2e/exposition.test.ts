import { spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createExposition } from '../../src/exposition/exposition.ts';
import { metricsHandler } from '../../src/http/metrics-handler.ts';
import type { CallCenterSnapshot } from '../../src/exposition/snapshot-store.ts';
import { createSelfMetrics } from '../../src/exposition/runtime-metrics.ts';
import { createTelemetry, type SelfMetrics } from '../../src/exposition/self-metrics.ts';
import { installed } from '../support/installed.ts';
import { parseExposition } from '../support/parse-exposition.ts';
import { snapshot, vdnState } from '../support/snapshots.ts';
import { startPrometheus, startVictoriaMetrics, type MonitoringServer } from '../support/monitoring.ts';

const NASTY = 'Ünïcode 客服 🎧 "quoted" back\\slash \\n line\nfeed';

const STRICT_PARSER = [
  'import sys',
  'from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse',
  'text = sys.stdin.buffer.read().decode()',
  'print(sum(len(family.samples) for family in parse(text)))',
].join('\n');

/** A Python that has the parser: pip's, or that of Debian's python3-prometheus-client. */
function pythonWithParser(): string | undefined {
  const found = ['python3', '/usr/bin/python3'].find(
    (python) => spawnSync(python, ['-c', 'import prometheus_client.openmetrics.parser']).status === 0,
  );
  if (found === undefined) {
    process.stderr.write('Skipped the strict OpenMetrics parser: apt-get install python3-prometheus-client\n');
  }
  return found;
}
const PYTHON = pythonWithParser();

/** The states that a scrape can meet. */
const STATES: Readonly<Record<string, readonly CallCenterSnapshot[]>> = {
  'no call center': [],
  'a call center before its first poll': [
    snapshot('headquarters', [vdnState(1, { window: undefined, ccId: undefined }), vdnState(2, { window: undefined })]),
  ],
  'fresh data of several call centers': [
    snapshot('headquarters', [vdnState(1, { name: NASTY, labels: { team: NASTY } }), vdnState(2)]),
    snapshot(`branch "${NASTY}"`, 3),
  ],
  'one call center stale, one fresh': [
    snapshot('headquarters', [vdnState(1, { window: undefined })]),
    snapshot('branch', 700),
  ],
  'extreme values': [
    snapshot('headquarters', [
      vdnState(2 ** 31 - 1, {
        window: { vdn: 1, start: 0, answerRate: 33.333333333333336, inbound: 2 ** 31 - 1, talking: 0 },
        totals: { inbound: 2 ** 53 - 1, answered: 1e21, outbound: 0, windows: 1, revised: 0, missing: 0 },
      }),
    ]),
  ],
};

function exposeAll(snapshots: readonly CallCenterSnapshot[], selfMetrics: () => Promise<SelfMetrics>) {
  return createExposition({
    sources: () => snapshots.map((current) => ({ name: current.callCenter, snapshot: () => current })),
    labelNames: () => ['team'],
    now: () => 0,
    selfMetrics,
  });
}

function telemetryOf(snapshots: readonly CallCenterSnapshot[]) {
  const telemetry = createTelemetry('1.2.3');
  for (const { callCenter } of snapshots) {
    const own = telemetry.callCenter(callCenter);
    own.poll({ durationSeconds: 1.5, endedAt: 1_763_460_310, failure: 'tls' });
    own.settled(31);
  }
  return telemetry;
}

describe.each(Object.entries(STATES))('the page with %s', (_, snapshots) => {
  // Collected once, as the first collection of garbage adds series between one page and the next.
  const own = createSelfMetrics(telemetryOf(snapshots), systemClock)();
  const exposition = exposeAll(snapshots, () => own);

  async function page(format: 'text' | 'openmetrics'): Promise<Buffer> {
    return Buffer.concat((await exposition.scrape({ format, encoding: 'identity' }))?.chunks ?? []);
  }

  // promtool knows the classic format only: of OpenMetrics it would request the HELP of names that end in _total.
  it.runIf(installed('promtool'))('passes promtool check metrics', async () => {
    const { status, stderr } = spawnSync('promtool', ['check', 'metrics'], { input: await page('text') });
    expect([stderr.toString(), status]).toEqual(['', 0]);
  });

  it.runIf(PYTHON !== undefined)("passes prometheus_client's OpenMetrics parser", async () => {
    const body = await page('openmetrics');
    const { stdout, stderr } = spawnSync(PYTHON ?? '', ['-c', STRICT_PARSER], { input: body });
    expect(stderr.toString()).toBe('');
    const own = [...parseExposition(body.toString(), 'openmetrics').values()];
    expect(Number(stdout.toString())).toBe(own.reduce((sum, { samples }) => sum + samples.length, 0));
  });

  it('passes our own strict parser in both formats, with the same samples', async () => {
    const count = async (format: 'text' | 'openmetrics') =>
      [...parseExposition((await page(format)).toString(), format).values()].flatMap(({ samples }) => samples).length;
    expect(await count('text')).toBe(await count('openmetrics'));
  });
});

describe.each([
  ['prometheus', startPrometheus, 'application/openmetrics-text; version=1.0.0; charset=utf-8'],
  ['victoria-metrics', startVictoriaMetrics, 'text/plain; version=0.0.4; charset=utf-8'],
] as const)('%s', (program, start, contentType) => {
  const snapshots = STATES['fresh data of several call centers'] ?? [];
  const responses = new Set<string>();
  let server: Server;
  let monitoring: MonitoringServer | undefined;
  let samples: number;

  beforeAll(async () => {
    const own = await telemetryOf(snapshots).collect(); // Collected once, so that the number of samples stays.
    const exposition = exposeAll(snapshots, () => Promise.resolve(own));
    const handler = metricsHandler(exposition);
    server = createServer((req, res) => {
      res.on('finish', () => {
        responses.add(`${String(res.getHeader('content-type'))} ${String(res.getHeader('content-encoding'))}`);
      });
      void handler(req, res);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text();
    samples = [...parseExposition(text, 'text').values()].flatMap((family) => family.samples).length;
    responses.clear();
    if (installed(program)) monitoring = await start({ static_configs: [{ targets: [`127.0.0.1:${port}`] }] });
  });

  afterAll(async () => {
    await monitoring?.stop();
    server.closeAllConnections();
    server.close();
  });

  it.runIf(installed(program))('scrapes every sample, gzipped, in the format it prefers', async () => {
    if (monitoring === undefined) throw new Error('not started');
    const [scraped] = await monitoring.until('scrape_samples_scraped > 0');
    expect(Number(scraped?.value[1])).toBe(samples);
    expect((await monitoring.query('up'))[0]?.value[1]).toBe('1');
    expect([...responses]).toEqual([`${contentType} gzip`]);
  });

  it.runIf(installed(program))('reads values, totals and names as they are', async () => {
    if (monitoring === undefined) throw new Error('not started');
    const where = '{call_center="headquarters",vdn="1"}';
    const ratio = await monitoring.until(`aicc_cti_window_inbound_answer_ratio${where}`);
    expect(ratio[0]?.value[1]).toBe('0.29');
    expect((await monitoring.query(`aicc_cti_inbound_calls_total${where}`))[0]?.value[1]).toBe('1001');
    const [info] = await monitoring.query(`aicc_cti_vdn_info${where}`);
    expect(info?.metric).toMatchObject({ name: NASTY, team: NASTY, cc_id: '1' });
    expect(await monitoring.query('count by (call_center) (aicc_cti_vdn_info)')).toHaveLength(2);
  });
});
