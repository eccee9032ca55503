import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';

let simulator: Simulator;
let exporter: RunningExporter | undefined;
beforeEach(async () => {
  simulator = await startSimulator({ vdns: [1, 2, 3], flat: true, queues: { perVdn: 2 } });
});
afterEach(async () => {
  await exporter?.stop();
  exporter = undefined;
  await simulator.close();
});

const config = (more: string) =>
  `poll: { retry_interval: 1s }\ncall_centers:\n  - { name: hq, url: '${simulator.url}', cc_id: 1, access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1-3]${more} }\n`;
const QUEUES = ', queues: { interval: 10s }';
const up = (name: string) => `aicc_cti_queue_up{call_center="hq",interface="${name}"}`;

describe('skill queues', () => {
  test('are shown by the running exporter, and go with the config', async () => {
    const running = await startExporter(config(QUEUES));
    exporter = running;
    const get = (path: string) => running.get(path);
    const sample = (series: string) => running.sample(series);
    const text = await eventually(async () => {
      const page = await get('/metrics');
      console.log(page.match(/^aicc_cti_queue_(waiting|up|request_fail.*[1-9]$).*/gm)?.join('\n'));
      return (page.match(/^aicc_cti_queue_waiting_calls\{/gm) ?? []).length === 6 && page;
    });
    expect(text).toContain('aicc_cti_queue_info{call_center="hq",vdn="2",queue="201",name="General",media_type="5"} 1');
    expect(await get('/')).toContain('Queues now');
    expect(await get('/metrics?call_center=hq')).toContain('aicc_cti_queue_info');

    running.writeConfig(config(''));
    running.hangUp();
    await eventually(async () => !(await get('/metrics')).includes('aicc_cti_queue'));
    expect(await get('/')).not.toContain('Queues now');
    const before = simulator.requests.filter((request) => request.interface !== 'sysindex').length;
    running.writeConfig(config(QUEUES));
    running.hangUp();
    await eventually(async () => (await sample(up('skills'))) === 1);
    expect(simulator.requests.filter((request) => request.interface !== 'sysindex').length).toBeGreaterThan(before);
  });

  test('that fail in every way leave the polls of the VDNs alone', async () => {
    simulator.setFaults([
      { kind: 'hang', interface: 'skills' },
      { kind: 'status', status: 502, interface: 'totalskillstatusex3' },
      { kind: 'code', code: '0101003', interface: 'servicequality' },
    ]);
    const running = await startExporter(config(', queues: { include: [101, 201, 301], interval: 10s }'));
    exporter = running;
    const text = await eventually(async () => {
      const page = await running.get('/metrics');
      const failed = page.match(/^aicc_cti_queue_request_failures_total\{.*\} [1-9]\d*$/gm) ?? [];
      return failed.length === 3 && page;
    });
    expect(text).toContain('aicc_cti_up{call_center="hq"} 1');
    expect(text).not.toMatch(/^aicc_cti_(?:api_request|poll)_failures_total\{.*\} [1-9]/m);
    expect(text).not.toMatch(/^aicc_cti_api_errors_total\{.*\} [1-9]/m);
    for (const name of ['skills', 'totalskillstatusex3', 'servicequality']) expect(text).toContain(`${up(name)} 0`);
    expect(running.log().match(/The CMS refuses the interface/g)).toHaveLength(1);
    expect(running.log()).not.toContain('demo-secret-key');
  });

  test('have a ledger of their own, which is set aside when it is damaged', async () => {
    const args = ['--storage.path=FOLDER/ledgers'];
    exporter = await startExporter(config(QUEUES), { args });
    const { folder } = exporter;
    const file = join(folder, 'ledgers', 'hq.queues');
    await eventually(() => readdirSync(join(folder, 'ledgers')).includes('hq.queues'));
    const [header = '', body = ''] = readFileSync(file, 'utf8').split('\n');
    expect(JSON.parse(header)).toMatchObject({ format: 'aicc-cti-queues', version: 1, call_center: 'hq' });
    expect(JSON.parse(body)).toHaveProperty('vdns');

    // A call center that is new reads its ledger; one that is damaged does not stop it.
    exporter.writeConfig(config(''));
    exporter.hangUp();
    await eventually(async () => !(await exporter?.get('/metrics'))?.includes('aicc_cti_queue'));
    writeFileSync(file, readFileSync(file, 'utf8').replace('"vdns"', '"VDNS"'));
    exporter.writeConfig(config(QUEUES));
    exporter.hangUp();
    await eventually(() => exporter?.log().includes('its checksum is wrong'));
    expect(readdirSync(join(folder, 'ledgers')).some((name) => name.startsWith('hq.queues.unusable-'))).toBe(true);
    await eventually(async () => (await exporter?.sample(up('skills'))) === 1);
  });
});
