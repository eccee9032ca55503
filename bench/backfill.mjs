// Measures backfill and prints the table of docs/history.md: npm run bench:backfill [-- --vdns=10,100,1000 --days=31]
// Linux only (CPU and memory are read from /proc). The simulator runs in a process of its own; output goes to /dev/null.
// With the flags of docs/performance.md, or with --plain as Node.js is by itself.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { cpuMs, EXPORTER_ENV, EXPORTER_FLAGS } from './processes.mjs';

const { values: options } = parseArgs({
  options: {
    vdns: { type: 'string', default: '10,100,1000' },
    days: { type: 'string', default: '31' },
    plain: { type: 'boolean', default: false },
  },
});
const days = Number(options.days);
const [flags, variables] = options.plain ? [[], {}] : [EXPORTER_FLAGS, EXPORTER_ENV];
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'aicc-bench-'));

async function readCounters(child) {
  child.send({});
  return (await once(child, 'message'))[0];
}

/** Resident memory by the kernel's names, in MB (10^6 bytes). */
function memoryMb(pid, name) {
  return (Number(new RegExp(`${name}:\\s+(\\d+)`).exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024) / 1e6;
}

const mean = (list) => list.reduce((a, b) => a + b, 0) / list.length;

/**
 * Runs one backfill; seconds, CPU seconds and peak memory of its process, sampled until it ends, and early and late in
 * it the mean of its own memory: what is not the program file of Node.js.
 */
async function backfill(config) {
  const args = ['backfill', `--config.file=${config}`, `--from=-${days}d`, '--to=now', '--output=-'];
  const started = performance.now();
  const child = spawn(process.execPath, [...flags, main, ...args], {
    stdio: ['ignore', openSync('/dev/null', 'w'), 'pipe'],
    env: { ...process.env, ...variables },
  });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  let isRunning = true;
  const ended = once(child, 'exit').finally(() => (isRunning = false));
  let [cpu, peak] = [0, 0];
  const own = [];
  while (isRunning) {
    try {
      cpu = cpuMs([child.pid]) / 1000;
      peak = memoryMb(child.pid, 'VmHWM');
      own.push(memoryMb(child.pid, 'RssAnon'));
    } catch {
      // It has just ended.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(errors);
  // The first fifth is the start; then it should stay as it is.
  const part = (from, to) => mean(own.slice(own.length * from, own.length * to));
  return { seconds: (performance.now() - started) / 1000, cpu, peak, early: part(0.2, 0.4), late: part(0.7, 0.9) };
}

console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${days} days, 2 requests at once\n`);
console.log(
  '| VDNs | windows | requests | s | windows/s | own CPU s | simulator CPU s | peak MB | own MB early | late |',
);
console.log(`|${' ---: |'.repeat(10)}`);
try {
  for (const vdns of options.vdns.split(',').map(Number)) {
    const simulator = fork(new URL('simulator.mjs', import.meta.url), [String(vdns)]);
    try {
      const [{ url }] = await once(simulator, 'message');
      const config = join(directory, 'config.yaml');
      const keys = 'access_key: demo-access-key, secret_key: demo-secret-key';
      writeFileSync(config, `call_centers: [{ name: bench, url: '${url}', ${keys}, vdns: [1-${vdns}] }]\n`);
      const before = cpuMs([simulator.pid]);
      const { seconds, cpu, peak, early, late } = await backfill(config);
      const own = (cpuMs([simulator.pid]) - before) / 1000;
      const { requests, rows } = await readCounters(simulator);
      const cells = [vdns, rows, requests, seconds.toFixed(1), Math.round(rows / seconds), cpu.toFixed(1)];
      console.log(`| ${[...cells, own.toFixed(1), ...[peak, early, late].map((mb) => mb.toFixed(0))].join(' | ')} |`);
    } finally {
      simulator.kill();
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
