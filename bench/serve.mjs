// The real `serve` in a process of its own, polling the bundled simulator in another.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { encodeLedger } from '../dist/storage/ledger-format.js';
import { Ledger } from '../dist/ledger/ledger.js';
import { EXPORTER_ENV } from './processes.mjs';

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const DAY_MS = 86_400_000;
/** Of one call center, in the simulator and in the config alike. */
const MAX_VDNS = 5000;

/** Running programs: whatever ends the benchmark ends them, too. */
const running = new Set();
process.once('exit', () => {
  for (const child of running) child.kill();
});

/** Starts the program and waits for what it says: the first group of `pattern` in a line of its output. */
async function startProgram(nodeFlags, args, pattern) {
  const child = spawn(process.execPath, [...nodeFlags, MAIN, ...args], {
    env: { ...process.env, ...EXPORTER_ENV },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running.add(child);
  child.once('exit', () => running.delete(child));
  let output = '';
  const found = await new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface({ input: stream }).on('line', (line) => {
        output += `${line}\n`;
        const match = pattern.exec(line);
        if (match !== null) resolve(match[1]);
      });
    }
    child.once('exit', () => reject(new Error(`${args[0]} ended:\n${output}`)));
  });
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill();
    await ended;
  };
  return { child, found, output: () => output, stop };
}

/** The simulator with as many VDNs as a call center can have. @returns url, delay(ms) of every response, stop() */
export async function startSimulator() {
  const args = ['simulate', '--http', '--control', '--port=0', '--flat', `--vdns=1-${MAX_VDNS}`];
  const { found, stop } = await startProgram([], args, /listening on (http:\/\/[^/]+)/);
  const delay = async (ms) => {
    const faults = ms > 0 ? [{ kind: 'slow', seconds: ms / 1000 }] : [];
    const response = await fetch(`${found}/-/faults`, { method: 'POST', body: JSON.stringify(faults) });
    if (!response.ok) throw new Error(`The simulator refused a delay: ${await response.text()}`);
  };
  return { url: found, delay, stop };
}

const callCenter = (name, url, vdns) => `  - name: ${name}
    url: ${url}
    cc_id: 1
    access_key: demo-access-key
    secret_key: demo-secret-key
    vdns: [1-${vdns}]
`;

/**
 * An exporter with so many VDNs, 5,000 to a call center, all of which have data. One that `wasDown` finds the counters
 * of a day ago in its storage: it polls without a pause to catch up.
 * @returns pids, url, isCatchingUp(), stop()
 */
export async function startServe(simulator, directory, vdns, { wasDown = false } = {}) {
  const configFile = `${directory}/config-${vdns}.yaml`;
  const names = Array.from({ length: Math.ceil(vdns / MAX_VDNS) }, (_, index) => `headquarters-${index + 1}`);
  const sizes = names.map((_, index) => Math.min(MAX_VDNS, vdns - index * MAX_VDNS));
  writeFileSync(
    configFile,
    `call_centers:\n${names.map((name, index) => callCenter(name, simulator.url, sizes[index])).join('')}`,
  );
  const args = [`--config.file=${configFile}`, '--web.listen-address=127.0.0.1:0'];
  if (wasDown) {
    const storage = `${directory}/storage`;
    mkdirSync(storage, { recursive: true });
    const ids = Array.from({ length: vdns }, (_, index) => index + 1);
    const options = { vdns: ids, lookbackWindows: 2, catchUpWindows: 288 };
    const ledger = new Ledger(options, { now: Date.now() - DAY_MS, monotonic: 0 });
    writeFileSync(`${storage}/${names[0]}.ledger`, await encodeLedger(names[0], ledger.toState()));
    args.push(`--storage.path=${storage}`);
  }
  const { child, found, output, stop } = await startProgram([], args, /msg=Listening url=(\S+)/);
  // Ready: the first poll has ended and is shown.
  for (let tries = 0; !(await fetch(`${found}/-/ready`)).ok; tries++) {
    if (tries === 300) throw new Error(`The first poll does not end:\n${output()}`);
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  if (output().includes('The poll failed')) throw new Error(`The first poll failed:\n${output()}`);
  return {
    pids: [child.pid],
    url: `${found}/metrics`,
    isCatchingUp: () => output().includes('Catching up on missed') && !output().includes('Catch-up finished'),
    stop,
  };
}
