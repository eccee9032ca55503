// `npm run demo [-- --stack]`: the simulator and the exporter together, without the vendor's system. Ctrl-C ends both.
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

// With --stack, Prometheus, Alertmanager and two weeks of history as well; that script ends the process itself.
if (process.argv.includes('--stack')) await import('./stack.mjs');

const PORT = process.env.DEMO_PORT ?? '10122';
const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
const config = fileURLToPath(new URL('./demo-config.yaml', import.meta.url));
const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-demo-'));
const caFile = join(directory, 'ca.pem');

const children = [];
let exitCode = 0;

function start(name, args, env = {}) {
  const child = spawn(process.execPath, [main, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  children.push(child);
  const lines = [child.stdout, child.stderr].map((input) => createInterface({ input }));
  for (const reader of lines) reader.on('line', (line) => console.log(`${name.padEnd(9)} | ${line}`));
  child.on('exit', (code) => {
    if (code) exitCode = code;
    if (code && name === 'exporter') console.log('\nIf the port is taken: DEMO_PORT=10123 npm run demo');
    stop();
  });
  return lines;
}

function stop() {
  for (const child of children) if (child.exitCode === null) child.kill('SIGTERM');
  if (children.every((child) => child.exitCode !== null || child.signalCode !== null)) {
    rmSync(directory, { recursive: true, force: true });
    process.exitCode = exitCode;
  }
}
process.on('SIGINT', stop);
process.on('SIGTERM', stop);

/** Resolves with the first line of a child that matches. */
function firstMatch(readers, pattern) {
  return new Promise((resolve) => {
    for (const reader of readers) reader.on('line', (line) => pattern.test(line) && resolve(pattern.exec(line)));
  });
}

const simulator = start('simulator', ['simulate', '--port=0', '--flat', '--control', `--ca-out=${caFile}`]);
const [url] = await firstMatch(simulator, /https:\/\/[\w.:[\]]+/);
const exporter = start('exporter', [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${PORT}`], {
  DEMO_URL: url,
  DEMO_CA_FILE: caFile,
});
await firstMatch(exporter, /First poll succeeded/);
console.log(`
The exporter has polled the simulator. Look at:

  http://localhost:${PORT}/          status page
  http://localhost:${PORT}/metrics   metrics

  curl -s http://localhost:${PORT}/metrics | grep aicc_cti_agents

Gauges show the last 5-minute window; the counters start with the window that is running now.
Make the CMS fail ([] mends it), and watch aicc_cti_up and aicc_cti_poll_failures_total from the next poll on, which
is 10 s after the next full five minutes:

  curl -sk ${url}/-/faults -d '[{"kind":"firewall"}]'

Ctrl-C ends the demo.
`);
