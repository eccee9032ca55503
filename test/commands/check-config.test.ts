import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkConfig } from '../../src/commands/check-config.ts';
import { UsageError } from '../../src/core/errors.ts';
import { makeCertificates } from '../../src/simulator/certificates.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'config');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(directory, { recursive: true }));

/** A Wednesday, 13:00 in Berlin. */
const NOW = Date.UTC(2026, 10, 18, 12);

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  return runWith({}, ...argv);
}

async function runWith(env: Record<string, string>, ...argv: string[]) {
  const out = { stdout: '', stderr: '' };
  const io = {
    stdout: { write: (text: string) => (out.stdout += text) },
    stderr: { write: (text: string) => (out.stderr += text) },
    env,
  };
  const code = await checkConfig(argv, io, { now: () => NOW });
  return { code, ...out };
}

async function runOn(...vdns: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const file = join(directory, 'config.yaml');
  const centers = vdns.map(
    (v, i) => `  - { name: c${i}, url: 'https://h', access_key: a, secret_key: s, vdns: ${v} }\n`,
  );
  await writeFile(file, `call_centers:\n${centers.join('')}`);
  return run(`--config.file=${file}`);
}

describe('check-config', () => {
  it('says what a good config holds', async () => {
    expect(await runOn('[1-150]', '[1, 2]')).toEqual({ code: 0, stdout: 'OK: 2 call centers, 152 VDNs\n', stderr: '' });
    expect((await runOn('[7]')).stdout).toBe('OK: 1 call center, 1 VDN\n');
    expect((await runOn('all')).stdout).toBe('OK: 1 call center, all VDNs of 1 call center\n');
    expect((await runOn('all', '[1]', 'all')).stdout).toBe('OK: 3 call centers, 1 VDN, all VDNs of 2 call centers\n');
  });

  it('prints the next opening and closing of each distinct plan, in the order in which they come', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(
      file,
      `opening_hours: { time_zone: Europe/Berlin, week: { mon-fri: 08:00-20:00 }, open_on: { 2026-11-20: 08:00-12:15 } }
call_centers:
  - name: hq
    url: https://h
    access_key: a
    secret_key: s
    vdns:
      - 1-3
      - { id: 4, opening_hours: { time_zone: Asia/Kolkata, open_on: { 2026-11-19: closed } } }
      - { id: 5, opening_hours: 24h }
      - { id: 6, opening_hours: { week: { sun: closed }, open_on: {} } }
      - { id: 7, opening_hours: { week: { mon-fri: [ 08:00-20:00 ] } } }
  - { name: branch, url: 'https://h', access_key: a, secret_key: s, vdns: all }
`,
    );
    expect((await run(`--config.file=${file}`)).stdout).toBe(`OK: 2 call centers, 7 VDNs, all VDNs of 1 call center
Opening hours of hq VDN 1-3,7; branch all VDNs: open now
  closes Wed 2026-11-18 20:00 Europe/Berlin (2026-11-18 19:00 UTC)
  opens  Thu 2026-11-19 08:00 Europe/Berlin (2026-11-19 07:00 UTC)
Opening hours of hq VDN 4: open now
  closes Wed 2026-11-18 20:00 Asia/Kolkata (2026-11-18 14:30 UTC)
  opens  Fri 2026-11-20 08:00 Asia/Kolkata (2026-11-20 02:30 UTC)
Opening hours of hq VDN 6: closed now, and this never changes
`);
  });

  it('refuses a proxy variable and TLS files that serve cannot use', async () => {
    const config = (tls: string) =>
      `call_centers:\n  - { name: a, url: 'https://h', access_key: a, secret_key: s, vdns: all${tls} }\n`;
    const file = join(directory, 'config.yaml');
    await writeFile(file, config(''));
    const proxied = await runWith({ ALL_PROXY: 'socks5://user:hunter2@proxy:1080' }, `--config.file=${file}`);
    expect(proxied).toEqual({
      code: 2,
      stdout: '',
      stderr: `${file}: call_centers[0]: The environment variable all_proxy is not the http:// or https:// URL of a proxy\n1 problem found\n`,
    });
    const { caPem } = await makeCertificates({});
    const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n';
    await writeFile(join(directory, 'ca.pem'), `${caPem}\n${broken}${caPem}`);
    await writeFile(file, config(', tls: { ca_file: ca.pem }'));
    const line = `${caPem}\n`.split('\n').length;
    const { code, stderr } = await run(`--config.file=${file}`);
    expect(code).toBe(2);
    expect(stderr).toContain(`call_centers[0].tls.ca_file: Certificate 2 of the file (line ${line}) is malformed\n`);
  });

  it('warns, and still returns 0', async () => {
    const file = join(directory, 'config.yaml');
    await writeFile(file, "call_centers: [{ name: a, url: 'http://h', access_key: a, secret_key: s, vdns: all }]\n");
    const { code, stderr } = await run('--config.file', file);
    expect(code).toBe(0);
    expect(stderr).toMatch(/^Warning: .*config\.yaml:1:32: call_centers\[0\]\.url: http:\/\/ sends .*\n$/);
  });

  it('writes five mistakes as five lines with line and path, and returns 2', async () => {
    const file = join(FIXTURES, 'five-mistakes.yaml');
    expect(await run(`--config.file=${file}`)).toEqual({
      code: 2,
      stdout: '',
      stderr: [
        `${file}:2:3: poll.settle_dely: Unknown key, did you mean settle_delay?`,
        `${file}:5:10: call_centers[0].url: Must end after host and port, without a path: the CMS checks the signature with its own path, so a gateway needs a host or port of its own for it`,
        `${file}:6:12: call_centers[0].cc_id: Must be a whole number from 1 to 65535`,
        `${file}:7:17: call_centers[0].access_key: Environment variable AICC_UNSET is not set`,
        `${file}:9:20: call_centers[0].vdns[2]: VDN 7 is already listed in line 9`,
        '5 problems found\n',
      ].join('\n'),
    });
  });

  it.each([[[]], [['--config.file=']], [['--config.file']], [['--config.fiel=x']], [['x']]])(
    'refuses the command line %j',
    async (argv) => {
      await expect(run(...argv)).rejects.toThrow(UsageError);
    },
  );
});
