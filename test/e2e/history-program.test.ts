import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, workFolder } from '../support/command.ts';

const PROGRAM = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
const RANGE = ['--from=2026-01-01T00:00:00Z', '--to=2026-02-10T00:00:00Z'];

const work = workFolder();
let simulator: Simulator;
let config: string;
beforeAll(async () => {
  simulator = await startSimulator({ vdns: [1, 2, 3], retentionDays: 10_000 });
  config = configFlag(work.path('config.yaml'), [{ name: 'hq', simulator, more: 'vdns: [1-3]' }]);
  expect((await shell(command('whole'))).code).toBe(0);
});
afterAll(async () => {
  await simulator.close();
  work.remove();
});

const words = (name: string, ...more: string[]): string[] => [
  process.execPath,
  PROGRAM,
  'backfill',
  config,
  ...RANGE,
  `--output=${name === '-' ? name : work.path(name)}`,
  ...more,
];
/** As a shell reads it: any path may hold blanks. */
const command = (name: string, ...more: string[]): string =>
  words(name, ...more)
    .map((word) => `'${word.replaceAll("'", "'\\''")}'`)
    .join(' ');
const read = (name: string): string => readFileSync(work.path(name), 'utf8');

async function shell(line: string): Promise<{ code: number; stdout: string; stderr: string }> {
  try {
    const options = { maxBuffer: 1e9, shell: '/bin/bash' };
    return { code: 0, ...(await promisify(execFile)(line, [], options)) };
  } catch (error) {
    return error as { code: number; stdout: string; stderr: string };
  }
}

test('Ctrl-C ends with a state to resume from; the resumed file is the same byte for byte', async () => {
  const begun = simulator.counters.requests;
  const [node = '', ...args] = words('cut');
  const child = spawn(node, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let stderr = '';
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
  while (simulator.counters.requests < begun + 230) await new Promise((resolve) => setTimeout(resolve, 2));
  child.kill('SIGINT');
  await once(child, 'close');
  expect(child.exitCode).toBe(1);
  expect(stderr).toMatch(/aicc-cti-exporter: Interrupted\n.*cut is not complete: repeat the command with --resume/);
  expect(JSON.parse(read('cut.state'))).toMatchObject({ version: 1 });
  expect((await shell(command('cut', '--resume'))).code).toBe(0);
  expect(read('cut') === read('whole')).toBe(true);
});

test('Ctrl-C ends query and audit with a word, not with a stack trace', async () => {
  // Never responds, so that audit waits for it.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const url = `http://127.0.0.1:${(silent.address() as AddressInfo).port}`;
  const interrupted = async (name: string, isBusy: Promise<unknown>, ...more: string[]): Promise<string> => {
    const child = spawn(process.execPath, [PROGRAM, name, config, ...RANGE, ...more], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let stderr = '';
    child.stderr.on('data', (text: Buffer) => (stderr += text.toString()));
    await isBusy;
    child.kill('SIGINT');
    await once(child, 'close');
    expect(child.exitCode).toBe(1);
    return stderr;
  };
  const begun = simulator.counters.requests;
  const someRequests = async () => {
    while (simulator.counters.requests < begun + 5) await new Promise((resolve) => setTimeout(resolve, 2));
  };
  expect(await interrupted('query', someRequests())).toBe('aicc-cti-exporter: Interrupted\n');
  const audit = await interrupted('audit', once(silent, 'request'), `--prometheus.url=${url}`);
  expect(audit).toMatch(/^(Audit: .*\n)*aicc-cti-exporter: Interrupted\n$/);
  silent.close();
});

test('a backfill whose progress nobody reads any more goes on', async () => {
  await shell(`{ ${command('unheard')} 2>&1 > ${work.path('none')}; echo $? > ${work.path('code')}; } | true`);
  expect(read('code')).toBe('0\n');
  expect(read('unheard') === read('whole')).toBe(true);
});

test('a help text that nobody reads is no failure', async () => {
  expect(await shell(`set -o pipefail; '${process.execPath}' '${PROGRAM}' query --help | true`)).toMatchObject({
    code: 0,
    stderr: '',
  });
});

test('a file that cannot grow ends with a state to resume from, too', async () => {
  // The limit counts blocks of 1024 bytes: a fifth of the file, as a full disk would.
  const { code, stderr } = await shell(`ulimit -f 10000; ${command('full')}`);
  expect(code).toBe(1);
  expect(stderr).toMatch(
    /Cannot write .*full: the file would be larger than allowed here\n.*full is not complete: repeat/,
  );
  expect((await shell(command('full', '--resume'))).code).toBe(0);
  expect(read('full') === read('whole')).toBe(true);
  expect(existsSync(work.path('full.state'))).toBe(false);
});

test('a full disk behind the standard output, and a reader that goes away, are errors and not crashes', async () => {
  const full = await shell(`${command('-')} > /dev/full`);
  expect(full.code).toBe(1);
  expect(full.stderr).toContain(
    'Cannot write to the standard output: no space left on the disk\nWhat was written is not complete\n',
  );
  const head = await shell(`set -o pipefail; ${command('-')} | head -n 1`);
  expect(head.code).toBe(1);
  expect(head.stdout).toMatch(/^# HELP .*\n$/);
  expect(head.stderr).toContain('Cannot write to the standard output: the reader has closed it');
  expect(head.stderr).not.toContain('    at ');
});

test.each(['query', 'backfill', 'audit'])('%s is a command with flags of its own', async (name) => {
  const help = await shell(`'${process.execPath}' '${PROGRAM}' ${name} --help`);
  expect([help.code, help.stdout.startsWith(`Usage: aicc-cti-exporter ${name} `)]).toEqual([0, true]);
  const wrong = await shell(`'${process.execPath}' '${PROGRAM}' ${name} --nonsense`);
  expect(wrong.code).toBe(2);
  expect(wrong.stderr).toMatch(/^aicc-cti-exporter: Unknown option '--nonsense'.*\nTry --help\n$/);
});
