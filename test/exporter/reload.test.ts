import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import type { Config } from '../../src/config/schema.ts';
import { OperationError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/log.ts';
import { createReload } from '../../src/exporter/reload.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';
import { cleanup } from '../support/cleanup.ts';

const RELOAD_OK = 'aicc_cti_config_last_reload_successful';
const RELOAD_TIME = 'aicc_cti_config_last_reload_success_timestamp_seconds';

async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ flat: true, ...options });
  cleanup(() => simulator.close());
  return simulator;
}

async function run(...args: Parameters<typeof startExporter>): Promise<RunningExporter> {
  const exporter = await startExporter(...args);
  cleanup(() => exporter.stop());
  return exporter;
}

/** The YAML of one call center. */
function center(name: string, { url }: Pick<Simulator, 'url'>, vdns = '[1, 2]', more = ''): string {
  return `  - name: ${name}
    url: ${url}
    cc_id: 1
    access_key: demo-access-key
    secret_key: demo-secret-key
    vdns: ${vdns}
${more}`;
}

const yaml = (...centers: string[]): string => `call_centers:\n${centers.join('')}`;

const reload = async ({ url }: RunningExporter) => {
  const response = await fetch(`${url}/-/reload`, { method: 'POST' });
  return { status: response.status, text: await response.text() };
};

const ready = (exporter: RunningExporter) => eventually(async () => (await exporter.get('/-/ready')) === 'Ready\n');

const BROKEN_CERTIFICATE = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';

describe('a reload', () => {
  it('with a bad config changes nothing and says everything but the secrets', async () => {
    const simulator = await simulate();
    const exporter = await run(yaml(center('main', simulator)));
    await ready(exporter);
    const config = await exporter.get('/config');
    const loadedAt = await exporter.sample(RELOAD_TIME);
    expect(await exporter.sample(RELOAD_OK)).toBe(1);

    exporter.writeConfig(
      `${yaml(center('main', simulator, '[1, 2, x]', '    colour: hunter2-colour\n'))}surprise: hunter2-root\n`,
    );
    const { status, text } = await reload(exporter);
    expect(status).toBe(500);
    expect(text).toContain('The configuration was not changed:\n');
    expect(text).toMatch(/config\.yaml:7:\d+: call_centers\[0\]\.vdns\[2\]: /);
    expect(text).toMatch(/config\.yaml:8:\d+: call_centers\[0\]\.colour: /);
    expect(text).toMatch(/config\.yaml:9:\d+: surprise: /);
    for (const shown of [text, exporter.log()]) expect(shown).not.toMatch(/demo-secret-key|demo-access-key|hunter2/);
    expect(await exporter.sample(RELOAD_OK)).toBe(0);
    expect(await exporter.sample(RELOAD_TIME)).toBe(loadedAt);
    expect(await exporter.get('/config')).toBe(config);
    expect(await exporter.sample('aicc_cti_vdns_reporting{call_center="main"}')).toBe(2);

    exporter.writeConfig(yaml(center('main', simulator)));
    expect(await reload(exporter)).toEqual({ status: 200, text: 'Reloaded\n' });
    expect(await exporter.sample(RELOAD_OK)).toBe(1);
    expect(await exporter.sample(RELOAD_TIME)).toBeGreaterThan(loadedAt ?? Infinity);
  });

  it('leaves call centers alone that did not change, whatever happens to the others', async () => {
    const [kept, changed, gone, added] = [await simulate(), await simulate(), await simulate(), await simulate()];
    const exporter = await run(yaml(center('kept', kept), center('changed', changed), center('gone', gone)));
    await ready(exporter);
    const before = { requests: kept.counters.requests, connections: kept.connections };
    const lines = (await exporter.get('/metrics')).split('\n').filter((line) => /^aicc_cti_.*"kept"/.test(line));

    exporter.writeConfig(
      yaml(center('added', added, '[7]'), center('kept', kept), center('changed', changed, '[2, 3]')),
    );
    exporter.hangUp();
    await eventually(() => exporter.log().includes('Configuration reloaded'));
    await ready(exporter);
    await eventually(async () => (await exporter.sample('aicc_cti_polls_total{call_center="changed"}')) === 2);
    const after = (await exporter.get('/metrics')).split('\n');
    expect(after.filter((line) => /^aicc_cti_.*"kept"/.test(line))).toEqual(lines);
    expect(lines.length).toBeGreaterThan(50);
    expect({ requests: kept.counters.requests, connections: kept.connections }).toEqual(before);
    expect(after.filter((line) => line.includes('"gone"'))).toEqual([]);
    const online = after.filter((line) => line.startsWith('aicc_cti_agents_online{')).map((line) => line.split(' ')[0]);
    expect(online).toEqual([
      'aicc_cti_agents_online{call_center="added",vdn="7"}',
      'aicc_cti_agents_online{call_center="kept",vdn="1"}',
      'aicc_cti_agents_online{call_center="kept",vdn="2"}',
      'aicc_cti_agents_online{call_center="changed",vdn="2"}',
      'aicc_cti_agents_online{call_center="changed",vdn="3"}',
    ]);
  });

  it('takes VDNs away at once and keeps the others, before the API has responded again', async () => {
    const simulator = await simulate();
    const exporter = await run(yaml(center('main', simulator, '[1, 2]')));
    await ready(exporter);
    simulator.setFaults([{ kind: 'hang', seconds: 60 }]);
    exporter.writeConfig(yaml(center('main', simulator, '[{ id: 2, name: Sales, labels: { team: sales } }]')));
    expect((await reload(exporter)).status).toBe(200);
    const metrics = await exporter.get('/metrics');
    expect(metrics).not.toContain('vdn="1"');
    expect(metrics).toContain('aicc_cti_agents_online{call_center="main",vdn="2"}');
    expect(metrics).toContain('aicc_cti_vdn_info{call_center="main",vdn="2",cc_id="1",name="Sales",team="sales"} 1');
    expect(await exporter.get('/-/ready')).toBe('Ready\n');
  });

  it('changes credentials', async () => {
    const simulator = await simulate({ secretKey: 'new-key' });
    const exporter = await run(yaml(center('main', simulator)));
    const failures = 'aicc_cti_poll_failures_total{call_center="main",reason="auth"}';
    await eventually(async () => (await exporter.sample(failures)) === 1);
    expect(await exporter.sample('aicc_cti_up{call_center="main"}')).toBe(0);
    exporter.writeConfig(yaml(center('main', simulator)).replace('demo-secret-key', 'new-key'));
    await reload(exporter);
    await eventually(async () => (await exporter.sample('aicc_cti_up{call_center="main"}')) === 1);
    expect(await exporter.sample(failures)).toBe(1);
  });

  it('takes a CA from the same file with new content, and keeps the call center when that is no use', async () => {
    const [right, wrong] = [await simulate({ tls: true }), await simulate({ tls: true })];
    const tls = '    tls: { ca_file: ca.pem }\n';
    const exporter = await run(yaml(center('main', right, '[1]', tls)), { files: { 'ca.pem': wrong.caPem ?? '' } });
    const failed = 'aicc_cti_poll_failures_total{call_center="main",reason="tls"}';
    await eventually(async () => (await exporter.sample(failed)) === 1);

    const file = join(exporter.folder, 'ca.pem');
    writeFileSync(file, right.caPem ?? '');
    expect((await reload(exporter)).status).toBe(200);
    await eventually(async () => (await exporter.sample('aicc_cti_up{call_center="main"}')) === 1);
    const polls = await exporter.sample('aicc_cti_polls_total{call_center="main"}');

    rmSync(file);
    const { status, text } = await reload(exporter);
    expect([status, text]).toEqual([500, expect.stringContaining('no such file')]);
    expect(await exporter.sample('aicc_cti_up{call_center="main"}')).toBe(1);
    writeFileSync(file, readFileSync(join(exporter.folder, 'config.yaml')));
    expect((await reload(exporter)).status).toBe(500);
    writeFileSync(file, right.caPem ?? '');
    expect((await reload(exporter)).status).toBe(200);
    // The same content again is no change.
    expect(await exporter.sample('aicc_cti_polls_total{call_center="main"}')).toBe(polls);
  });

  it('refuses a certificate whose chain breaks off', async () => {
    const [a, b] = [await simulate({ tls: true }), await simulate({ tls: true })];
    const exporter = await run(yaml(center('main', a, '[1]', '    tls: { insecure_skip_verify: true }\n')), {
      files: { 'cert.pem': `${a.client?.certPem ?? ''}\n${BROKEN_CERTIFICATE}`, 'key.pem': a.client?.keyPem ?? '' },
    });
    const tls = '    tls: { insecure_skip_verify: true, cert_file: cert.pem, key_file: key.pem }\n';
    exporter.writeConfig(yaml(center('main', a, '[1]', tls), center('other', b, '[1]', tls)));
    const { status, text } = await reload(exporter);
    expect(status).toBe(500);
    expect(text).toMatch(/call_centers\[0\]\.tls\.cert_file: Certificate 2 of the file \(line \d+\) is malformed/);
    expect(text).toMatch(/call_centers\[1\]\.tls\.cert_file: Certificate 2 of the file \(line \d+\) is malformed/);
    expect(await exporter.get('/metrics')).not.toContain('call_center="other"');
  });

  it('changes config and web config together or not at all', async () => {
    const simulator = await simulate();
    const web = (value: string) => `http_server_config:\n  headers:\n    X-Frame-Options: ${value}\n`;
    const exporter = await run(yaml(center('main', simulator)), {
      args: ['--web.config.file=FOLDER/web.yaml'],
      files: { 'web.yaml': web('deny') },
    });
    await ready(exporter);
    const file = join(exporter.folder, 'web.yaml');
    const state = async () => ({
      header: (await fetch(`${exporter.url}/-/healthy`)).headers.get('x-frame-options'),
      centers: [...(await exporter.get('/metrics')).matchAll(/^aicc_cti_up\{call_center="(\w+)"\}/gm)].map((m) => m[1]),
    });
    const old = { header: 'deny', centers: ['main'] };
    expect(await state()).toEqual(old);

    exporter.writeConfig(yaml(center('main', simulator), center('more', simulator)));
    writeFileSync(file, 'http_server_config: { nonsense: true }\n');
    const bad = await reload(exporter);
    expect(bad.status).toBe(500);
    expect(bad.text).toContain('nonsense');
    expect(await state()).toEqual(old);
    expect(await exporter.sample(RELOAD_OK)).toBe(0);

    writeFileSync(file, web('sameorigin'));
    exporter.writeConfig('call_centers: []\n');
    expect((await reload(exporter)).status).toBe(500);
    expect(await state()).toEqual(old);

    // Good to read, but the chain of its certificate breaks off.
    const one = await simulate({ tls: true });
    writeFileSync(join(exporter.folder, 'cert.pem'), `${one.client?.certPem ?? ''}\n${BROKEN_CERTIFICATE}`);
    writeFileSync(join(exporter.folder, 'key.pem'), one.client?.keyPem ?? '');
    exporter.writeConfig(yaml(center('main', one, '[1]', '    tls: { cert_file: cert.pem, key_file: key.pem }\n')));
    expect((await reload(exporter)).status).toBe(500);
    expect(await state()).toEqual(old);

    exporter.writeConfig(yaml(center('main', simulator), center('more', simulator)));
    expect((await reload(exporter)).status).toBe(200);
    expect(await state()).toEqual({ header: 'sameorigin', centers: ['main', 'more'] });
  });

  it('that comes while another is running waits for it', async () => {
    const [one, two] = [await simulate(), await simulate()];
    const configs = [yaml(center('main', one, '[1]')), yaml(center('main', two, '[2]'), center('extra', one, '[1]'))];
    const exporter = await run(configs[0] ?? '');
    for (let round = 0; round < 6; round++) {
      exporter.writeConfig(configs[round % 2] ?? '');
      exporter.hangUp();
      expect((await Promise.all([reload(exporter), reload(exporter)])).map(({ status }) => status)).toEqual([200, 200]);
    }
    await ready(exporter);
    const metrics = await exporter.get('/metrics');
    expect([...metrics.matchAll(/^aicc_cti_vdns_configured\{.*$/gm)].map(([line]) => line)).toEqual([
      'aicc_cti_vdns_configured{call_center="main"} 1',
      'aicc_cti_vdns_configured{call_center="extra"} 1',
    ]);
    expect(metrics).toContain('aicc_cti_agents_online{call_center="main",vdn="2"}');
  });
});

describe('reloads in a row', () => {
  const idle = { log: '' };
  const logger = createLogger('debug', 'logfmt', { write: (line) => (idle.log += line) });
  const options = {
    exporter: { prepare: () => Promise.resolve({ commit: () => Promise.resolve(), discard: () => Promise.resolve() }) },
    onChange: () => Promise.resolve(),
    telemetry: { configLoaded: () => undefined },
    logger,
    clock: systemClock,
  };
  const config: Config = { callCenters: [], vdnLabelNames: [], warnings: [] };

  it('never overlap, and a failed one does not stop the next', async () => {
    let active = 0;
    let most = 0;
    let calls = 0;
    const load = async () => {
      most = Math.max(most, ++active);
      await delay(5);
      active--;
      if (calls++ === 1) throw new OperationError('Not this one');
      return config;
    };
    const { reload: again } = createReload({ ...options, load, signal: new AbortController().signal });
    const results = await Promise.allSettled([again(), again(), again(), again()]);
    expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled']);
    expect([most, calls]).toEqual([1, 4]);
  });

  it('change nothing any more when the exporter stops, and are waited for', async () => {
    const stopping = new AbortController();
    let ended = 0;
    const load = async () => {
      await delay(20);
      ended++;
      return config;
    };
    const { reload: again, idle: settled } = createReload({ ...options, load, signal: stopping.signal });
    const [first, second] = [again(), again()];
    second.catch(() => undefined);
    await delay(5);
    stopping.abort();
    await settled();
    expect(ended).toBe(1);
    await expect(first).resolves.toBeUndefined();
    await expect(second).rejects.toThrow('The exporter is stopping');
  });
});
