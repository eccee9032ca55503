import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { Agent, get } from 'node:http';
import { createServer, isIPv6 } from 'node:net';
import type { AddressInfo } from 'node:net';
import { networkInterfaces, tmpdir } from 'node:os';
import { join } from 'node:path';

import { hashSync } from 'bcryptjs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test, vi } from 'vitest';

import { FakeClock } from '../support/fake-clock.ts';
import { ConfigError, OperationError, UsageError } from '../../src/core/errors.ts';
import { Connections } from '../../src/web-server/connections.ts';
import { dial, received, serve } from '../support/serving.ts';

const GET = 'GET / HTTP/1.1\r\nHost: test\r\n\r\n';
const LAST_GET = 'GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n';

const addressesHere = Object.values(networkInterfaces()).flatMap((addresses = []) => addresses);
const hasIPv6 = addressesHere.some(({ address }) => address === '::1');
const isRoot = process.getuid?.() === 0;
if (!hasIPv6) process.stderr.write('Skipped what needs IPv6: this machine has none\n');
if (isRoot) process.stderr.write('Skipped the privileged port: root may have any\n');

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'server-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function webConfig(yaml: string): Promise<string> {
  const file = join(directory, `${Math.random()}.yaml`);
  await writeFile(file, yaml);
  return file;
}

const login = (credentials: string): { headers: { authorization: string } } => ({
  headers: { authorization: `Basic ${Buffer.from(credentials).toString('base64')}` },
});

async function busyPort(): Promise<number> {
  const busy = createServer().listen(0, '127.0.0.1');
  await once(busy, 'listening');
  busy.unref();
  return (busy.address() as AddressInfo).port;
}

/** A handler that leaves each response to the test. */
function held(): {
  handler: (req: IncomingMessage, res: ServerResponse) => void;
  next: () => Promise<ServerResponse>;
} {
  const waiting: ServerResponse[] = [];
  let wake: () => void = () => undefined;
  return {
    handler: (_, res) => {
      waiting.push(res);
      wake();
    },
    next: async () => {
      while (waiting.length === 0) await new Promise<void>((resolve) => (wake = resolve));
      return waiting.shift() as ServerResponse;
    },
  };
}

describe('listening', () => {
  test('port 0 becomes a real port, on each of several addresses', async () => {
    const { addresses, log } = await serve({ listenAddresses: ['127.0.0.1:0', 'localhost:0'] });
    expect(addresses).toHaveLength(2);
    for (const url of addresses) expect(await (await fetch(url)).text()).toBe('served');
    expect(log.map(({ details }) => details)).toEqual(addresses.map((url) => ({ url })));
  });

  test.skipIf(!hasIPv6)('an address without a host is reached by IPv4 and IPv6', async () => {
    const { addresses, port } = await serve({ listenAddresses: [':0'] });
    expect(addresses).toEqual([`http://[::]:${port}`]);
    for (const host of ['127.0.0.1', '[::1]']) {
      expect(await (await fetch(`http://${host}:${port}`)).text()).toBe('served');
    }
    const six = await serve({ listenAddresses: ['[::1]:0'] });
    expect(isIPv6(new URL(six.addresses[0] ?? '').hostname.slice(1, -1))).toBe(true);
    expect(await (await fetch(six.addresses[0] ?? '')).text()).toBe('served');
  });

  test('a busy port is named, and the other addresses are given back', async () => {
    const port = await busyPort();
    const free = createServer().listen(0, '127.0.0.1');
    await once(free, 'listening');
    const { port: freePort } = free.address() as AddressInfo;
    await new Promise((resolve) => free.close(resolve));

    const failed = serve({ listenAddresses: [`127.0.0.1:${freePort}`, `127.0.0.1:${port}`] });
    await expect(failed).rejects.toThrow(
      new OperationError(
        `Cannot listen on 127.0.0.1:${port}: the port is in use; stop the program that has it, ` +
          'or choose another one with --web.listen-address',
      ),
    );
    await serve({ listenAddresses: [`127.0.0.1:${freePort}`] });
  });

  test('an address of another machine is refused', async () => {
    const failed = serve({ listenAddresses: ['192.0.2.1:0'] });
    await expect(failed).rejects.toThrow(OperationError);
    await expect(failed).rejects.toThrow('Cannot listen on 192.0.2.1:0: this machine does not have the address');
  });

  test.skipIf(isRoot)('a privileged port is refused', async () => {
    await expect(serve({ listenAddresses: ['127.0.0.1:1'] })).rejects.toThrow('ports below 1024 are for privileged');
  });

  test('an address that cannot be read is refused before anything else', async () => {
    await expect(serve({ listenAddresses: ['127.0.0.1:0', '10122'] })).rejects.toThrow(UsageError);
  });
});

describe('the web config', () => {
  test('its headers are on every response, refusals included', async () => {
    const { port } = await serve({
      webConfigFile: await webConfig(
        `http_server_config: { headers: { X-Frame-Options: deny } }\nbasic_auth_users: { a: '${hashSync('p', 4)}' }`,
      ),
    });
    for (const [init, status] of [
      [{}, 401],
      [login('a:p'), 200],
    ] as const) {
      const response = await fetch(`http://127.0.0.1:${port}`, init);
      expect([response.status, response.headers.get('x-frame-options')]).toEqual([status, 'deny']);
    }
  });

  test('only users with their password get in', async () => {
    const { port } = await serve({ webConfigFile: await webConfig(`basic_auth_users: { a: '${hashSync('p', 4)}' }`) });
    const url = `http://127.0.0.1:${port}`;
    for (const wrong of ['a:q', 'a:', 'b:p', ':p', 'A:p']) {
      const response = await fetch(url, login(wrong));
      expect(response.status, wrong).toBe(401);
      expect(response.headers.get('www-authenticate')).toMatch(/^Basic realm="/);
      expect(await response.text()).toBe('Unauthorized\n');
    }
    expect((await fetch(url)).status).toBe(401);
    expect((await fetch(url, { headers: { authorization: 'Bearer x' } })).status).toBe(401);
    const head = await fetch(url, { method: 'HEAD' });
    expect([head.status, await head.text()]).toEqual([401, '']);
    for (let i = 0; i < 3; i++) expect(await (await fetch(url, login('a:p'))).text()).toBe('served');
  });

  test('a flood of guesses does not hold up a user that was let in before', async () => {
    const { port } = await serve({ webConfigFile: await webConfig(`basic_auth_users: { a: '${hashSync('p', 8)}' }`) });
    const url = `http://127.0.0.1:${port}`;
    expect((await fetch(url, login('a:p'))).status).toBe(200);
    let answered = 0;
    const guesses = Array.from({ length: 80 }, async (_, i) => {
      const { status } = await fetch(url, login(`a:${i}`));
      answered += 1;
      return status;
    });
    await new Promise((resolve) => setImmediate(resolve));
    for (let i = 0; i < 20; i++) expect((await fetch(url, login('a:p'))).status).toBe(200);
    expect(answered).toBeLessThan(80);
    const statuses = await Promise.all(guesses);
    expect(statuses.filter((status) => status === 401)).toHaveLength(statuses.filter((s) => s !== 503).length);
    expect(statuses).toContain(503);
  });

  test('requests above the rate limit are refused until time has passed', async () => {
    const clock = new FakeClock(0);
    const { port } = await serve({
      webConfigFile: await webConfig('rate_limit: { interval: 1s, burst: 2 }'),
      clock,
    });
    const status = async (): Promise<number> => (await fetch(`http://127.0.0.1:${port}`)).status;
    expect([await status(), await status(), await status()]).toEqual([200, 200, 429]);
    clock.advance(999);
    expect(await status()).toBe(429);
    clock.advance(1);
    expect([await status(), await status()]).toEqual([200, 429]);
  });

  test('a reload takes users and headers from the file as it is now, on open connections too', async () => {
    const file = await webConfig(`basic_auth_users: { a: '${hashSync('p', 4)}' }`);
    const { port, reload } = await serve({ webConfigFile: file });
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const status = (auth: string): Promise<number | undefined> =>
      new Promise((resolve, reject) => {
        get({ port, host: '127.0.0.1', agent, auth }, (res) => {
          res.resume().on('end', () => {
            resolve(res.statusCode);
          });
        }).on('error', reject);
      });
    expect([await status('a:p'), await status('b:q')]).toEqual([200, 401]);
    await writeFile(file, `basic_auth_users: { b: '${hashSync('q', 4)}' }`);
    expect([await status('a:p'), await status('b:q')]).toEqual([200, 401]);
    await reload();
    expect([await status('a:p'), await status('b:q')]).toEqual([401, 200]);
    agent.destroy();
  });

  test('a file that cannot be used stops the start, and a reload leaves everything as it was', async () => {
    const file = await webConfig('web: true');
    await expect(serve({ webConfigFile: file })).rejects.toThrow(ConfigError);
    await writeFile(file, 'http_server_config: { headers: { X-Frame-Options: deny } }');
    const { port, reload } = await serve({ webConfigFile: file });
    await writeFile(file, 'http_server_config: { headers: {} }\nbasic_auth_users: { a: b }');
    await expect(reload()).rejects.toThrow(ConfigError);
    await rm(file);
    await expect(reload()).rejects.toThrow('Cannot read the config file');
    expect((await fetch(`http://127.0.0.1:${port}`)).headers.get('x-frame-options')).toBe('deny');
  });
});

describe('clients that misbehave', () => {
  test('headers that are too large get 431', async () => {
    const { port } = await serve();
    const socket = await dial(port);
    socket.write(`GET / HTTP/1.1\r\nHost: test\r\nX-Large: ${'x'.repeat(17_000)}\r\n\r\n`);
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 431 /);
  });

  test.each([
    ['silence', ''],
    ['half a header', 'GET / HTTP/1.1\r\nHost: te'],
    ['a body that does not come', 'POST / HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\n'],
  ])('%s gets 408 when its time is over', async (_, text) => {
    const { port } = await serve({
      handler: (req, res) => {
        req.resume().on('end', () => {
          res.end();
        });
      },
      limits: { headersTimeout: 80, requestTimeout: 100, connectionsCheckingInterval: 20 },
    });
    const socket = await dial(port);
    socket.write(text);
    expect(await received(socket)).toMatch(/^HTTP\/1\.1 408 /);
  });

  test.each([
    ['nothing', { socketTimeout: 200 }, 0],
    ['too slowly', { responseTimeout: 300 }, 50],
  ])('a client that reads %s is cut off', async (_, limits, readEveryMs) => {
    const large = Buffer.alloc(64 * 1024 * 1024);
    let closed: () => void = () => undefined;
    const cutOff = new Promise<void>((resolve) => {
      closed = resolve;
    });
    const { port } = await serve({
      handler: (_req, res) => {
        res.on('close', closed);
        res.end(large);
      },
      limits,
    });
    const socket = await dial(port);
    socket.pause();
    socket.write(GET);
    const reading = readEveryMs > 0 ? setInterval(() => void socket.read(1024), readEveryMs) : undefined;
    await cutOff;
    clearInterval(reading);
  });

  test('pipelined requests are handled one after the other, only as far as the responses are read', async () => {
    const body = Buffer.alloc(2 * 1024 * 1024, 'x');
    let started = 0;
    let atOnce = 0;
    let most = 0;
    const { port } = await serve({
      handler: (_, res) => {
        started += 1;
        atOnce += 1;
        res.prependListener('finish', () => (atOnce -= 1));
        most = Math.max(most, atOnce);
        setImmediate(() => res.end(body));
      },
    });
    const socket = await dial(port);
    socket.pause();
    socket.write(GET.repeat(500));
    while (started === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    await new Promise((resolve) => setTimeout(resolve, 100));
    // What the buffers of both sockets hold.
    expect(started).toBeLessThan(10);
    expect(most).toBe(1);
  });

  test('pipelined requests get their responses in order', async () => {
    let count = 0;
    const { port } = await serve({ handler: (_, res) => void res.end(`<${++count}>`) });
    const socket = await dial(port);
    socket.write(GET.repeat(16) + LAST_GET);
    const numbers = (await received(socket)).match(/<\d+>/g);
    expect(numbers).toEqual(Array.from({ length: 17 }, (_, i) => `<${i + 1}>`));
  });

  test('a connection on which more than 16 requests wait is closed, and the others are served', async () => {
    const { handler, next } = held();
    const { port, log } = await serve({ handler });
    const [flood, other] = [await dial(port), await dial(port)];
    flood.write(GET.repeat(17));
    const response = await next();
    other.write(LAST_GET);
    (await next()).end('served');
    expect(await received(other)).toContain('served');
    expect(log.filter(({ level }) => level === 'warn')).toEqual([]);

    let isCutOff = false;
    response.on('close', () => (isCutOff = true));
    flood.write(GET);
    expect(await received(flood)).toBe('');
    await expect.poll(() => isCutOff).toBe(true);
    expect(log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: 'Closed a connection',
        details: { client: '127.0.0.1', reason: 'more than 16 requests waiting' },
      }),
    ]);
  });

  test('of a flood on one connection no more than 18 requests are parsed', async () => {
    const { handler, next } = held();
    const parsed = vi.spyOn(Connections.prototype, 'handle');
    onTestFinished(() => {
      parsed.mockRestore();
    });
    const { port } = await serve({ handler });
    const flood = await dial(port);
    flood.write(GET.repeat(1000));
    await next();
    expect(await received(flood)).toBe('');
    expect(parsed.mock.calls.length).toBe(18);
  });

  test('a client that has closed its side after the request gets a response', async () => {
    const { port } = await serve();
    const socket = await dial(port);
    socket.end(GET);
    expect(await received(socket)).toContain('served');
  });

  test('a thousand idle connections leave the server as it is', async () => {
    const { port } = await serve();
    const idle = await Promise.all(Array.from({ length: 1000 }, () => dial(port)));
    expect(await (await fetch(`http://127.0.0.1:${port}`)).text()).toBe('served');
    expect(idle.every((socket) => !socket.closed)).toBe(true);
  });

  test('at the limit the longest idle connection is closed for a new one, and the log says so once', async () => {
    const { port, log } = await serve({ limits: { maxConnections: 3 } });
    const [first, second, third] = [await dial(port), await dial(port), await dial(port)];
    first.write(GET);
    await once(first, 'data');
    const fourth = await dial(port);
    expect(await received(second)).toBe('');
    const fifth = await dial(port);
    expect(await received(third)).toBe('');
    for (const socket of [first, fourth, fifth]) {
      socket.write(LAST_GET);
      expect(await received(socket)).toContain('served');
    }
    expect(log.filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({
        message: 'Closed a connection',
        details: { client: '127.0.0.1', reason: 'too many connections' },
      }),
    ]);
  });

  test('a connection with a request is closed for a new one only when all have a request, the oldest first', async () => {
    const { handler, next } = held();
    const { port } = await serve({ handler, limits: { maxConnections: 2 } });
    const [first, idle] = [await dial(port), await dial(port)];
    first.write(GET);
    await next();
    const second = await dial(port);
    expect(await received(idle)).toBe('');
    second.write(LAST_GET);
    const response = await next();
    const third = await dial(port);
    expect(await received(first)).toBe('');
    third.write(LAST_GET);
    (await next()).end('third');
    expect(await received(third)).toContain('third');
    response.end('second');
    expect(await received(second)).toContain('second');
  });

  test('an idle connection is closed after a while, and what is no HTTP at once', async () => {
    const { port } = await serve({ limits: { keepAliveTimeout: 50 } });
    const socket = await dial(port);
    socket.write(GET);
    expect(await received(socket)).toContain('served');
    const strange = await dial(port);
    strange.write(Buffer.from('16030100c8010000c40303', 'hex'));
    expect(await received(strange)).toMatch(/^HTTP\/1\.1 400 /);
  });
});

describe('malformed requests', () => {
  const refusals = (log: readonly { readonly message: string; readonly details: object }[]): object[] =>
    log.filter(({ message }) => message === 'Refused a request').map(({ details }) => details);

  test.each([
    ['no HTTP', 'hello\r\n\r\n', 400, 'HPE_INVALID_METHOD'],
    ['two Host headers', 'GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n', 400, 'invalid Host header'],
    ['a Host header with a blank', 'GET / HTTP/1.1\r\nHost: a b\r\n\r\n', 400, 'invalid Host header'],
    ['no Host header', 'GET / HTTP/1.1\r\n\r\n', 400, 'invalid Host header'],
    [
      'an unknown coding',
      'GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n',
      501,
      'unsupported Transfer-Encoding',
    ],
    [
      'two lengths',
      'GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n',
      400,
      'HPE_UNEXPECTED_CONTENT_LENGTH',
    ],
    ['large headers', `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(17_000)}\r\n\r\n`, 431, 'HPE_HEADER_OVERFLOW'],
  ])('%s is refused and logged', async (_, text, status, reason) => {
    const { port, log } = await serve();
    for (let i = 0; i < 2; i++) {
      const socket = await dial(port);
      socket.write(text);
      expect(await received(socket)).toMatch(new RegExp(`^HTTP/1\\.1 ${status} [^]*Connection: close`, 'i'));
    }
    expect(refusals(log)).toEqual([{ client: '127.0.0.1', reason }]);
  });

  test('an unknown coding alone is refused with 501', async () => {
    const { port, log } = await serve();
    const socket = await dial(port);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: foo\r\n\r\n');
    const response = await received(socket);
    expect(response).toMatch(/^HTTP\/1\.1 501 /);
    expect(response).not.toContain('served');
    expect(refusals(log)).not.toEqual([]);
  });

  test('HTTP/1.0 needs no Host header', async () => {
    const { port } = await serve();
    const socket = await dial(port);
    socket.write('GET / HTTP/1.0\r\n\r\n');
    expect(await received(socket)).toContain('served');
  });

  test('what follows a request does not take its response away', async () => {
    const { handler, next } = held();
    const { port } = await serve({ handler });
    const socket = await dial(port);
    socket.write(`${GET}nonsense\r\n\r\n`);
    (await next()).end('served');
    expect(await received(socket)).toContain('served');
  });

  test('refusals by status carry nosniff', async () => {
    const { port } = await serve({
      webConfigFile: await webConfig(
        `rate_limit: { interval: 1h, burst: 1 }\nbasic_auth_users: { a: '${hashSync('p', 4)}' }`,
      ),
    });
    for (const status of [401, 429]) {
      const response = await fetch(`http://127.0.0.1:${port}`);
      expect([response.status, response.headers.get('x-content-type-options')]).toEqual([status, 'nosniff']);
    }
  });
});

describe('closing', () => {
  // Its sleeps wait until the test advances it, which it does not.
  const never = new FakeClock(0);

  test('idle connections end at once, a request in flight gets its response, new ones are refused', async () => {
    const { handler, next } = held();
    const { port, close } = await serve({ handler, clock: never });
    const silent = await dial(port);
    const idle = await dial(port);
    idle.write(GET);
    (await next()).end('first');
    await once(idle, 'data');
    const busy = await dial(port);
    busy.write(GET);
    const response = await next();

    const closing = close();
    await Promise.all([received(silent), received(idle)]);
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    response.end('last');
    busy.on('end', () => busy.end());
    const bytes = await received(busy);
    expect(bytes).toContain('last');
    expect(bytes.toLowerCase()).toContain('connection: close');
    await closing;
  });

  test('a response that has started is finished, and its connection closed', async () => {
    const { handler, next } = held();
    const { port, close } = await serve({ handler, clock: never });
    const busy = await dial(port);
    busy.write(GET);
    const response = await next();
    response.write('begun,');
    await once(busy, 'data');
    const bytes = received(busy);
    const closing = close();
    response.end('done');
    busy.once('end', () => busy.end());
    expect(await bytes).toContain('done');
    await closing;
  });

  test('a pipelined request that came before gets its response, too', async () => {
    const { handler, next } = held();
    const { port, close } = await serve({ handler, clock: never });
    const busy = await dial(port);
    busy.write(GET + GET);
    const response = await next();
    response.write('begun,');
    await once(busy, 'data');
    const bytes = received(busy);
    const closing = close();
    response.end('done');
    (await next()).end('and the pipelined one');
    busy.once('end', () => busy.end());
    expect(await bytes).toMatch(/done[^]*connection: close[^]*and the pipelined one/i);
    await closing;
  });

  test('a response that is still being sent to a slow reader is finished', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, 'x');
    const { port, close } = await serve({ handler: (_, res) => res.end(large), clock: never });
    const slow = await dial(port);
    slow.write(GET);
    await once(slow, 'readable');
    const closing = close();
    await expect(fetch(`http://127.0.0.1:${port}`)).rejects.toThrow();
    slow.once('end', () => slow.end());
    expect((await received(slow)).match(/x/g)).toHaveLength(large.length);
    await closing;
  });

  test('after the grace time what is left is cut off', async () => {
    const { handler, next } = held();
    const clock = new FakeClock(0, { sleeps: 'skip' });
    const { port, close } = await serve({ handler, clock });
    const busy = await dial(port);
    busy.write(GET);
    await next();
    await close();
    expect(await received(busy)).toBe('');
    expect(clock.skipped).toEqual([5000]);
  });

  test('closing twice, and without a connection, is fine', async () => {
    const { close } = await serve();
    await close();
    await close(0);
  });
});
