import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { runExporter } from '../support/program.ts';

const CLIENTS = 50;
const MAX_PEAK_KB = 150 * 1024;
const hasProc = existsSync('/proc/self/status');
if (!hasProc) process.stderr.write('Skipped the memory of a flood: this system has no /proc\n');

let simulator: Simulator;
let folder: string;
let configFile: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'aicc-pipelining-'));
  simulator = await startSimulator({ flat: true, vdns: Array.from({ length: 50 }, (_, i) => i + 1) });
  configFile = join(folder, 'config.yaml');
  const keys = 'cc_id: 1, access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1-50]';
  const centers = Array.from({ length: 20 }, (_, i) => `  - { name: c${i}, url: "${simulator.url}", ${keys} }\n`);
  writeFileSync(configFile, `call_centers:\n${centers.join('')}`);
  const users = `basic_auth_users: { prometheus: '${hashSync('password', 4)}' }\n`;
  writeFileSync(join(folder, 'web.yaml'), users);
});

afterAll(async () => {
  await simulator.close();
  rmSync(folder, { recursive: true });
});

/** Sends requests for as long as the server takes them, and reads no response. */
function flood(port: number, path: string): Socket {
  const socket = connect({ port, host: '127.0.0.1' });
  const requests = `GET ${path} HTTP/1.1\r\nHost: h\r\n\r\n`.repeat(500);
  socket.pause();
  socket.on('error', () => undefined);
  const sending = setInterval(() => {
    if (socket.writableLength < requests.length) socket.write(requests);
  }, 20);
  socket.once('close', () => {
    clearInterval(sending);
  });
  onTestFinished(() => {
    socket.destroy();
  });
  return socket;
}

function peakKb(pid: number | undefined): number {
  return Number(/VmHWM:\s*(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
}

describe.runIf(hasProc)('clients that send requests and read no response', () => {
  test.each([
    ['/metrics', []],
    ['/', []],
    ['/nowhere', []],
    ['/metrics', ['--web.config.file=WEB']],
  ])('of %s are cut off, and the others are served (%s)', async (path, flags) => {
    const web = flags.map((flag) => flag.replace('WEB', join(folder, 'web.yaml')));
    const { url, child } = await runExporter(configFile, web);
    const authorization = `Basic ${Buffer.from('prometheus:password').toString('base64')}`;
    const scrape = async (): Promise<string> => (await fetch(`${url}/metrics`, { headers: { authorization } })).text();
    while (!/^aicc_cti_up\{call_center="c19"\} 1$/m.test(await scrape())) await delay(50);

    const floods = Array.from({ length: CLIENTS }, () => flood(Number(new URL(url).port), path));
    let scrapes = 0;
    while (scrapes < 3 || (floods.some(({ destroyed }) => !destroyed) && scrapes < 500)) {
      expect(await scrape()).toMatch(/^aicc_cti_up\{call_center="c19"\} 1$/m);
      scrapes += 1;
      await delay(20);
    }
    expect(floods.filter(({ destroyed }) => !destroyed)).toHaveLength(0);
    expect(peakKb(child.pid)).toBeLessThan(MAX_PEAK_KB);
  });
});
