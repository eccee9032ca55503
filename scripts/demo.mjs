// `npm run demo`: the command `demo`; `npm run demo -- --stack` adds Prometheus and Alertmanager (stack.mjs).
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
if (args.includes('--stack')) {
  await import('./stack.mjs');
} else {
  const main = fileURLToPath(new URL('../dist/main.js', import.meta.url));
  const port = process.env.DEMO_PORT === undefined ? [] : [`--port=${process.env.DEMO_PORT}`];
  const child = spawn(process.execPath, [main, 'demo', ...port, ...args], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
  const [code] = await once(child, 'exit');
  process.exitCode = code ?? 1;
}
