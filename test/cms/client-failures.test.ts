import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import type { OutgoingHttpHeaders, RequestListener } from 'node:http';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bodyLimit } from '../../src/cms/request.ts';
import { retryAfter } from '../../src/cms/response-errors.ts';
import { systemClock } from '../../src/core/clock.ts';
import { readSecret } from '../../src/config/secret.ts';
import type { ApiError } from '../../src/core/errors.ts';
import type { Fault } from '../../src/simulator/faults.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { runQuery, clientOf, failureOf, queryNow } from '../support/api-client.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { respondingWith, type LocalServer, serveHttp, serveTcp } from '../support/local-servers.ts';
import { cleanup } from '../support/cleanup.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const query = { vdns: [1, 2, 3], range: { from: NOON - WINDOW_MS, to: NOON } };

async function simulate(clock: FakeClock, faults: readonly Fault[] = []): Promise<Simulator> {
  const simulator = await startSimulator({ now: () => clock.now(), faults });
  cleanup(() => simulator.close());
  return simulator;
}

async function serve(listener: RequestListener): Promise<LocalServer> {
  const server = await serveHttp(listener);
  cleanup(() => server.close());
  return server;
}

/** Reason, a part of the message and a part of the hint. */
type Told = readonly [reason: string, message: string, hint: string];

function expectTold(error: ApiError, [reason, message, hint]: Told): void {
  expect(error.reason).toBe(reason);
  expect(error.message).toContain(message);
  expect(error.hint).toContain(hint);
}

describe('a failure names its cause and what to check', () => {
  test.each([
    [
      { kind: 'unauthorized' },
      ['auth', 'HTTP 401, the signature was refused', 'Check access_key and secret_key, the clock'],
    ],
    [{ kind: 'firewall' }, ['http', 'HTTP 403 with a page titled "Request blocked"', 'source address allow-listed']],
    [{ kind: 'firewall', status: 502 }, ['http', 'HTTP 502 with a page titled "Request blocked"', 'gateway']],
    [{ kind: 'throttled', seconds: 17 }, ['http', 'HTTP 429', 'lower poll.concurrency']],
    [{ kind: 'status', status: 500 }, ['http', 'HTTP 500', 'has a problem']],
    [{ kind: 'status', status: 503 }, ['http', 'HTTP 503', 'has a problem']],
    [{ kind: 'status', status: 404 }, ['http', 'HTTP 404', 'without a path']],
    [{ kind: 'status', status: 400 }, ['http', 'HTTP 400', 'CC-CMS server itself']],
    [{ kind: 'html' }, ['invalid', 'a web page with a page titled "Request blocked", not JSON', 'portal or firewall']],
    [{ kind: 'truncated' }, ['invalid', 'not complete JSON', 'cut off']],
    [{ kind: 'cut' }, ['network', 'connection', 'source address']],
    [{ kind: 'reset' }, ['network', 'connection', 'source address']],
    [{ kind: 'code' }, ['api', 'resultCode 0100001: Failed to invoke the interface', 'check its log']],
    [{ kind: 'code', code: '0101003' }, ['api', 'resultCode 0101003', 'no permission']],
    [{ kind: 'endless' }, ['invalid', 'larger than 262 KiB', 'CC-CMS']],
  ] satisfies [Fault, Told][])('%j', async (fault, told) => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock, [fault]);
    const client = clientOf({ url: simulator.url, clock });
    const error = await failureOf(client, query);
    expectTold(error, told);
    if (error.reason !== 'api') expect(error.message).toContain(simulator.url);
    expect(client.reports.map(({ failure }) => failure)).toEqual([told[0]]);
    expect(clock.sleeping).toBe(0);
    simulator.setFaults([]);
    expect((await runQuery(client, query)).failure).toBeUndefined();
  });

  test('a wrong secret key is a refused signature', async () => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock);
    const error = await failureOf(clientOf({ url: simulator.url, clock, secretKey: 'another' }), query);
    expectTold(error, ['auth', 'HTTP 401', 'query --debug-signature']);
    expect(error.status).toBe(401);
  });

  test('a redirect is not followed', async () => {
    const target = await serve(respondingWith([]));
    const server = await serve((_request, response) => response.writeHead(302, { Location: target.url }).end());
    expectTold(await failureOf(clientOf({ url: server.url })), ['http', 'HTTP 302', 'CC-CMS server itself']);
    expect(target.connections()).toBe(0);
  });

  test('a port that nobody listens on', async () => {
    const server = await serveHttp(respondingWith([]));
    await server.close();
    expectTold(await failureOf(clientOf({ url: server.url })), ['network', 'connection refused', 'the port of url']);
  });

  test('a host that does not exist', async () => {
    const error = await failureOf(clientOf({ url: 'http://cms.invalid' }));
    expect(error.reason).toBe('network');
    expect(error.message).toMatch(/DNS: .* cms\.invalid/);
    expect(error.hint).toContain('DNS');
  });

  test('a port that does not speak HTTP', async () => {
    const server = await serveTcp((socket) => socket.end('SSH-2.0-OpenSSH_9.2\r\n'));
    cleanup(() => server.close());
    expectTold(await failureOf(clientOf({ url: server.url })), ['invalid', 'not HTTP', 'port of url']);
  });

  test('a body of just the most bytes is read, one byte more is not', async () => {
    const body = '{"resultCode":"0","resultDesc":[]}';
    // Three VDNs, and their rows that start at the end of the range.
    let length = bodyLimit(6);
    const server = await serve((_request, response) => response.end(body.padEnd(length)));
    const client = clientOf({ url: server.url });
    expect((await runQuery(client)).failure).toBeUndefined();
    length++;
    expectTold(await failureOf(client), ['invalid', 'larger than 262 KiB', 'CC-CMS']);
  });

  test.each([
    [
      'compressed',
      { 'Content-Encoding': 'gzip' },
      gzipSync('{}'),
      'compressed (gzip), which was not requested',
      'gateway',
    ],
    ['empty', {}, ' ', 'the response is empty', 'cut off'],
    [
      'under headers without end',
      { 'X-Long': 'x'.repeat(100_000) },
      '{}',
      'headers of the response are too large',
      'url',
    ],
    ['of two lengths', { 'Content-Length': ['2', '3'] }, '{}', 'contradicts its Content-Length', 'cut off'],
  ])('a response that is %s is invalid', async (_, headers, body, message, hint) => {
    const server = await serve((_request, response) => response.writeHead(200, headers).end(body));
    expectTold(await failureOf(clientOf({ url: server.url })), ['invalid', message, hint]);
  });

  test.each(['UTF-8', 'none', '', 'identity, identity'])(
    'a response that says it is compressed (%s) and is not is accepted',
    async (encoding) => {
      const server = await serve((request, response) => {
        response.setHeader('Content-Encoding', encoding);
        respondingWith([])(request, response);
      });
      expect((await runQuery(clientOf({ url: server.url }))).failure).toBeUndefined();
    },
  );

  test.each([
    [403, '<title>\u001b]0;pwned\u0007\u009b31mBlocked\r\n</title>'],
    [200, '<title>\u001b[2J</title>'],
    [200, JSON.stringify({ resultCode: '\u001b[31m1', resultDesc: '\u001b[31mfailed\u0000\u007f' })],
  ])('a response cannot send control sequences to the terminal: %i %j', async (status, body) => {
    const server = await serve((_request, response) => response.writeHead(status).end(body));
    const { message, resultCode = '' } = await failureOf(clientOf({ url: server.url }));
    expect(message + resultCode).not.toMatch(/\p{Cc}/u);
  });

  test('a byte order mark before the response is ignored', async () => {
    const server = await serve((_request, response) => response.end('\uFEFF{"resultCode":"0","resultDesc":[]}'));
    expect((await runQuery(clientOf({ url: server.url }))).failure).toBeUndefined();
  });

  test('a status tells more than a page that breaks off', async () => {
    const server = await serve((_request, response) => {
      response.writeHead(401, { 'Content-Length': 1000 });
      response.write('half', () => response.destroy());
    });
    expectTold(await failureOf(clientOf({ url: server.url })), ['auth', 'HTTP 401', 'access_key']);
  });

  test('a secret key that cannot be read sends nothing', async () => {
    const server = await serve(respondingWith([]));
    const secretKey = () => readSecret({ file: '/nonexistent/secret' });
    const error = await failureOf(clientOf({ url: server.url, secretKey }));
    expectTold(error, ['auth', 'Cannot read the secret key', 'secret_key_file']);
    expect(server.connections()).toBe(0);
  });
});

describe('Retry-After', () => {
  test('in seconds', async () => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock, [{ kind: 'throttled', seconds: 17 }]);
    expect((await failureOf(clientOf({ url: simulator.url, clock }), query)).retryAfterMs).toBe(17_000);
  });

  test('as a date is measured by the clock of the one who wrote it', async () => {
    const clock = new FakeClock(NOON);
    const server = await serve((_request, response) => {
      response.sendDate = false;
      response.setHeader('Date', new Date(NOON + 3_600_000).toUTCString());
      response.writeHead(503, { 'Retry-After': new Date(NOON + 3_660_000).toUTCString() }).end();
    });
    const wait = (await failureOf(clientOf({ url: server.url, clock }), query)).retryAfterMs ?? 0;
    expect(Math.abs(wait - 60_000)).toBeLessThanOrEqual(500);
  });

  test.each([undefined, '', 'soon', '-5', '0', new Date(NOON - 1000).toUTCString()])('%j is none', (header) => {
    expect(retryAfter(header, NOON)).toBeUndefined();
  });
});

describe('time', () => {
  test('a server that hangs is given up when the timeout has passed, and not before', async () => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock, [{ kind: 'hang' }]);
    const client = clientOf({ url: simulator.url, clock, timeoutMs: 10_000 });
    let error: ApiError | undefined;
    const failing = failureOf(client, query).then((failure) => (error = failure));
    await eventually(() => simulator.counters.active === 1);
    clock.advance(9_999);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(error).toBeUndefined();
    clock.advance(1);
    expectTold(await failing, ['timeout', `${simulator.url}: no complete response within 10s`, 'raise poll.timeout']);
    expect(client.reports).toEqual([
      { durationMs: 10_000, failure: 'timeout', resultCode: undefined, skewMs: undefined },
    ]);
  });

  test('counts until the last byte', async () => {
    const clock = new FakeClock(NOON);
    let isBegun = false;
    const server = await serve((_request, response) => {
      response.write('{"resultCode"');
      isBegun = true;
    });
    const failing = failureOf(clientOf({ url: server.url, clock, timeoutMs: 5_000 }), query);
    await eventually(() => isBegun);
    clock.advance(5_000);
    expectTold(await failing, ['timeout', 'within 5s', 'load of the CMS']);
  });

  test('a port that takes connections and says nothing is given up, too', async () => {
    const clock = new FakeClock(NOON);
    const server = await serveTcp(() => undefined);
    cleanup(() => server.close());
    const failing = failureOf(clientOf({ url: server.url.replace('http:', 'https:'), clock }), query);
    await eventually(() => server.connections() === 1);
    clock.advance(10_000);
    expectTold(await failing, ['timeout', 'within 10s', 'load of the CMS']);
  });

  test.each([-3600, -1, 0, 90, 7200])('a clock of theirs that is %i s ahead is reported', async (seconds) => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock, [{ kind: 'clock', seconds }]);
    const client = clientOf({ url: simulator.url, clock });
    await runQuery(client, query);
    expect(Math.abs((client.reports[0]?.skewMs ?? NaN) - seconds * 1000)).toBeLessThanOrEqual(500);
  });

  test.each([undefined, '5', 'Wed, 18 Nov 2026 12:00:00', 'Wed, 18 Nov 2026 12:00:00 CST', 'soon'])(
    'a response with the date %j reports no skew',
    async (date) => {
      const server = await serve((request, response) => {
        response.sendDate = false;
        if (date !== undefined) response.setHeader('Date', date);
        respondingWith([])(request, response);
      });
      const client = clientOf({ url: server.url });
      await runQuery(client);
      expect(client.reports[0]?.skewMs).toBeUndefined();
    },
  );
});

describe('stopping', () => {
  test('ends a request under way at once, with the reason of the signal, and reports nothing', async () => {
    const clock = new FakeClock(NOON + 60_000);
    const simulator = await simulate(clock, [{ kind: 'hang' }]);
    const client = clientOf({ url: simulator.url, clock });
    const stopping = new AbortController();
    const reason = new Error('Stopped');
    const running = client.query(query, stopping.signal);
    const rejected = expect(running).rejects.toBe(reason);
    await eventually(() => simulator.counters.active === 1);
    stopping.abort(reason);
    await rejected;
    await eventually(() => simulator.counters.active === 0);
    expect(client.reports).toEqual([]);
    expect(clock.sleeping).toBe(0);
  });

  test('before it began sends nothing', async () => {
    const server = await serve(respondingWith([]));
    await expect(clientOf({ url: server.url }).query(query, AbortSignal.abort(new Error('Late')))).rejects.toThrow(
      'Late',
    );
    expect(server.connections()).toBe(0);
  });

  test('does not wait for a connection that is being made, and leaves none', async () => {
    const server = await serveTcp(() => undefined);
    cleanup(() => server.close());
    const stopping = new AbortController();
    const client = clientOf({
      url: server.url.replace('http:', 'https:'),
      clock: new FakeClock(NOON),
    });
    const rejected = expect(client.query(query, stopping.signal)).rejects.toThrow('Stopped');
    await eventually(() => server.connections() === 1);
    stopping.abort(new Error('Stopped'));
    await rejected;
    await client.close();
    await eventually(() => server.open() === 0);
  });
});

describe('connections', () => {
  const clock = new FakeClock(NOON + 60_000);

  test('are kept for one request after the other', async () => {
    const simulator = await simulate(clock);
    const client = clientOf({ url: simulator.url, clock, connections: 1 });
    for (let round = 0; round < 20; round++) expect((await runQuery(client, query)).failure).toBeUndefined();
    expect(simulator.connections).toBe(1);
  });

  test('are never more than configured, however many queries there are at once', async () => {
    const simulator = await simulate(clock);
    const client = clientOf({ url: simulator.url, clock, connections: 3 });
    const warnings: Error[] = [];
    const note = (warning: Error) => warnings.push(warning);
    process.on('warning', note);
    const results = await Promise.all(Array.from({ length: 40 }, () => runQuery(client, query)));
    process.off('warning', note);
    expect(results.every(({ failure }) => failure === undefined)).toBe(true);
    expect(simulator.connections).toBeLessThanOrEqual(3);
    expect(simulator.counters.maxActive).toBeLessThanOrEqual(3);
    expect(warnings).toEqual([]);
  });

  test('that the server closes after each response are opened anew', async () => {
    const server = await serve((request, response) => {
      response.once('finish', () => request.socket.end());
      respondingWith([])(request, response);
    });
    const client = clientOf({ url: server.url });
    for (let round = 0; round < 20; round++) {
      expect((await runQuery(client)).failure).toBeUndefined();
      await new Promise((resolve) => setImmediate(resolve));
    }
  });

  test('that the server closes just when they are used again cost one more try, signed anew', async () => {
    const served = new WeakSet<Socket>();
    const server = await serve((request, response) => {
      if (served.has(request.socket)) request.socket.end();
      else respondingWith([])(request, response);
      served.add(request.socket);
    });
    let now = NOON;
    const client = clientOf({ url: server.url, clock: { ...systemClock, now: () => now++ } });
    for (let round = 0; round < 10; round++) expect((await runQuery(client)).failure).toBeUndefined();
    expect(client.reports).toHaveLength(10);
    expect(client.prepared.length).toBeGreaterThan(10);
    expect(new Set(client.prepared.map(({ headers }) => headers['authorization'])).size).toBe(client.prepared.length);
  });

  test('that are new and closed without a response are not tried again', async () => {
    const server = await serve((request) => request.socket.end());
    expect((await failureOf(clientOf({ url: server.url }))).reason).toBe('network');
    expect(server.connections()).toBe(1);
  });

  test('that are closed halfway through a response are not tried again', async () => {
    const server = await serve((request, response) => {
      response.writeHead(200, { 'Content-Length': 1000 });
      response.write('{', () => request.socket.end());
    });
    const client = clientOf({ url: server.url });
    expect((await failureOf(client)).reason).toBe('network');
    expect(client.prepared).toHaveLength(1);
  });
});

test('a secret file that was rotated is used from the next request on', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-secret-'));
  const file = join(directory, 'key');
  const clock = new FakeClock(NOON + 60_000);
  const simulator = await simulate(clock);
  const client = clientOf({ url: simulator.url, clock, secretKey: () => readSecret({ file }) });
  writeFileSync(file, 'old-key\n');
  expect((await failureOf(client, query)).reason).toBe('auth');
  writeFileSync(file, 'demo-secret-key\n');
  expect((await runQuery(client, query)).failure).toBeUndefined();
  rmSync(directory, { recursive: true });
});

test.each([
  ['"demo-access-key"', 'demo-secret-key', 'access_key is in quotes'],
  ['demo-access-key', "'demo-secret-key'", 'secret_key is in quotes'],
  ['$AICC_ACCESS_KEY', 'demo-secret-key', 'write ${NAME} for a variable'],
  ['demo-access-key', ' demo-secret-key', 'secret_key starts or ends with a blank'],
])('a refused signature of %s and %s is explained', async (accessKey, secretKey, hint) => {
  const clock = new FakeClock(NOON + 60_000);
  const { url } = await simulate(clock);
  const error = await failureOf(clientOf({ url, clock, accessKey, secretKey }), query);
  expectTold(error, ['auth', 'HTTP 401', hint]);
});

test('an access key that is the name of a field does not change what a response says', async () => {
  const row = { vdn: 1, beginTime: String(query.range.from), onlineAgentNums: 7 };
  const server = await serve(respondingWith([row]));
  const { windows } = await runQuery(clientOf({ url: server.url, accessKey: 'onlineAgentNums' }), {
    ...query,
    vdns: [1],
  });
  expect(windows).toEqual([{ vdn: 1, start: query.range.from, agentsOnline: 7 }]);
});

describe('secrets', () => {
  /** A response that repeats everything it was sent. */
  const echoes: readonly ((headers: string, body: string) => [number, string, OutgoingHttpHeaders?])[] = [
    (headers) => [403, `<html><title>${headers}</title></html>`],
    (headers) => [200, `<html><title>${headers}</title></html>`],
    (headers) => [401, headers],
    (headers) => [200, JSON.stringify({ resultCode: headers, resultDesc: headers })],
    (headers) => [200, JSON.stringify({ resultCode: '0', resultDesc: [{ vdn: headers }] })],
    (headers) => [200, JSON.stringify({ resultCode: '0', resultDesc: { data: [], count: headers } })],
    (headers, body) => [500, `<title>${body} ${headers}</title>`],
    (headers) => [200, headers],
    (headers) => [200, '', { 'Content-Encoding': headers }],
  ];

  test('are in no message, hint or detail, whatever the response repeats', async () => {
    let echo = echoes[0];
    const server = await serve((request, response) => {
      let body = '';
      request.on('data', (chunk) => (body += String(chunk)));
      request.on('end', () => {
        const [status, text, headers] = echo?.(request.headers.authorization ?? '', body) ?? [500, ''];
        response.writeHead(status, headers).end(text);
      });
    });
    const key = fc.string({
      unit: fc.constantFrom(...Array.from('abcdefghijkmnopqrstuvwxyzABCDEFGHIJKLMNPQRSTUVWXYZ0123456789/+=.-_"\\&%')),
      minLength: 12,
      maxLength: 40,
    });
    await fc.assert(
      fc.asyncProperty(key, key, fc.constantFrom(...echoes), async (accessKey, secretKey, chosen) => {
        echo = chosen;
        const client = clientOf({ url: server.url, accessKey, secretKey });
        const { failure, rejected } = await runQuery(client);
        const authorization = client.prepared[0]?.headers['authorization'] ?? '';
        const told = `${failure?.message ?? ''}\n${failure?.hint ?? ''}\n${failure?.resultCode ?? ''}\n${JSON.stringify(rejected)}`;
        expect(told.length).toBeGreaterThan(10);
        for (const secret of [
          accessKey,
          JSON.stringify(accessKey).slice(1, -1),
          secretKey,
          authorization,
          authorization.split('/').at(-1) ?? '',
        ])
          expect(told).not.toContain(secret);
        await client.close();
      }),
      { numRuns: 100 },
    );
  });
});

test('a request leaves nothing behind on the signal of the process', async () => {
  const server = await serve(respondingWith([]));
  const client = clientOf({ url: server.url });
  const { signal } = new AbortController();
  let listeners = 0;
  const add = signal.addEventListener.bind(signal);
  const remove = signal.removeEventListener.bind(signal);
  signal.addEventListener = (...args: Parameters<typeof add>) => {
    listeners++;
    add(...args);
  };
  signal.removeEventListener = (...args: Parameters<typeof remove>) => {
    listeners--;
    remove(...args);
  };
  for (let round = 0; round < 5; round++) await client.query(queryNow(), signal);
  expect(listeners).toBe(0);
});
