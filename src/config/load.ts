import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute, resolve } from 'node:path';

import { ConfigError, formatProblem } from '../core/errors.ts';
import type { Problem } from '../core/errors.ts';
import type { Environment } from './env-expansion.ts';
import { checkFile, readFailure } from './file-checks.ts';
import type { FileKind } from './file-checks.ts';
import { parseConfig } from './parse-config.ts';
import { Reader } from './value-reader.ts';
import type { Config } from './schema.ts';
import { parseYaml } from './yaml-document.ts';

/** Enough for any config written by hand, and quick to follow. */
const MAX_ALIASES = 1000;

/**
 * Reads the config at `file`. Replaces references to the variables of `env`, and resolves relative paths against the
 * directory of the file. Throws {@link ConfigError} with every problem, ordered by line; no message quotes a value.
 */
export async function loadConfig(file: string, env: Environment): Promise<Config> {
  const { root, problems } = await openYaml(file, env);
  const warnings: string[] = [];
  const files: { value: Reader; path: string; kind: FileKind; certFile: string | undefined; relative: boolean }[] = [];

  const config = parseConfig(root, {
    warn: (value, message) => warnings.push(formatProblem(value.problem(message))),
    file: (value, path, kind, certFile) => {
      const absolute = resolve(dirname(file), path);
      files.push({ value, path: absolute, kind, certFile, relative: !isAbsolute(path) });
      return absolute;
    },
  });

  await Promise.all(
    files.map(async ({ value, path, kind, certFile, relative }) => {
      const problem = await checkFile(path, kind, certFile);
      if (problem === undefined) return;
      const isLost = relative && problem.endsWith('no such file');
      value.report(isLost ? `${problem} (relative paths start at the config file's directory)` : problem);
    }),
  );
  refuse(problems);
  return { ...config, warnings };
}

/**
 * Opens a YAML file. What the reader reports is added to `problems`. Without `env` no variables are replaced;
 * `nameable` is that of {@link Reading}. Throws {@link ConfigError} when the file cannot be read or is not YAML.
 */
export async function openYaml(
  file: string,
  env: Environment | undefined,
  nameable?: RegExp,
): Promise<{ root: Reader; problems: Problem[] }> {
  const yaml = parseYaml(file, await readText(file));
  const problems: Problem[] = [];
  const reading = { yaml, env, problems, aliasesLeft: MAX_ALIASES, ...(nameable === undefined ? {} : { nameable }) };
  return { root: new Reader(reading, yaml.root, { offset: 0, path: '' }), problems };
}

/** Throws {@link ConfigError} with the problems, ordered by line, if there are any. */
export function refuse(problems: readonly Problem[]): void {
  if (problems.length > 0) throw new ConfigError([...problems].sort(byPlace));
}

async function readText(file: string): Promise<string> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (error) {
    throw new ConfigError([{ file, message: `Cannot read the config file: ${readFailure(error)}` }]);
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw new ConfigError([{ file, message: 'The config file is not UTF-8 text' }]);
  }
}

function byPlace(a: Problem, b: Problem): number {
  return (a.line ?? 0) - (b.line ?? 0) || (a.column ?? 0) - (b.column ?? 0);
}
