import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { checkConfig } from '../../src/commands/check-config.ts';
import { UsageError } from '../../src/core/errors.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'config');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function run(...argv: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const out = { stdout: '', stderr: '' };
  const code = await checkConfig(argv, {
    stdout: { write: (text) => (out.stdout += text) },
    stderr: { write: (text) => (out.stderr += text) },
    env: {},
  });
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
