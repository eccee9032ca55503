import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { cleanup } from '../support/cleanup.ts';
import { serveProxy } from '../support/local-servers.ts';
import { audit } from '../../src/commands/audit.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, workFolder } from '../support/command.ts';
import { fixedClock } from '../support/fake-clock.ts';

const NOW = Date.UTC(2026, 2, 4, 12);
const EMPTY = '{"status":"success","warnings":["a store is gone"],"data":{"resultType":"matrix","result":[]}}';

const work = workFolder();
let simulator: Simulator;
let prometheus: Server;
let url: string;
let config: string;
let seen: IncomingMessage[] = [];
let status = 200;

beforeAll(async () => {
  simulator = await startSimulator({ vdns: [1], flat: true, now: () => NOW });
  config = configFlag(work.path('config.yaml'), [{ name: 'hq', simulator, more: 'vdns: [1]' }]);
  prometheus = createServer((request, response) => {
    seen.push(request);
    response.writeHead(status).end(EMPTY);
  }).listen(0, '127.0.0.1');
  await once(prometheus, 'listening');
  url = `http://127.0.0.1:${(prometheus.address() as AddressInfo).port}`;
});
afterAll(async () => {
  prometheus.close();
  prometheus.closeAllConnections();
  await simulator.close();
  work.remove();
});

function go(...more: string[]): Promise<Ran> {
  seen = [];
  const nameOf = (flag: string) => flag.slice(0, flag.indexOf('='));
  const given = new Set(more.map(nameOf));
  const defaults = [config, `--prometheus.url=${url}`, '--from=-2h', '--to=-1h'].filter(
    (flag) => !given.has(nameOf(flag)),
  );
  return run(audit, [...defaults, ...more], { clock: fixedClock(NOW) });
}

test('sends the headers of a file, and reports partial responses once', async () => {
  writeFileSync(work.path('headers'), 'Authorization: Bearer token\n');
  const { code, stdout, stderr } = await go('--from=-20d', `--prometheus.headers-file=${work.path('headers')}`);
  expect(code).toBe(1);
  expect(new Set(seen.map(({ headers }) => headers.authorization))).toEqual(new Set(['Bearer token']));
  expect(seen.length).toBeGreaterThan(1);
  expect(stderr.match(/^Warning: .*: a store is gone$/gm)).toHaveLength(1);
  expect(stdout).toContain('hq VDN 1: aicc_cti_windows_total: API 5748, Prometheus no series (-5748)\n');
  expect(stdout).not.toContain('token');
});

test('sends nothing to the API when Prometheus does not respond', async () => {
  status = 503;
  const before = simulator.counters.requests;
  const { error } = await go();
  status = 200;
  expect(error).toBeInstanceOf(OperationError);
  expect((error as Error).message).toBe(
    `${url}: HTTP 503\nCheck --prometheus.url and that the server responds to queries`,
  );
  expect(simulator.counters.requests).toBe(before);
});

test('does not call it agreement when neither side has anything', async () => {
  simulator.setFaults([{ kind: 'withhold' }]);
  const { code, error } = await go();
  simulator.setFaults([]);
  expect(code).toBeUndefined();
  expect((error as Error).message).toMatch(
    /^Nothing to compare: .* from 2026-03-04T10:00:00Z to 2026-03-04T11:00:00Z$/,
  );
});

test('compares nothing when the API does not give all rows', async () => {
  // One row is announced and never sent.
  simulator.setFaults([
    { kind: 'count', by: 1 },
    { kind: 'withhold', start: NOW - 2 * 3_600_000 },
  ]);
  const { error } = await go();
  simulator.setFaults([]);
  expect((error as Error).message).toMatch(/^hq: .*\nWithout all rows nothing can be compared: try again$/);
});

test.each([
  [['--prometheus.headers-file=/no/such/file'], '--prometheus.headers-file: /no/such/file cannot be read: ENOENT'],
  [['--prometheus.url=localhost:9090'], '--prometheus.url must start with http:// or https://'],
  [['--from=-1h', '--to=-2h'], 'must be before --to'],
])('%j is refused', async (flags, message) => {
  const { error } = await go(...flags);
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toContain(message);
});

test('refuses a range without a window that can have been scraped', async () => {
  const { error } = await go('--from=-5m', '--to=now');
  expect(error).toBeInstanceOf(OperationError);
  expect((error as Error).message).toBe('No window of the range ended at least 5 minutes ago');
});

test.each([
  ['goes through the proxy of its environment', {}, {}, 1],
  ['goes around it where NO_PROXY names the network', { NO_PROXY: '127.0.0.0/8' }, {}, 0],
  ['does not use the environment of the process', { http_proxy: '' }, { http_proxy: 'http://127.0.0.1:1' }, 0],
])('%s', async (_, more, ofProcess, forwarded) => {
  const proxy = await serveProxy();
  cleanup(() => proxy.close());
  for (const [name, value] of Object.entries(ofProcess)) vi.stubEnv(name, value);
  cleanup(() => vi.unstubAllEnvs());
  const args = [config, `--prometheus.url=${url}`, '--from=-2h', '--to=-1h'];
  // The API of the test is reached over the proxy, too.
  const { error } = await run(audit, args, { clock: fixedClock(NOW), env: { http_proxy: proxy.url, ...more } });
  expect(error).toBeUndefined();
  const requested = proxy.forwarded.filter(({ target }) => target.startsWith(url));
  expect(Math.min(1, requested.length)).toBe(forwarded);
});
