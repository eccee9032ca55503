import { type ChildProcess, type ChildProcessByStdio, spawn } from 'node:child_process';
import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';

const main = fileURLToPath(new URL('../../dist/main.js', import.meta.url));
export const demo = fileURLToPath(new URL('../../scripts/demo.mjs', import.meta.url));

export interface Program {
  readonly child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves with the match once stderr or stdout holds it; rejects when the program ends before. */
  says(pattern: RegExp): Promise<RegExpExecArray>;
  /** Resolves with the exit code once it has ended and all was read. */
  ended(): Promise<number | null>;
}

const running: Program[] = [];
afterEach(async () => {
  for (const program of running.splice(0)) {
    if (program.child.exitCode === null && program.child.signalCode === null) program.child.kill('SIGKILL');
    await program.ended();
  }
});

/** Runs the built program with this environment and nothing else in it. It is killed after the test. */
export function run(args: readonly string[], env: Readonly<Record<string, string>> = {}, script = main): Program {
  return watch(spawn(process.execPath, [script, ...args], { env, stdio: ['ignore', 'pipe', 'pipe'] }));
}

/** Runs the built program in a mount namespace of its own, after the shell command `mounts`. */
export function runMounted(mounts: string, args: readonly string[]): Program {
  const command = ['-m', 'sh', '-c', `${mounts} && exec "$@"`, 'sh', process.execPath, main, ...args];
  return watch(spawn('unshare', command, { stdio: ['ignore', 'pipe', 'pipe'] }));
}

function watch(child: ChildProcessByStdio<null, Readable, Readable>): Program {
  const closed = once(child, 'close');
  let stdout = '';
  let stderr = '';
  const listeners = new Set<() => void>();
  const heard = () => {
    for (const listener of listeners) listener();
  };
  child.stdout.on('data', (data) => {
    stdout += String(data);
    heard();
  });
  child.stderr.on('data', (data) => {
    stderr += String(data);
    heard();
  });

  const program: Program = {
    child,
    stdout: () => stdout,
    stderr: () => stderr,
    says: (pattern) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const match = pattern.exec(stderr) ?? pattern.exec(stdout);
          if (match === null) return;
          listeners.delete(look);
          resolve(match);
        };
        listeners.add(look);
        void closed.then(() => {
          look();
          reject(new Error(`The program ended without saying ${String(pattern)}:\n${stderr}${stdout}`));
        });
        look();
      }),
    async ended() {
      await closed;
      return child.exitCode;
    },
  };
  running.push(program);
  return program;
}

/** Runs the exporter on a free port until it listens. */
export async function runExporter(
  configFile: string,
  flags: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Program & { readonly url: string }> {
  const program = run([`--config.file=${configFile}`, '--web.listen-address=127.0.0.1:0', ...flags], env);
  const [line] = await program.says(/^.*\bListening\b.*$/m);
  const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
  return { ...program, url };
}
