import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { healthcheck, serveFlagsOf } from '../../src/commands/healthcheck.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { issue, makeCa, writePair } from '../support/certificates.ts';
import { run as runCommand } from '../support/command.ts';
import { run } from '../support/program.ts';

let directory: string;
let config: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'healthcheck-'));
  const ca = await makeCa('Test CA');
  await writePair(directory, await issue(ca, 'server'));
  await writeFile(join(directory, 'client-ca.crt'), ca.cert);
  config = join(directory, 'config.yaml');
  // Nothing listens there, so the first poll hangs until its timeout: not ready.
  const silent = createServer(() => undefined).listen(0, '127.0.0.1');
  silent.unref();
  await new Promise((resolve) => silent.once('listening', resolve));
  const address = silent.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  await writeFile(
    config,
    `call_centers: [{ name: a, url: 'http://127.0.0.1:${port}', access_key: x, secret_key: y, vdns: [1], poll: { timeout: 60s } }]`,
  );
});
afterAll(() => rm(directory, { recursive: true }));

/** Starts an exporter on a free port; returns the flags that it would have been started with for that port. */
async function start(...more: string[]): Promise<string[]> {
  const program = run([`--config.file=${config}`, '--web.listen-address=127.0.0.1:0', ...more]);
  const [, port = ''] = await program.says(/Listening url=\S+:(\d+)/);
  return [`--config.file=${config}`, `--web.listen-address=127.0.0.1:${port}`, ...more];
}

const check = (...args: string[]) => runCommand(healthcheck, args, { clock: undefined as never });

async function webConfig(text: string): Promise<string> {
  const file = join(directory, 'web.yaml');
  await writeFile(file, text);
  return `--web.config.file=${file}`;
}

describe('healthcheck', () => {
  test('follows the flags of the exporter', async () => {
    const flags = await start();
    const alive = await check(...flags);
    expect(alive.code).toBe(0);
    expect(alive.stdout).toMatch(/^OK: http:.*status 200\n$/);
    const notReady = await check('--ready', ...flags);
    expect(notReady.error).toBeInstanceOf(OperationError);
    expect(String(notReady.error)).toMatch(/\/-\/ready: status 503$/);
  });

  test('accepts a response that requires a login or a client certificate', async () => {
    const tls = 'tls_server_config: { cert_file: server.crt, key_file: server.key';
    const users = 'basic_auth_users: { a: $2y$10$abcdefghijklmnopqrstuu0z8YBVyVxCc0Rtr9qKnWyQ0D5xR8wm6 }';
    const withUsers = await start(await webConfig(`${tls} }\n${users}`));
    expect((await check(...withUsers)).stdout).toMatch(/^OK: https:.*status 401\n$/);
    const certificates = `${tls}, client_auth_type: RequireAndVerifyClientCert, client_ca_file: client-ca.crt }`;
    const withCertificates = await start(await webConfig(certificates));
    expect((await check(...withCertificates)).code).toBe(0);
  });

  test('fails where nothing listens, and where nothing responds', async () => {
    const closed = await check('--config.file=x', '--web.listen-address=127.0.0.1:9');
    expect(String(closed.error)).toMatch(/127\.0\.0\.1:9\/-\/healthy: .*ECONNREFUSED/);
    const silent = createServer(() => undefined).listen(0, '127.0.0.1');
    await new Promise((resolve) => silent.once('listening', resolve));
    const { port } = silent.address() as { port: number };
    const hung = await check('--config.file=x', `--web.listen-address=127.0.0.1:${port}`);
    silent.close();
    expect(String(hung.error)).toMatch(/no response in 3 s$/);
  });

  test('finds the flags of process 1', async () => {
    const line = (...words: string[]): string => words.map((word) => `${word}\0`).join('');
    expect(serveFlagsOf(line('node', '/app/dist/main.js', '--config.file=a'))).toEqual(['--config.file=a']);
    expect(serveFlagsOf(line('docker-init', '--', 'node', '/app/dist/main.js', 'serve', '--config.file=a b'))).toEqual([
      '--config.file=a b',
    ]);
    expect(serveFlagsOf(line('node', '/app/dist/main.js', 'simulate', '--http'))).toBeUndefined();
    expect(serveFlagsOf(line('/sbin/init'))).toBeUndefined();
    expect(serveFlagsOf('')).toBeUndefined();
    expect((await check()).error).toBeInstanceOf(UsageError);
  });
});
