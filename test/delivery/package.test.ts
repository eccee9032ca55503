import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, expect, test } from 'vitest';

interface Packed {
  readonly files: readonly { readonly path: string }[];
}

let directory = '';
afterEach(() => {
  if (directory !== '') rmSync(directory, { recursive: true, force: true });
});

/** A copy of what git has, in a path with a blank, as a fresh clone is. */
function freshClone(): string {
  directory = mkdtempSync(join(tmpdir(), 'aicc package '));
  const files = execFileSync('git', ['ls-files', '-z'], { encoding: 'utf8' }).split('\0');
  for (const file of files) if (file !== '' && existsSync(file)) cpSync(file, join(directory, file));
  return directory;
}

const pack = (cwd: string) => spawnSync('npm', ['pack', '--json'], { cwd, encoding: 'utf8' });

test('a package cannot be made without the program', { timeout: 300_000 }, () => {
  const { status, stderr } = pack(freshClone());
  expect(status).not.toBe(0);
  expect(stderr).toContain('The compiler is not installed: run `npm ci` first');
  expect(readdirSync(directory).filter((name) => name.endsWith('.tgz'))).toEqual([]);
});

test('the package builds itself, runs outside of the checkout, and holds no tests', { timeout: 300_000 }, () => {
  const clone = freshClone();
  symlinkSync(resolve('node_modules'), join(clone, 'node_modules'));
  const { stdout, stderr } = pack(clone);
  const paths = (JSON.parse(stdout || `{ "stderr": ${JSON.stringify(stderr)} }`) as readonly Packed[]).flatMap(
    ({ files }) => files.map(({ path }) => path),
  );
  for (const path of ['dist/main.js', 'README.md', 'LICENSE', 'config.example.yaml', 'scripts/demo-config.yaml'])
    expect(paths).toContain(path);
  expect(paths.filter((path) => /^(test|src|bench)\/|tsbuildinfo/.test(path))).toEqual([]);

  const [archive = ''] = readdirSync(clone).filter((name) => name.endsWith('.tgz'));
  execFileSync('tar', ['xzf', archive], { cwd: clone });
  const main = join(clone, 'package/dist/main.js');
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
  expect(execFileSync(process.execPath, [main, '--version'], { encoding: 'utf8' })).toContain(version);
});

test('the package is public, and names no repository that does not exist', () => {
  const manifest = JSON.parse(readFileSync('package.json', 'utf8')) as Readonly<Record<string, unknown>>;
  expect(manifest['private']).toBeUndefined();
  expect(manifest['publishConfig']).toEqual({ access: 'public', provenance: true });
  // The release workflow sets it: npm's provenance compares it with where the package was built.
  expect(manifest['repository']).toBeUndefined();
});
