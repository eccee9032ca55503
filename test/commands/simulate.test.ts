import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { simulate } from '../../src/commands/simulate.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { sendQuery, date, rowsOf } from '../support/simulator-client.ts';

interface Run {
  readonly firstLine: Promise<string>;
  readonly code: Promise<number>;
  readonly abort: AbortController;
}

function run(...argv: string[]): Run {
  const abort = new AbortController();
  const stdout = new PassThrough({ encoding: 'utf8' });
  const firstLine = new Promise<string>((resolve) =>
    stdout.once('data', (text: string) => {
      resolve(text);
    }),
  );
  return { firstLine, code: simulate(argv, { stdout, stderr: new PassThrough(), signal: abort.signal }), abort };
}

describe('simulate', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'simulate-'));
  });
  afterAll(async () => {
    await rm(folder, { recursive: true });
  });

  test('listens, prints its URL, writes its CA, responds, and stops on its signal', async () => {
    const file = join(folder, 'ca.pem');
    const { firstLine, code, abort } = run('--port=0', `--ca-out=${file}`, '--vdns=1-3,7', '--secret-key=other');
    const line = await firstLine;
    expect(line).toMatch(
      /^Simulated CMS with 4 VDNs listening on https:\/\/127\.0\.0\.1:\d+\/rest\/cmsapp\/v1\/openapi\/cti\/sysindex\n$/,
    );
    const url = new URL(line.slice(line.indexOf('https:')).trim()).origin;
    const simulator = { url, caPem: await readFile(file, 'utf8') } as Simulator;
    const end = Math.floor(Date.now() / 300_000) * 300_000 - 300_000;
    const body = { beginDate: date(end - 300_000), endDate: date(end) };
    expect(rowsOf(await sendQuery(simulator, body, { secretKey: 'other' })).map((row) => row['vdn'])).toEqual([
      1, 2, 3, 7,
    ]);
    expect((await sendQuery(simulator, body)).status).toBe(401);
    abort.abort();
    expect(await code).toBe(0);
    await expect(sendQuery(simulator, body)).rejects.toThrow('ECONNREFUSED');
  });

  test('shows its flags', async () => {
    const { firstLine, code } = run('--help');
    expect(await code).toBe(0);
    expect(await firstLine).toContain('--settle-lag=5s');
  });

  test.each([
    ['--nonsense', 'nonsense'],
    ['extra', 'extra'],
    ['--port=70000', '--port is "70000": use a whole number from 0 to 65535'],
    ['--port=abc', '--port is "abc"'],
    ['--vdns=1,', '--vdns'],
    ['--vdns=9-3', '--vdns'],
    ['--vdns=0', '--vdns is "0": write ids and ranges of ids from 1 to 5000'],
    ['--settle-lag=5', '--settle-lag is "5": use a duration such as 500ms, 5s or 2m'],
    ['--late=1.5', '--late is "1.5": use a number from 0 to 1'],
    ['--corrections=x', '--corrections'],
    ['--shape=round', '--shape is "round": use one of example,'],
  ])('refuses %s', async (flag, text) => {
    const { code } = run('--http', ...(flag.startsWith('--port') ? [] : ['--port=0']), flag);
    const error: unknown = await code.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
  });

  test('refuses --ca-out with --http', async () => {
    await expect(run('--http', '--ca-out=x').code).rejects.toThrow(UsageError);
  });

  test('says so when the port is taken or the CA file cannot be written', async () => {
    const taken = createServer().listen(0, '127.0.0.1');
    await new Promise((resolve) => taken.once('listening', resolve));
    const { port } = taken.address() as AddressInfo;
    const busy: unknown = await run('--http', `--port=${port}`).code.catch((reason: unknown) => reason);
    taken.close();
    expect(busy).toBeInstanceOf(OperationError);
    expect((busy as Error).message).toContain('choose another --host or --port');
    await expect(run('--port=0', `--ca-out=${join(folder, 'no', 'ca.pem')}`).code).rejects.toThrow('--ca-out');
  });
});
