import { readdirSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { loadConfig } from '../../src/config/load.ts';
import { ConfigError } from '../../src/core/errors.ts';

const FIXTURES = join(import.meta.dirname, '..', 'fixtures', 'config');
const ENV = { HUNTER2: 'hunter2', VDN: '77' };

async function problemsOf(file: string, env: Readonly<Record<string, string>> = {}): Promise<ConfigError> {
  try {
    await loadConfig(file, env);
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error(`${file} was loaded`);
}

describe('Every bad config is refused with its exact problems', () => {
  const names = readdirSync(FIXTURES).filter((name) => name.endsWith('.yaml'));

  it.each(names)('%s', async (name) => {
    const file = join(FIXTURES, name);
    const { message, problems } = await problemsOf(file, ENV);
    const expected = readFileSync(file.replace(/\.yaml$/, '.problems.txt'), 'utf8');
    expect(`${message.replaceAll(`${file}:`, '')}\n`).toBe(expected);
    expect(problems.every((problem) => problem.file === file)).toBe(true);
    expect(message).not.toContain('hunter2');
  });
});

describe('A file that is no config', () => {
  let directory: string;
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'config-'));
  });
  afterAll(() => rm(directory, { recursive: true }));

  it('that does not exist is named', async () => {
    const file = join(directory, 'missing.yaml');
    expect((await problemsOf(file)).message).toBe(`${file}: Cannot read the config file: no such file`);
  });

  it('that is a directory is named', async () => {
    expect((await problemsOf(directory)).message).toBe(`${directory}: Cannot read the config file: it is a directory`);
  });

  it('that is not UTF-8 is named', async () => {
    const file = join(directory, 'latin1.yaml');
    await writeFile(file, Buffer.from('# caf\xe9\n', 'latin1'));
    expect((await problemsOf(file)).message).toBe(`${file}: The config file is not UTF-8 text`);
  });

  it.each([500, 2000, 100_000])('that nests %i lists is one problem', async (depth) => {
    const file = join(directory, 'deep.yaml');
    await writeFile(file, `poll: ${'['.repeat(depth)}${']'.repeat(depth)}\n`);
    expect((await problemsOf(file)).message).toMatch(/Nested too deeply|poll: Must be a mapping, not a list/);
  });
});
