// Measures backfill and prints the table of docs/history.md: npm run bench:backfill [-- --vdns=10,100,1000 --days=31]
// Linux only (CPU and memory are read from /proc). The simulator runs in a process of its own; output goes to /dev/null.
import { fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { performance } from 'node:perf_hooks';
import { parseArgs } from 'node:util';
import { cpuMs } from './processes.mjs';

const { values: options } = parseArgs({
  options: { vdns: { type: 'string', default: '10,100,1000' }, days: { type: 'string', default: '31' } },
});
const days = Number(options.days);
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'aicc-bench-'));

async function ask(child) {
  child.send({});
  return (await once(child, 'message'))[0];
}

/** Peak resident memory so far, in MB (10^6 bytes). */
function peakMb(pid) {
  return (Number(/VmHWM:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]) * 1024) / 1e6;
}

/** Runs one backfill; seconds, CPU seconds and peak memory of its process, sampled until it ends. */
async function backfill(config) {
  const args = ['backfill', `--config.file=${config}`, `--from=-${days}d`, '--to=now', '--output=-'];
  const started = performance.now();
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', openSync('/dev/null', 'w'), 'pipe'] });
  let errors = '';
  child.stderr.on('data', (text) => (errors += text));
  let isRunning = true;
  const ended = once(child, 'exit').finally(() => (isRunning = false));
  let [cpu, peak] = [0, 0];
  while (isRunning) {
    try {
      cpu = cpuMs([child.pid]) / 1000;
      peak = peakMb(child.pid);
    } catch {
      // It has just ended.
    }
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const [code] = await ended;
  if (code !== 0) throw new Error(errors);
  return { seconds: (performance.now() - started) / 1000, cpu, peak };
}

console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; ${days} days, 2 requests at once\n`);
console.log('| VDNs | windows | requests | s | windows/s | own CPU s | simulator CPU s | peak memory MB |');
console.log(`|${' ---: |'.repeat(8)}`);
try {
  for (const vdns of options.vdns.split(',').map(Number)) {
    const simulator = fork(new URL('simulator.mjs', import.meta.url), [String(vdns)]);
    try {
      const [{ url }] = await once(simulator, 'message');
      const config = join(directory, 'config.yaml');
      const keys = 'access_key: demo-access-key, secret_key: demo-secret-key';
      writeFileSync(config, `call_centers: [{ name: bench, url: '${url}', ${keys}, vdns: [1-${vdns}] }]\n`);
      const before = cpuMs([simulator.pid]);
      const { seconds, cpu, peak } = await backfill(config);
      const own = (cpuMs([simulator.pid]) - before) / 1000;
      const { requests, rows } = await ask(simulator);
      const cells = [vdns, rows, requests, seconds.toFixed(1), Math.round(rows / seconds), cpu.toFixed(1)];
      console.log(`| ${[...cells, own.toFixed(1), peak.toFixed(0)].join(' | ')} |`);
    } finally {
      simulator.kill();
    }
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
