import { chmodSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { doctor } from '../../src/commands/doctor.ts';
import { UsageError } from '../../src/core/errors.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, workFolder } from '../support/command.ts';
import { serveTcp } from '../support/local-servers.ts';
import { impatientClock } from '../support/fake-clock.ts';

const NOW = Date.UTC(2026, 2, 4, 12, 0, 30);
const STEPS = ['dns', 'tcp', 'tls', 'http', 'clock', 'signature', 'permission', 'rows'];

const work = workFolder();
let simulator: Simulator;
let simulatedNow = NOW;
beforeAll(async () => {
  simulator = await startSimulator({ vdns: [1, 2, 3], flat: true, now: () => simulatedNow });
});
afterEach(() => {
  simulatedNow = NOW;
  simulator.setFaults([]);
});
afterAll(async () => {
  work.remove();
  await simulator.close();
});

const config = (more = 'vdns: [1-3]', url = simulator.url) =>
  configFlag(work.path('config.yaml'), [{ name: 'hq', simulator: { ...simulator, url }, more }]);
/** Waits, such as the second between requests for the service level, pass at once. */
const go = (...args: string[]): Promise<Ran> => run(doctor, args, { clock: impatientClock(NOW) });

interface Report {
  readonly ok: boolean;
  readonly sections: { name: string; findings: { step: string; status: string; detail: string; remedy?: string }[] }[];
}

/** The findings about the call center, by step. */
async function findings(...args: string[]) {
  const { code, stdout } = await go(...args, '--output=json');
  const report = JSON.parse(stdout) as Report;
  expect(code).toBe(report.ok ? 0 : 1);
  return Object.fromEntries((report.sections[1]?.findings ?? []).map((finding) => [finding.step, finding]));
}

describe('doctor', () => {
  test('names every step, and exits with 0 when none fails', async () => {
    const { code, stdout } = await go(config());
    expect(code).toBe(0);
    for (const step of STEPS) expect(stdout).toMatch(new RegExp(`^ {2}(OK|WARN) +${step} `, 'm'));
    expect(stdout).toContain('3 of 3 VDNs reported in the last hour');
    // The file and the step tls both name http://.
    expect(stdout).toContain('No step failed, warnings: 2');
    expect(stdout).not.toContain('demo-secret-key');
  });

  test('tests the interfaces of the queues where queues are configured', async () => {
    const { stdout } = await go(config('vdns: [1-2], queues: {}'));
    expect(stdout).toMatch(/^ {2}OK +queue ids +\d queues of 2 VDNs$/m);
    expect(stdout).toMatch(/^ {2}OK +queues now +\d queues of VDN 1 shown$/m);
    expect(stdout).toContain('OK    slots       The slot of 2026-03-04 11:55 UTC is complete');
    expect((await go(config())).stdout).not.toContain('queue');
  });

  test('says which interface of the queues does not work, and whether the ids are right', async () => {
    // One request a second for the service level.
    simulatedNow += 1000;
    simulator.setFaults([
      { kind: 'code', code: '0101003', interface: 'servicequality' },
      { kind: 'code', code: '0100003', interface: 'skills' },
    ]);
    const found = await findings(config('vdns: [1], queues: { include: [101] }'));
    expect(found['queue ids']).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('CTI version') as string,
    });
    expect(found['queues now']).toMatchObject({ status: 'ok' });
    expect(found['slots']).toMatchObject({
      status: 'failed',
      remedy: expect.stringContaining('no permission') as string,
    });
    simulator.setFaults([]);
    const wrong = await findings(config('vdns: [1], queues: { include: [7] }'));
    expect(wrong['queue ids']).toMatchObject({ status: 'warning', detail: '0 queues of 1 VDN; none of VDN 1' });
    expect(wrong['queues now']).toMatchObject({ status: 'skipped' });
  });

  test('names VDNs without rows as failed, and closed lines as a warning', async () => {
    const hours = 'opening_hours: { time_zone: Europe/Berlin, week: { sun: 08:00-09:00 } }';
    const found = await findings(config(`vdns: [1, 2, 7-8, { id: 9, ${hours} }]`));
    expect(found['rows']).toMatchObject({ status: 'warning' });
    const { stdout } = await go(config(`vdns: [1, 2, 7-8, { id: 9, ${hours} }]`));
    expect(stdout).toContain('FAIL  rows        2 of 5 VDNs reported in the last hour');
    expect(stdout).toContain('-> Check the ids and cc_id; no rows of VDN 7-8');
    expect(stdout).toContain('no rows of VDN 9, closed now');
  });

  test.each([
    [[{ kind: 'unauthorized' }], 'signature'],
    [[{ kind: 'code', code: '0101003' }], 'permission'],
    [[{ kind: 'firewall' }], 'http'],
    [[{ kind: 'html' }], 'http'],
  ] as const)('stops at the step that %j breaks', async (faults, step) => {
    simulator.setFaults(faults);
    const found = await findings(config());
    expect(found[step]).toMatchObject({ status: 'failed' });
    expect(found[step]?.remedy).toBeTruthy();
    for (const later of STEPS.slice(STEPS.indexOf(step) + 1))
      if (later !== 'clock') expect(found[later]).toMatchObject({ status: 'skipped' });
    for (const earlier of STEPS.slice(0, STEPS.indexOf(step))) expect(found[earlier]?.status).not.toBe('failed');
  });

  test('tells DNS, TCP and TLS apart', async () => {
    const dns = await findings(config('vdns: [1]', 'http://does-not-exist.invalid:1'));
    expect(dns['dns']).toMatchObject({ status: 'failed' });
    expect(dns['tcp']).toMatchObject({ status: 'skipped' });
    const tcp = await findings(config('vdns: [1]', 'http://127.0.0.1:1'));
    expect(tcp['dns']).toMatchObject({ status: 'ok' });
    expect(tcp['tcp']).toMatchObject({ status: 'failed' });
    const plain = await serveTcp((socket) => socket.end('no TLS here'));
    const tls = await findings(config('vdns: [1]', plain.url.replace('http:', 'https:')));
    await plain.close();
    expect(tls['tcp']).toMatchObject({ status: 'ok' });
    expect(tls['tls']).toMatchObject({ status: 'failed' });
  });

  test('names a proxy that fails as the step', async () => {
    const found = await findings(config("vdns: [1], proxy_url: 'http://127.0.0.1:1'"));
    expect(found['proxy']).toMatchObject({ status: 'failed' });
    expect(found['dns']).toMatchObject({ status: 'skipped' });
  });

  test('says that the clock differs', async () => {
    simulator.setFaults([{ kind: 'clock', seconds: 1200 }]);
    const found = await findings(config());
    expect(found['clock']).toMatchObject({ status: 'warning' });
    expect(found['clock']?.detail).toMatch(/^This machine is 120[01] s behind the CMS$/);
  });

  test('says every mistake of the file', async () => {
    writeFileSync(work.path('bad.yaml'), 'call_centers: [{ name: hq, typo: 1 }]');
    const { code, stdout } = await go(`--config.file=${work.path('bad.yaml')}`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/FAIL {2}file +.*bad\.yaml:1:\d+: .*typo/);
  });

  test('tests that the storage directory can be written', async () => {
    const good = await go(config(), `--storage.path=${work.path('.')}`);
    expect(good.stdout).toContain(`OK    storage     Can write to ${work.path('.')}`);
    expect(good.code).toBe(0);
    const file = work.path('file');
    writeFileSync(file, '');
    chmodSync(file, 0o600);
    for (const path of [file, work.path('missing')]) {
      const { code, stdout } = await go(config(), `--storage.path=${path}`);
      expect(code).toBe(1);
      expect(stdout).toContain(`FAIL  storage     Cannot write to ${path}: `);
    }
  });

  test.each([
    [['--output=xml'], '--output is "xml": use one of text, json'],
    [['--call-center=other'], '--call-center is "other", which is not configured'],
  ])('refuses %j', async (args, text) => {
    const { error } = await go(config(), ...args);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
  });
});
