// Programs that the stack starts, and what they need: ports, a temporary directory, a check that they are installed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';

/** Removed by {@link stop}. */
export const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-stack-'));
const children = [];
let stopping = false;

/** Ends every program, removes the directory and exits. */
export async function stop(exitCode) {
  if (stopping) return;
  stopping = true;
  const running = children.filter(({ exitCode: code, signalCode }) => code === null && signalCode === null);
  const gone = Promise.all(running.map((child) => once(child, 'exit')));
  for (const child of running) child.kill('SIGTERM');
  await gone;
  rmSync(directory, { recursive: true, force: true });
  process.exit(exitCode);
}

/** Starts a program. If it ends by itself, its last lines are printed and the stack ends, unless `isExpected` is set. */
export function start(program, args, env = {}) {
  const child = spawn(program, args, { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] });
  const last = [];
  for (const input of [child.stdout, child.stderr]) {
    createInterface({ input }).on('line', (line) => last.push(line) > 10 && last.shift());
  }
  const end = (reason) => {
    if (stopping || child.isExpected) return;
    console.error(`${program} ended: ${reason}\n${last.join('\n')}`);
    void stop(1);
  };
  child.on('error', ({ message }) => end(message));
  child.on('exit', (code) => end(`exit code ${code}`));
  children.push(child);
  return child;
}

/** Waits up to 30 s until a URL responds with 200. */
export async function ready(what, url) {
  for (let attempt = 0; attempt < 300 && !stopping; attempt++) {
    try {
      if ((await fetch(url)).ok) return;
    } catch {
      // Not yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  throw new Error(`${what} did not start in 30 s`);
}

/** The first of these programs that is installed; Debian calls Alertmanager by another name than its authors. */
export function installed(...names) {
  const folders = (process.env.PATH ?? '').split(delimiter);
  const found = names.find((name) => folders.some((folder) => existsSync(join(folder, name))));
  if (found === undefined) {
    throw new Error(`${names[0]} is not on the PATH: apt-get install prometheus prometheus-alertmanager`);
  }
  return found;
}

/** The wanted port if it is free, or with 0 any that is free. */
export async function port(wanted) {
  const server = createServer().listen(wanted, '127.0.0.1');
  await once(server, 'listening');
  const { port: found } = server.address();
  await new Promise((resolve) => server.close(resolve));
  return found;
}
