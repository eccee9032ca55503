import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { proxyFromEnvironment } from '../../src/cms/proxy.ts';
import { OperationError } from '../../src/core/errors.ts';
import type { TlsOptions } from '../../src/simulator/certificates.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { runQuery, clientOf, failureOf } from '../support/api-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { respondingWith, type Proxy, serveHttp, serveProxy, serveTcp } from '../support/local-servers.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';

const directory = temporaryDirectory();
async function simulate(tls: TlsOptions | false = {}): Promise<{ simulator: Simulator; caFile: string }> {
  const simulator = await startSimulator({ tls });
  cleanup(() => simulator.close());
  const caFile = join(directory, `${simulator.port}.pem`);
  writeFileSync(caFile, simulator.caPem ?? '');
  return { simulator, caFile };
}

async function proxying(status?: number): Promise<Proxy> {
  const proxy = await serveProxy(status);
  cleanup(() => proxy.close());
  return proxy;
}

const withUser = (proxy: Proxy, user: string) => proxy.url.replace('://', `://${user}@`);
const basic = (user: string) => `Basic ${Buffer.from(user).toString('base64')}`;

describe('a proxy', () => {
  test('of the config gets CONNECT for HTTPS and whole URLs for HTTP', async () => {
    const { simulator, caFile } = await simulate();
    const plain = await simulate(false);
    // Squid allows tunnels to the ports of HTTPS alone.
    const proxy = await serveProxy(200, simulator.port);
    cleanup(() => proxy.close());
    expect(
      (await runQuery(clientOf({ url: simulator.url, tls: { caFile }, proxyUrl: proxy.url }))).failure,
    ).toBeUndefined();
    expect(proxy.tunnels).toEqual([{ target: `127.0.0.1:${simulator.port}`, credentials: undefined }]);
    const { url } = plain.simulator;
    expect((await runQuery(clientOf({ url, proxyUrl: proxy.url }))).failure).toBeUndefined();
    expect((await runQuery(clientOf({ url, proxyUrl: withUser(proxy, 'user:pass') }))).failure).toBeUndefined();
    const target = `${url}/rest/cmsapp/v1/openapi/cti/sysindex`;
    expect(proxy.forwarded).toEqual([
      { target, credentials: undefined },
      { target, credentials: basic('user:pass') },
    ]);
    expect(proxy.tunnels).toHaveLength(1);
  });

  test('of the environment is used, and the one of the config goes first', async () => {
    const [proxy, other] = [await proxying(), await proxying()];
    const { simulator, caFile } = await simulate();
    const options = { url: simulator.url, tls: { caFile }, environment: { HTTPS_PROXY: proxy.url } };
    expect((await runQuery(clientOf(options))).failure).toBeUndefined();
    expect([proxy.tunnels.length, other.tunnels.length]).toEqual([1, 0]);
    expect((await runQuery(clientOf({ ...options, proxyUrl: other.url }))).failure).toBeUndefined();
    expect([proxy.tunnels.length, other.tunnels.length]).toEqual([1, 1]);
    const direct = { ...options.environment, NO_PROXY: '127.0.0.0/8' };
    expect((await runQuery(clientOf({ ...options, environment: direct }))).failure).toBeUndefined();
    expect(proxy.tunnels).toHaveLength(1);
  });

  test('keeps its tunnels, and has no more of them than connections are configured', async () => {
    const proxy = await proxying();
    const { simulator, caFile } = await simulate();
    const client = clientOf({ url: simulator.url, tls: { caFile }, proxyUrl: proxy.url, connections: 2 });
    const results = await Promise.all(Array.from({ length: 20 }, () => runQuery(client)));
    expect(results.every(({ failure }) => failure === undefined)).toBe(true);
    expect(proxy.tunnels.length).toBeLessThanOrEqual(2);
    expect(simulator.counters.maxActive).toBeLessThanOrEqual(2);
  });

  test.each(['user:pass', 'user:p%40ss%3A', 'user', 'user:100%'])('gets the credentials of %s', async (user) => {
    const proxy = await proxying();
    const { simulator } = await simulate();
    await runQuery(clientOf({ url: simulator.url, proxyUrl: withUser(proxy, user) }));
    const decoded = { 'user:p%40ss%3A': 'user:p@ss:', user: 'user:' }[user] ?? user;
    expect(proxy.tunnels[0]?.credentials).toBe(basic(decoded));
  });

  test.each([{}, { insecureSkipVerify: true }])('lets the certificate of the CMS be seen, with %j', async (tls) => {
    const proxy = await proxying();
    const { simulator, caFile } = await simulate();
    const trust = 'insecureSkipVerify' in tls ? tls : { caFile };
    const client = clientOf({ url: simulator.url, tls: trust, proxyUrl: proxy.url });
    expect((await runQuery(client)).failure).toBeUndefined();
    expect(client.expiries).toEqual([simulator.certificateNotAfter]);
  });

  test('does not loosen the check of the certificate', async () => {
    const proxy = await proxying();
    const { simulator, caFile } = await simulate({ host: 'wrong' });
    const options = { url: simulator.url, proxyUrl: proxy.url };
    expect((await failureOf(clientOf({ ...options, tls: { caFile } }))).message).toContain('another host name');
    expect((await failureOf(clientOf(options))).hint).toContain('tls.ca_file');
    const tls = { caFile, serverName: 'other.example.com' };
    expect((await runQuery(clientOf({ ...options, tls }))).failure).toBeUndefined();
  });
});

describe('a proxy that fails is named, without its credentials', () => {
  test.each([
    [407, 'Check the user and the password in proxy_url'],
    [403, 'Have the proxy allow this machine to CONNECT'],
    [502, 'Check that the proxy can reach the host and port of url'],
    [301, 'that proxy_url is a proxy'],
  ])('when it responds with %i', async (status, hint) => {
    const proxy = await proxying(status);
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url, proxyUrl: withUser(proxy, 'user:hunter2') }));
    expect(error.reason).toBe('network');
    expect(error.message).toBe(
      `${simulator.url}: the proxy 127.0.0.1:${proxy.port} sent HTTP ${status} and opened no tunnel`,
    );
    expect(error.hint).toContain(hint);
    expect(proxy.tunnels).toHaveLength(1);
    expect(JSON.stringify([error, error.message, error.stack])).not.toMatch(/hunter2|dXNlcj/);
  });

  test('when it does not run', async () => {
    const proxy = await serveProxy();
    await proxy.close();
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url, proxyUrl: proxy.url }));
    expect(error.reason).toBe('network');
    expect(error.message).toBe(`${simulator.url}: the proxy 127.0.0.1:${proxy.port}: connection refused`);
    expect(error.hint).toContain('Check proxy_url (or the proxy variables of the environment)');
    expect(simulator.connections).toBe(0);
  });

  test('when it does not exist', async () => {
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url, proxyUrl: 'http://proxy.invalid:3128' }));
    expect(error.message).toMatch(/the proxy proxy.invalid:3128: DNS: .* proxy\.invalid/);
    expect(error.hint).toContain('proxy_url');
  });

  test('when it closes the connection, which is not tried again and again', async () => {
    const proxy = await serveTcp((socket) => socket.once('data', () => socket.end()));
    cleanup(() => proxy.close());
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url, proxyUrl: proxy.url }));
    expect(error.message).toContain(`the proxy 127.0.0.1:${proxy.port}: connection closed`);
    expect(proxy.connections()).toBe(1);
  });

  test('when it says nothing, the timeout ends it', async () => {
    const clock = new FakeClock(Date.now());
    const proxy = await serveTcp(() => undefined);
    cleanup(() => proxy.close());
    const { simulator } = await simulate();
    const failing = failureOf(clientOf({ url: simulator.url, proxyUrl: proxy.url, clock, timeoutMs: 7_000 }));
    while (proxy.connections() === 0) await new Promise((resolve) => setImmediate(resolve));
    clock.advance(7_000);
    expect((await failing).reason).toBe('timeout');
  });

  test('when it is a web server', async () => {
    const server = await serveHttp(respondingWith([]));
    cleanup(() => server.close());
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url, proxyUrl: server.url }));
    expect(error.reason).toBe('network');
    expect(error.message).toContain(`the proxy 127.0.0.1:${server.port}`);
    expect(error.hint).toContain('prox');
  });
});

describe('the environment', () => {
  const https = 'https://cms.example.com:28443';
  const proxy = 'http://proxy:3128';

  test.each([
    ['https_proxy', https, { https_proxy: proxy }, proxy],
    ['HTTPS_PROXY', https, { HTTPS_PROXY: proxy }, proxy],
    ['the lower-case name first', https, { https_proxy: proxy, HTTPS_PROXY: 'http://other:1' }, proxy],
    ['http_proxy for http://', 'http://cms', { http_proxy: proxy, https_proxy: 'http://other:1' }, proxy],
    ['no http_proxy for https://', https, { http_proxy: proxy }, undefined],
    ['all_proxy for both', https, { ALL_PROXY: proxy }, proxy],
    ['https_proxy before all_proxy', https, { all_proxy: 'http://other:1', HTTPS_PROXY: proxy }, proxy],
    ['a proxy without a scheme', https, { https_proxy: 'proxy:3128' }, proxy],
    ['an empty variable as none', https, { https_proxy: '' }, undefined],
    ['nothing', https, {}, undefined],
  ])('gives %s', (_, url, environment, expected) => {
    expect(proxyFromEnvironment(url, environment)).toBe(expected);
  });

  test.each([
    [https, '*', true],
    [https, 'cms.example.com', true],
    [https, 'CMS.Example.COM', true],
    ['https://cms.example.com.:28443', 'cms.example.com', true],
    ['https://cms.example.com.:28443', 'example.com', true],
    [https, 'cms.example.com.', true],
    [https, 'example.com', true],
    [https, '.example.com', true],
    [https, '*.example.com', true],
    [https, 'ample.com', false],
    [https, 'example.com:28443', true],
    [https, 'example.com:443', false],
    ['https://cms.example.com', 'example.com:443', true],
    ['http://cms.example.com', 'example.com:80', true],
    [https, 'other.com, example.com', true],
    [https, 'other.com example.com', true],
    [https, 'other.com', false],
    [https, '', false],
    [https, ',', false],
    [https, 'com.example', false],
    ['https://10.1.2.3:28443', '10.1.2.3', true],
    ['https://10.1.2.3:28443', '10.1.2.3:28443', true],
    ['https://10.1.2.3:28443', '10.1.2.3:443', false],
    ['https://10.1.2.3', '10.0.0.0/8', true],
    ['https://10.1.2.3', '10.1.3.0/24', false],
    ['https://10.1.2.3', '10.0.0.0/99', false],
    ['https://10.1.2.3', '2.3', false],
    ['https://10.1.2.3', '.2.3', false],
    ['https://[2001:db8::1]:28443', '2001:db8::1', true],
    ['https://[2001:db8::1]:28443', '2001:db8:0:0::1', true],
    ['https://[2001:db8::1]:28443', '[2001:db8::1]', true],
    ['https://[2001:db8::1]:28443', '[2001:db8::1]:28443', true],
    ['https://[2001:db8::1]:28443', '[2001:db8::1]:443', false],
    ['https://[2001:db8::1]:28443', '2001:db8::/32', true],
    ['https://[2001:db8::1]:28443', '2001:db9::/32', false],
    ['https://[::1]:28443', '::1', true],
    ['https://[::1]', '127.0.0.1', false],
  ])('%s with NO_PROXY=%s: direct is %s', (url, noProxy, isDirect) => {
    for (const name of ['no_proxy', 'NO_PROXY'])
      expect(proxyFromEnvironment(url, { all_proxy: proxy, [name]: noProxy })).toBe(isDirect ? undefined : proxy);
  });

  test.each(['socks5://proxy:1080', 'http://', 'http://a b', 'http://user:hunter2@:80', 'ftp://x'])(
    'that names %j for a proxy is refused, without the value',
    (value) => {
      const read = () => proxyFromEnvironment(https, { HTTPS_PROXY: value });
      expect(read).toThrow(OperationError);
      expect(read).toThrow(/^The environment variable https_proxy is not the http:\/\/ or https:\/\/ URL of a proxy$/);
    },
  );

  test('may hold anything without more than an OperationError', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (https_proxy, no_proxy) => {
        try {
          const found = proxyFromEnvironment(https, { https_proxy, no_proxy });
          expect(found === undefined || URL.canParse(found)).toBe(true);
        } catch (error) {
          expect(error).toBeInstanceOf(OperationError);
        }
      }),
      { numRuns: 1000 },
    );
  });
});
