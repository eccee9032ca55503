import { once } from 'node:events';
import { connect } from 'node:net';
import { Agent, request } from 'undici';
import { describe, expect, test } from 'vitest';
import type { Fault } from '../../src/simulator/faults.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { sendQuery, countOf, date, type Reply, rowsOf } from '../support/simulator-client.ts';
import { cleanup } from '../support/cleanup.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const WINDOW = 300_000;
let now = NOON + 60_000;

async function start(options: SimulatorOptions = {}): Promise<Simulator> {
  now = NOON + 60_000;
  const simulator = await startSimulator({ now: () => now, ...options });
  cleanup(() => simulator.close());
  return simulator;
}

const query = (more: object = {}): object => ({
  vdn: [1, 2, 3],
  beginDate: date(NOON - WINDOW),
  endDate: date(NOON),
  ...more,
});
const sendNow = async (simulator: Simulator, body: object = query(), timeoutMs = 10_000): Promise<Reply> =>
  await sendQuery(simulator, body, { at: now, timeoutMs });
const errorOf = async (promise: Promise<unknown>): Promise<string> =>
  promise.then(
    () => 'no error',
    (error: unknown) => `${(error as Error).name} ${String((error as { code?: unknown }).code)}`,
  );

describe('request faults', () => {
  test.each([
    [{ kind: 'unauthorized' }, 401, 'application/json'],
    [{ kind: 'firewall' }, 403, 'text/html'],
    [{ kind: 'firewall', status: 502 }, 502, 'text/html'],
    [{ kind: 'throttled', seconds: 17 }, 429, 'text/html'],
    [{ kind: 'status' }, 503, 'application/json'],
    [{ kind: 'status', status: 500 }, 500, 'application/json'],
    [{ kind: 'html' }, 200, 'text/html'],
  ] satisfies [Fault, number, string][])('%j responds with %i', async (fault, status, type) => {
    const simulator = await start();
    simulator.setFaults([fault]);
    const reply = await sendNow(simulator);
    expect(reply.status).toBe(status);
    expect(reply.headers['content-type']).toContain(type);
    if (status === 429) expect(reply.headers['retry-after']).toBe('17');
    expect(simulator.requests.at(-1)?.faults).toEqual([fault.kind]);
    simulator.setFaults([]);
    expect(rowsOf(await sendNow(simulator))).toHaveLength(3);
  });

  test('hang never responds, and closing the simulator ends it', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'hang' }]);
    expect(await errorOf(sendNow(simulator, query(), 200))).toContain('TimeoutError');
    const waiting = errorOf(sendNow(simulator));
    while (simulator.counters.active === 0) await new Promise((resolve) => setImmediate(resolve));
    await simulator.close();
    expect(await waiting).toContain('SocketError');
  });

  test('slow responds later, and closing the simulator does not wait for it', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'slow', seconds: 0.1 }]);
    const begun = performance.now();
    expect((await sendNow(simulator)).status).toBe(200);
    expect(performance.now() - begun).toBeGreaterThan(95);
    simulator.setFaults([{ kind: 'slow', seconds: 3600 }]);
    const waiting = errorOf(sendNow(simulator));
    while (simulator.counters.active === 0) await new Promise((resolve) => setImmediate(resolve));
    await simulator.close();
    expect(await waiting).toContain('SocketError');
  });

  test('truncated sends half the JSON as if it were all', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'truncated' }]);
    const { status, text } = await sendNow(simulator);
    expect(status).toBe(200);
    expect(text).toContain('"resultDesc"');
    expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });

  test.each([false, true])('reset and cut break the connection (TLS: %s)', async (tls) => {
    const simulator = await start({ tls });
    simulator.setFaults([{ kind: 'reset' }]);
    expect(await errorOf(sendNow(simulator))).toBe('Error ECONNRESET');
    simulator.setFaults([{ kind: 'cut' }]);
    expect(await errorOf(sendNow(simulator))).toMatch(/ECONNRESET|UND_ERR_SOCKET/);
  });

  test('close ends the connection, and continue sends an interim response first', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'close' }]);
    expect(await errorOf(sendNow(simulator))).toMatch(/UND_ERR_SOCKET/);
    simulator.setFaults([{ kind: 'continue' }]);
    const socket = connect(simulator.port, '127.0.0.1');
    cleanup(() => socket.destroy());
    socket.write('GET / HTTP/1.1\r\nHost: h\r\n\r\n');
    const [received] = (await once(socket, 'data')) as [Buffer];
    expect(received.toString()).toMatch(/^HTTP\/1.1 100 Continue\r\n\r\n/);
  });

  test('code responds with that resultCode and a text', async () => {
    const simulator = await start();
    for (const code of ['0100001', '0100003', '0101003']) {
      simulator.setFaults([{ kind: 'code', code }]);
      expect((await sendNow(simulator)).json).toEqual({ resultCode: code, resultDesc: expect.any(String) as string });
    }
  });

  test('count is off by as much as wanted', async () => {
    const simulator = await start();
    for (const by of [4, -2]) {
      simulator.setFaults([{ kind: 'count', by }]);
      const reply = await sendNow(simulator);
      expect(countOf(reply)).toBe(3 + by);
      expect(rowsOf(reply)).toHaveLength(3);
    }
  });

  test('endless sends more than anyone should read, and stops when nobody does', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'endless' }]);
    const dispatcher = new Agent();
    const { body } = await request(simulator.url, { method: 'POST', dispatcher });
    let bytes = 0;
    for await (const piece of body as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > 20_000_000) break;
    }
    await dispatcher.destroy();
    expect(bytes).toBeGreaterThan(20_000_000);
    while (simulator.counters.active > 0) await new Promise((resolve) => setImmediate(resolve));
  });

  test('rows adds one bad row of every kind beside the good ones', async () => {
    const simulator = await start();
    simulator.setFaults([{ kind: 'rows' }]);
    const rows = rowsOf(await sendNow(simulator));
    expect(countOf(await sendNow(simulator))).toBe(3);
    expect(rows).toHaveLength(9);
    const [unknown, wrongCc, offGrid, outside, negative, text] = rows.slice(3);
    expect(unknown).toMatchObject({ vdn: 99_999 });
    expect(wrongCc).toMatchObject({ ccId: 2 });
    expect(Number(offGrid?.['beginTime']) % WINDOW).not.toBe(0);
    expect(Number(outside?.['beginTime'])).toBeGreaterThan(NOON);
    expect(Number(negative?.['incallNums'])).toBeLessThan(0);
    expect(Number(text?.['incallNums'])).toBeNaN();
    simulator.setFaults([{ kind: 'rows', rows: ['negative'] }]);
    expect(rowsOf(await sendNow(simulator, query({ limit: 2 })))).toHaveLength(2);
    expect(rowsOf(await sendNow(simulator, query({ limit: 2, offset: 2 })))).toHaveLength(2);
    expect(rowsOf(await sendNow(simulator, query({ limit: 2, offset: 4 })))).toHaveLength(0);
  });

  test('clock moves the Date header, which otherwise is the time of the simulator', async () => {
    const simulator = await start();
    expect((await sendNow(simulator)).headers['date']).toBe(new Date(now).toUTCString());
    simulator.setFaults([{ kind: 'clock', seconds: -90 }]);
    expect((await sendNow(simulator)).headers['date']).toBe(new Date(now - 90_000).toUTCString());
  });

  test('apply to the number and share of requests, the VDNs and the time that they are set to', async () => {
    const simulator = await start();
    const statuses = async (count: number, body = query()): Promise<number[]> => {
      const all: number[] = [];
      for (let i = 0; i < count; i++) all.push((await sendNow(simulator, body)).status);
      return all;
    };
    simulator.setFaults([{ kind: 'status', times: 2 }]);
    expect(await statuses(4)).toEqual([503, 503, 200, 200]);
    simulator.setFaults([{ kind: 'status', probability: 0.5 }]);
    const failures = (await statuses(60)).filter((status) => status === 503).length;
    expect(failures).toBeGreaterThan(15);
    expect(failures).toBeLessThan(45);
    simulator.setFaults([{ kind: 'status', vdns: [9] }]);
    expect(await statuses(1)).toEqual([200]);
    expect(await statuses(1, query({ vdn: [8, 9] }))).toEqual([503]);
    expect(await statuses(1, query({ vdn: undefined }))).toEqual([503]);
    simulator.setFaults([{ kind: 'status', from: now + 1000, to: now + 2000 }]);
    expect(await statuses(1)).toEqual([200]);
    now += 1000;
    expect(await statuses(1)).toEqual([503]);
    now += 1000;
    expect(await statuses(1)).toEqual([200]);
  });
});

describe('rows kept back', () => {
  const shown = async (simulator: Simulator): Promise<string[]> =>
    rowsOf(await sendNow(simulator, query({ beginDate: date(NOON - 2 * WINDOW), endDate: date(NOON + WINDOW) }))).map(
      (row) => `${String(row['vdn'])}@${(Number(row['beginTime']) - NOON) / WINDOW}`,
    );

  test('silent lets no new row come, and all of them when it is over', async () => {
    const simulator = await start({ settleLag: 10_000 });
    simulator.setFaults([{ kind: 'silent', vdns: [2, 3] }]);
    now = NOON + 2 * WINDOW;
    const old = ['1@-2', '2@-2', '3@-2', '1@-1', '2@-1', '3@-1'];
    expect(await shown(simulator)).toEqual([...old, '1@0']);
    expect(simulator.served(2, NOON)).toBeUndefined();
    expect(simulator.served(2, NOON - WINDOW)).toEqual(simulator.truth(2, NOON - WINDOW));
    simulator.setFaults([]);
    expect(await shown(simulator)).toEqual([...old, '1@0', '2@0', '3@0']);
  });

  test('withhold keeps back chosen windows of chosen VDNs', async () => {
    const simulator = await start();
    simulator.setFaults([
      { kind: 'withhold', vdns: [1], start: NOON - 2 * WINDOW },
      { kind: 'withhold', vdns: [3] },
    ]);
    expect(await shown(simulator)).toEqual(['2@-2', '1@-1', '2@-1']);
    now += 86_400_000;
    expect(await shown(simulator)).toEqual(['2@-2', '1@-1', '2@-1', '1@0', '2@0']);
  });
});

describe('traffic faults', () => {
  test('change the truth of the windows they touch, for good, and no others', async () => {
    const simulator = await start({ vdns: [{ id: 1, agents: 40 }, 2], flat: true });
    const before = simulator.truth(1, NOON);
    const earlier = simulator.truth(1, NOON - WINDOW);
    expect(Math.min(before.talking, before.idle, before.inbound)).toBeGreaterThan(0);
    simulator.setFaults([{ kind: 'noAgents', vdns: [1] }]);
    now += 2 * WINDOW;
    simulator.setFaults([]);
    const during = simulator.truth(1, NOON);
    expect(during).toMatchObject({ agentsOnline: 0, talking: 0, idle: 0, answered: 0, inbound: before.inbound });
    expect(simulator.served(1, NOON)).toEqual(during);
    expect(simulator.truth(1, NOON - WINDOW)).toEqual(earlier);
    expect(simulator.truth(1, NOON + 3 * WINDOW).agentsOnline).toBeGreaterThan(0);
    expect(simulator.truth(2, NOON).agentsOnline).toBeGreaterThan(0);
  });

  test('take calls, answers, idle agents or most agents away', async () => {
    const simulator = await start({ vdns: [{ id: 1, agents: 40 }], flat: true });
    const { inbound, talking, idle, busy, resting } = simulator.truth(1, NOON);
    const states = talking + idle + busy + resting;
    simulator.setFaults([{ kind: 'noInbound' }]);
    expect(simulator.truth(1, NOON)).toMatchObject({ inbound: 0, answered: 0, talking: 0, idle: talking + idle });
    simulator.setFaults([{ kind: 'lowAnswer', ratio: 0.2 }]);
    expect(simulator.truth(1, NOON + WINDOW).answerRate).toBeLessThanOrEqual(20);
    simulator.setFaults([{ kind: 'lowAnswer', ratio: 0.2, from: NOON + 10 * WINDOW }]);
    const low = simulator.truth(1, NOON + 10 * WINDOW);
    expect(low.answered).toBe(Math.floor(low.inbound * 0.2));
    const calm = await start({ vdns: [{ id: 1, agents: 40 }], flat: true, faults: [{ kind: 'saturated' }] });
    expect(calm.truth(1, NOON)).toMatchObject({ inbound, idle: 0, talking: talking + idle });
    const away = await start({ vdns: [{ id: 1, agents: 40 }], flat: true, faults: [{ kind: 'unavailable' }] });
    const left = away.truth(1, NOON);
    expect(left.talking + left.idle).toBe(Math.ceil(states / 10));
    expect(left.talking + left.idle + left.busy + left.resting).toBe(states);
  });
});

describe('the control endpoint', () => {
  const post = async (simulator: Simulator, body: string): Promise<{ status: number; text: string }> => {
    const response = await fetch(`${simulator.url}/-/faults`, { method: 'POST', body });
    return { status: response.status, text: await response.text() };
  };

  test('sets and shows the faults of a running simulator', async () => {
    const simulator = await start({ control: true });
    const faults = [{ kind: 'status', status: 500 }];
    expect(await post(simulator, JSON.stringify(faults))).toEqual({ status: 200, text: JSON.stringify(faults) });
    expect(await (await fetch(`${simulator.url}/-/faults`)).json()).toEqual(faults);
    expect((await sendNow(simulator)).status).toBe(500);
    await post(simulator, '[]');
    expect((await sendNow(simulator)).status).toBe(200);
    expect(simulator.counters.requests).toBe(2);
  });

  test.each([
    ['{}', 'not an array'],
    ['[{}]', 'Fault 0 is not an object with a kind'],
    ['[{"kind":"nonsense"}]', 'bad kind'],
    ['[{"kind":"hang"},{"kind":"slow","secs":1}]', 'Fault 1 has the unknown field secs'],
    ['[{"kind":"slow","seconds":"1"}]', 'bad seconds'],
    ['nonsense', 'SyntaxError'],
  ])('refuses %s', async (body, text) => {
    const simulator = await start({ control: true });
    const reply = await post(simulator, body);
    expect(reply.status).toBe(400);
    expect(reply.text).toContain(text);
    expect(simulator.faults).toEqual([]);
  });

  test('is not there unless it is requested', async () => {
    expect((await post(await start(), '[]')).status).toBe(404);
  });
});
