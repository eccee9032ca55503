import { readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { replaceFile } from '../../src/storage/atomic-file.ts';
import { temporaryDirectory } from '../support/cleanup.ts';

it('keeps the old content, and nothing else, when the check before the rename fails', async () => {
  const directory = temporaryDirectory();
  await writeFile(join(directory, 'file'), 'old');
  let files: string[] = [];
  const beforeRename = async () => {
    files = await readdir(directory);
    throw new Error('Lost');
  };
  await expect(replaceFile(join(directory, 'file'), 'new', { beforeRename })).rejects.toThrow('Lost');
  expect(files).toEqual(['file', expect.stringMatching(/^file\.[0-9a-f]{8}\.new$/)]);
  expect(await readFile(join(directory, 'file'), 'utf8')).toBe('old');
  expect(await readdir(directory)).toEqual(['file']);
});

it('gives each writer its own temporary file', async () => {
  const directory = temporaryDirectory();
  const path = join(directory, 'file');
  const contents = Array.from({ length: 20 }, (_, index) => String(index).repeat(100_000));
  await Promise.all(contents.map((content) => replaceFile(path, content)));
  expect(contents).toContain(await readFile(path, 'utf8'));
  expect(await readdir(directory)).toEqual(['file']);
});
