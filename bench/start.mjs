// Measures the start and the memory of the real `serve`, beside Debian's prometheus-node-exporter where it is installed:
// npm run bench:start [-- --runs=10 --scrapes=200]. Linux only. No flag of Node.js is set: what users start is measured.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { cpuMs, freePort, installed, rssMb } from './processes.mjs';
import { startServe, startSimulator } from './serve.mjs';

const { values: options } = parseArgs({
  options: { runs: { type: 'string', default: '10' }, scrapes: { type: 'string', default: '200' } },
});
const runs = Number(options.runs);
const scrapes = Number(options.scrapes);
const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const NODE_EXPORTER = 'prometheus-node-exporter';

function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  return (sorted[Math.floor((sorted.length - 1) / 2)] + sorted[Math.ceil((sorted.length - 1) / 2)]) / 2;
}

/** Milliseconds and CPU milliseconds from starting a program to the line that says it listens; `stop` ends it. */
async function startOnce(program, args) {
  const started = performance.now();
  const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
  await new Promise((resolve, reject) => {
    let log = '';
    createInterface({ input: child.stderr }).on('line', (line) => {
      log += `${line}\n`;
      if (/\bListening\b/.test(line)) resolve();
    });
    child.once('error', reject);
    child.once('exit', () => reject(new Error(`${program} ended:\n${log}`)));
  });
  const ms = performance.now() - started;
  const stop = async () => {
    const ended = once(child, 'exit');
    child.kill('SIGKILL');
    await ended;
  };
  return { ms, cpu: cpuMs([child.pid]), pid: child.pid, stop };
}

/** Starts of several programs in turns, so that what else the machine does meets all of them. */
async function starts(programs) {
  const found = new Map([...programs.keys()].map((name) => [name, []]));
  for (let run = 0; run < runs; run++) {
    for (const [name, [program, args]] of programs) {
      const { ms, cpu, stop } = await startOnce(program, args());
      await stop();
      found.get(name).push({ ms, cpu });
    }
  }
  return new Map([...found].map(([name, rows]) => [name, median(rows.map(({ ms }) => ms))]));
}

/** Scrapes one after the other, gzip as Prometheus asks for. */
async function scrape(url) {
  for (let done = 0; done < scrapes; done++) await (await fetch(url)).arrayBuffer();
}

async function exporterMemory(simulator, directory, vdns) {
  const exporter = await startServe(simulator, directory, vdns);
  try {
    await scrape(exporter.url);
    return rssMb(exporter.pids);
  } finally {
    await exporter.stop();
  }
}

async function nodeExporterMemory(port) {
  const { pid, stop } = await startOnce(NODE_EXPORTER, [`--web.listen-address=127.0.0.1:${port}`]);
  try {
    await scrape(`http://127.0.0.1:${port}/metrics`);
    return rssMb([pid]);
  } finally {
    await stop();
  }
}

const directory = mkdtempSync(join(tmpdir(), 'aicc-bench-start-'));
try {
  const simulator = await startSimulator();
  const config = join(directory, 'config.yaml');
  writeFileSync(
    config,
    `call_centers: [{ name: a, url: '${simulator.url}', access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1-12] }]`,
  );
  const port = await freePort();
  const hasPeer = installed(NODE_EXPORTER);
  const programs = new Map([
    ['node, no program', [process.execPath, () => ['-e', "console.error('Listening')"]]],
    ['exporter', [process.execPath, () => [MAIN, `--config.file=${config}`, '--web.listen-address=127.0.0.1:0']]],
  ]);
  if (hasPeer) programs.set('node_exporter', [NODE_EXPORTER, () => [`--web.listen-address=127.0.0.1:${port}`]]);
  const found = await starts(programs);
  const peer = hasPeer ? await nodeExporterMemory(port) : NaN;
  const rows = [
    ['start to listening, ms', found.get('exporter'), found.get('node_exporter') ?? NaN, 230],
    ['of that, Node.js itself, ms', found.get('node, no program'), NaN, NaN],
    ['resident, 12 VDNs, after scrapes, MB', await exporterMemory(simulator, directory, 12), peer, 72],
    ['resident, 5,000 VDNs, after scrapes, MB', await exporterMemory(simulator, directory, 5000), peer, 100],
  ];
  await simulator.stop();
  const digits = (value) => (Number.isNaN(value) ? '' : value.toFixed(value < 10 ? 1 : 0));
  console.log(`Node.js ${process.version}, ${cpus().length} x ${cpus()[0]?.model}; medians of ${runs} starts\n`);
  console.log('| | exporter | node_exporter | ratio | target |\n| --- | --- | --- | --- | --- |');
  for (const [what, own, other, target] of rows) {
    const goal = Number.isNaN(target) ? '' : `at most ${target}`;
    console.log(`| ${what} | ${digits(own)} | ${digits(other)} | ${digits(own / other)} | ${goal} |`);
  }
} finally {
  rmSync(directory, { recursive: true, force: true });
}
