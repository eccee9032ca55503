import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, test } from 'vitest';

/** A script that Node.js runs before the program. */
const preload = (code: string): string => `data:text/javascript,${encodeURIComponent(code)}`;

/** Runs the built program after a script. */
async function runAfter(code: string, args: readonly string[]): Promise<{ code: number; stderr: string }> {
  const ran = promisify(execFile)(process.execPath, ['--import', preload(code), 'dist/main.js', ...args]);
  const { code: exitCode, stderr } = await ran.then(
    (output) => ({ code: 0, ...output }),
    (error: unknown) => error as { code: number; stderr: string },
  );
  return { code: exitCode, stderr };
}

/** Runs it as if Node.js were of another version. */
const runOn = (version: string, args: readonly string[]): Promise<{ code: number; stderr: string }> =>
  runAfter(
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${version}' } });
     Object.defineProperty(process, 'version', { value: 'v${version}' });`,
    args,
  );

/** Packages that the program has loaded when it ends. */
async function packagesOf(args: readonly string[]): Promise<string[]> {
  const report = `import { createRequire } from 'node:module'; const require = createRequire('file:///');
    process.on('exit', () => {
      const names = Object.keys(require.cache).map((file) => /node_modules\\/((?:@[^/]+\\/)?[^/]+)/.exec(file)?.[1]);
      console.error('LOADED ' + [...new Set(names)].filter(Boolean).sort().join(' '));
    });`;
  const { stderr } = await runAfter(report, args);
  const [, names = ''] = /^LOADED (.*)$/m.exec(stderr) ?? [];
  return names.split(' ').filter((name) => name !== '');
}

describe('the start', () => {
  test('says in one sentence that Node.js is too old, and which versions are not', async () => {
    for (const version of ['12.22.9', '18.20.8', '20.14.0', '21.7.3', '22.1.0']) {
      const { code, stderr } = await runOn(version, ['--version']);
      expect(stderr, version).toBe(
        `aicc-cti-exporter: Node.js v${version} is not supported: install 20.15 or newer of 20, or 22.2 or newer\n`,
      );
      expect(code, version).toBe(1);
    }
    for (const version of ['20.15.0', '22.2.0', '24.0.0', '27.1.0']) {
      expect(await runOn(version, ['--version']), version).toEqual({ code: 0, stderr: '' });
    }
    const { engines } = JSON.parse(readFileSync('package.json', 'utf8')) as { engines: { node: string } };
    expect(engines.node).toBe('>=20.15 <21 || >=22.2');
  });

  test('loads the modules of the command alone', async () => {
    expect(await packagesOf(['--version'])).toEqual([]);
    expect(await packagesOf(['bogus'])).toEqual([]);
    const ofSimulate = await packagesOf(['simulate', '--http', '--port=0', '--host=256.0.0.1']);
    for (const name of ['undici', 'prom-client', 'pino', 'yaml', 'selfsigned']) expect(ofSimulate).not.toContain(name);
    const ofServe = await packagesOf(['serve', '--config.file=missing.yaml']);
    expect(ofServe).toContain('prom-client');
    for (const name of ['selfsigned', 'cli-progress', 'undici', 'express']) expect(ofServe).not.toContain(name);
  });
});
