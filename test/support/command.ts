import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough, type Writable } from 'node:stream';
import type { Clock } from '../../src/core/clock.ts';
import type { CommandIo } from '../../src/commands/io.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';

type Command = (args: readonly string[], io: CommandIo, clock: Clock) => Promise<number>;

export interface Ran {
  /** Undefined when the command threw. */
  readonly code: number | undefined;
  readonly error: unknown;
  readonly stdout: string;
  readonly stderr: string;
}

export interface RunOptions {
  readonly clock: Clock;
  readonly signal?: AbortSignal;
  readonly env?: Readonly<Record<string, string>>;
  /** Called with everything that is written to stderr. */
  readonly onStderr?: (text: string) => void;
}

function collect(onText?: (text: string) => void): { stream: Writable; text: () => string } {
  let text = '';
  const stream = new PassThrough({ encoding: 'utf8' });
  stream.on('data', (chunk: string) => {
    text += chunk;
    onText?.(chunk);
  });
  return { stream, text: () => text };
}

/** Runs a subcommand in this process. */
export async function run(command: Command, args: readonly string[], options: RunOptions): Promise<Ran> {
  const stdout = collect();
  const stderr = collect(options.onStderr);
  const signal = options.signal ?? new AbortController().signal;
  let code: number | undefined;
  let error: unknown;
  try {
    code = await command(
      args,
      { stdout: stdout.stream, stderr: stderr.stream, env: options.env ?? {}, signal },
      options.clock,
    );
  } catch (thrown) {
    error = thrown;
  }
  return { code, error, stdout: stdout.text(), stderr: stderr.text() };
}

/** A folder with a config; removed by `remove`. */
export function workFolder(): { path: (name: string) => string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'aicc-command-'));
  return {
    path: (name) => join(folder, name),
    remove: () => {
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Writes a config for simulators, each as a call center; `more` is YAML of its mapping. Returns the flag. */
export function configFlag(
  file: string,
  centers: readonly { name: string; simulator: Simulator; more: string }[],
): string {
  const keys = 'access_key: demo-access-key, secret_key: demo-secret-key';
  const lines = centers.map(
    ({ name, simulator, more }) => `  - { name: ${name}, url: '${simulator.url}', cc_id: 1, ${keys}, ${more} }\n`,
  );
  writeFileSync(file, `call_centers:\n${lines.join('')}`);
  return `--config.file=${file}`;
}
