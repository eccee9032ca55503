import { describe, expect, it } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { installed } from '../support/installed.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';
import { type MonitoringServer, startPrometheus } from '../support/monitoring.ts';
import { cleanup } from '../support/cleanup.ts';

const NAMES = ['headquarters', 'branch', 'north & south', 'night/desk'];

const center = (name: string, { url }: Simulator, vdns: string) => `  - name: ${JSON.stringify(name)}
    url: ${url}
    cc_id: 1
    access_key: demo-access-key
    secret_key: demo-secret-key
    vdns: [${vdns}]
`;

async function keep<T extends { stop(): Promise<void> }>(starting: Promise<T>): Promise<T> {
  const started = await starting;
  cleanup(() => started.stop());
  return started;
}

async function simulate(): Promise<Simulator> {
  const simulator = await startSimulator({ flat: true });
  cleanup(() => simulator.close());
  return simulator;
}

async function run(names: readonly string[], simulator: Simulator, vdns = '1-12'): Promise<RunningExporter> {
  const exporter = await keep(
    startExporter(`call_centers:\n${names.map((name) => center(name, simulator, vdns)).join('')}`),
  );
  await eventually(async () => (await exporter.get('/-/ready')) === 'Ready\n');
  return exporter;
}

/** Everything with a vdn label, as Prometheus should have it. */
const WINDOW_SERIES = '{__name__=~"aicc_cti_(agents.*|window_.*|inbound_.*|outbound_.*|windows_.*|vdn_.*)"}';

const truthOf = (simulator: Simulator, start: number) =>
  simulator.vdns.reduce((sum, vdn) => sum + simulator.truth(vdn, start).talking, 0);

describe.runIf(installed('prometheus'))('service discovery with a real Prometheus', () => {
  it('gives each call center a target of its own, and every series once', async () => {
    const exporter = await run(NAMES, await simulate());
    const { host } = new URL(exporter.url);
    const prometheus = await keep(
      startPrometheus({ http_sd_configs: [{ url: `${exporter.url}/sd`, refresh_interval: '1s' }] }),
    );
    await prometheus.untilValue('count(up == 1)', NAMES.length);

    const up = (await prometheus.query('up')).map(({ metric }) => metric);
    expect(up.map(({ instance }) => instance).sort()).toEqual(NAMES.map((name) => `${host}/${name}`).sort());
    for (const metric of up) expect(Object.keys(metric).sort()).toEqual(['__name__', 'instance', 'job']);
    expect((await prometheus.query('scrape_samples_scraped')).length).toBe(NAMES.length);

    const own = (await prometheus.query('aicc_cti_up')).map(({ metric }) => metric);
    expect(own.map(({ call_center: name, instance }) => [name, instance])).toEqual(
      own.map(({ call_center: name }) => [name, `${host}/${name ?? ''}`]),
    );
    expect(await prometheus.query('{exported_call_center!=""}')).toEqual([]);
    expect(await prometheus.query('{exported_instance!=""}')).toEqual([]);
    expect(await prometheus.query('count by (call_center, vdn) (aicc_cti_agents_online) > 1')).toEqual([]);

    // As many series as one scrape of everything has lines, and per target what its page has.
    const samples = (text: string) => text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
    const whole = samples(await exporter.get('/metrics'));
    const perVdn = whole.filter((line) => line.includes('vdn="'));
    await prometheus.untilValue(`count(${WINDOW_SERIES})`, perVdn.length);
    for (const name of NAMES) {
      const page = samples(await exporter.get(`/metrics?${new URLSearchParams({ call_center: name }).toString()}`));
      await prometheus.untilValue(`scrape_samples_scraped{instance="${host}/${name}"}`, page.length);
    }
    await prometheus.untilValue('min(count_over_time(up[20s])) >= bool 3', 1);
    expect(prometheus.log()).not.toMatch(/[Dd]uplicate|out.of.order|Error on ingesting|append failed/i);
    expect(prometheus.log()).toContain('Server is ready');
  });

  it('is split by hashmod into parts that are disjoint and complete', async () => {
    const exporter = await run(NAMES, await simulate());
    const shard = (number: number) =>
      keep(
        startPrometheus({
          http_sd_configs: [{ url: `${exporter.url}/sd`, refresh_interval: '1s' }],
          relabel_configs: [
            {
              source_labels: ['__meta_aicc_cti_call_center'],
              modulus: 2,
              target_label: '__tmp_shard',
              action: 'hashmod',
            },
            { source_labels: ['__tmp_shard'], regex: String(number), action: 'keep' },
          ],
        }),
      );
    const shards = await Promise.all([shard(0), shard(1)]);
    const centersOf = async (prometheus: MonitoringServer) =>
      (await prometheus.until('aicc_cti_up')).map(({ metric }) => metric['call_center'] ?? '');
    const parts = await eventually(async () => {
      const found = await Promise.all(shards.map(centersOf));
      return found.flat().length === NAMES.length && found;
    });
    expect(parts.flat().sort()).toEqual([...NAMES].sort());
    expect(parts.every((part) => part.length > 0)).toBe(true);
  });

  it('spreads the scrapes over exporters when hashmod chooses the address', async () => {
    const simulator = await simulate();
    // They differ in their VDNs, to tell which one was scraped.
    const exporters = [await run(NAMES, simulator, '1-12'), await run(NAMES, simulator, '1-3')];
    const to = exporters.map(({ url }, number) => ({
      source_labels: ['__tmp_shard'],
      regex: String(number),
      target_label: '__address__',
      replacement: new URL(url).host,
    }));
    const prometheus = await keep(
      startPrometheus({
        http_sd_configs: [{ url: `${exporters[0]?.url ?? ''}/sd`, refresh_interval: '1s' }],
        relabel_configs: [
          {
            source_labels: ['__meta_aicc_cti_call_center'],
            modulus: 2,
            target_label: '__tmp_shard',
            action: 'hashmod',
          },
          ...to,
        ],
      }),
    );
    await prometheus.untilValue('count(up == 1)', NAMES.length);
    await prometheus.untilValue('count(count by (call_center) (aicc_cti_agents_online))', NAMES.length);
    const counts = await prometheus.query('count by (call_center) (aicc_cti_agents_online)');
    expect([...new Set(counts.map(({ value }) => Number(value[1])))].sort((a, b) => a - b)).toEqual([3, 12]);
  });
});

describe.runIf(installed('prometheus'))('two replicas behind one Prometheus', () => {
  it('tell the truth once instances are put aside, also while one is down', async () => {
    const simulator = await simulate();
    const replicas = [await run(['headquarters'], simulator), await run(['headquarters'], simulator)];
    const targets = replicas.map(({ url }) => new URL(url).host);
    const prometheus = await keep(startPrometheus({ static_configs: [{ targets }] }));
    await prometheus.untilValue('count(up == 1)', 2);
    await prometheus.untilValue('count(aicc_cti_agents{state="talking"})', 24);

    // The window is requested, too: another one may start while the test runs.
    const check = async () => {
      const talking = 'sum(max without (instance) (aicc_cti_agents{state="talking"}))';
      await eventually(async () => {
        const [start] = await prometheus.query('max(aicc_cti_window_start_timestamp_seconds)');
        const [sum] = await prometheus.query(talking);
        return Number(sum?.value[1]) === truthOf(simulator, Number(start?.value[1]) * 1000);
      });
    };
    await check();
    expect((await prometheus.query('max without (instance) (aicc_cti_agents_online)')).length).toBe(12);
    const naive = 'sum(aicc_cti_agents_online) / sum(max without (instance) (aicc_cti_agents_online))';
    await prometheus.untilValue(naive, 2);

    await replicas[0]?.stop();
    await prometheus.untilValue('count(up == 1)', 1);
    await check();
    await prometheus.untilValue('count(max without (instance) (aicc_cti_up))', 1);
    expect((await prometheus.query('max without (instance) (aicc_cti_agents_online)')).length).toBe(12);
  });
});
