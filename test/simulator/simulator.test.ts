import { readFileSync } from 'node:fs';
import { Agent } from 'undici';
import { describe, expect, test } from 'vitest';
import { missingField, SHAPES, type ShapeName } from '../../src/simulator/response-shapes.ts';
import { refuseSignature } from '../../src/simulator/signature.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import type { WindowValues } from '../../src/simulator/traffic.ts';
import { sendQuery, countOf, date, type Reply, rowsOf, type WireRow } from '../support/simulator-client.ts';
import { cleanup } from '../support/cleanup.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const WINDOW = 300_000;

async function startOne(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ now: () => NOON + 60_000, ...options });
  cleanup(() => simulator.close());
  return simulator;
}

/** Requests whole windows that end by noon. */
const query = (windows = 1, more: object = {}): object => ({
  vdn: [1, 2, 3],
  beginDate: date(NOON - windows * WINDOW),
  endDate: date(NOON),
  ...more,
});
const signedNow = { at: NOON + 60_000 };

function valuesOf(row: WireRow): WindowValues {
  const n = (value: unknown): number => Number(value);
  return {
    agentsOnline: n(row['onlineAgentNums']),
    talking: n(row['talkingNums']),
    idle: n(row['ideaAgentNum']),
    busy: n(row['busyNums']),
    resting: n(row['restNums']),
    inbound: n(row['incallNums'] ?? row['inCallNums']),
    answered: n(row['rateNum']),
    answerRate: n(row['callRate']),
    outbound: n(row['callOutNums']),
  };
}
const keyOf = (row: WireRow): string => `${Number(row['vdn'])}@${Number(row['beginTime'])}`;

describe('signatures', () => {
  interface Vector {
    name: string;
    access_key: string;
    secret_key: string;
    timestamp: string;
    method: string;
    path: string;
    signed_headers: Record<string, string>;
    body: string;
    authorization: string;
  }
  const file = new URL('../cms/vectors/signature.json', import.meta.url);
  const vectors = JSON.parse(readFileSync(file, 'utf8')) as Vector[];

  test.each(vectors)('of an independent implementation are accepted: $name', (vector) => {
    const request = {
      method: vector.method,
      path: vector.path,
      headers: { ...vector.signed_headers, authorization: vector.authorization },
      body: Buffer.from(vector.body),
    };
    const rules = {
      accessKey: vector.access_key,
      secretKey: vector.secret_key,
      now: Date.parse(vector.timestamp),
      maxClockSkewMs: 1000,
    };
    expect(refuseSignature(request, rules)).toBeUndefined();
    const tampered = { ...request, body: Buffer.from(vector.body.replace('{', '{ ')) };
    expect(refuseSignature(tampered, rules)).toBe('The signature does not match');
    expect(refuseSignature(request, { ...rules, now: rules.now + 1001 })).toContain('too far from the clock');
  });

  test('that are good get rows', async () => {
    const simulator = await startOne();
    const reply = await sendQuery(simulator, query(), signedNow);
    expect(reply.status).toBe(200);
    expect(rowsOf(reply)).toHaveLength(3);
    expect((await sendQuery(simulator, query(), { ...signedNow, signed: ['host'] })).status).toBe(200);
  });

  test.each([
    ['a wrong secret key', { secretKey: 'wrong' }, 'does not match'],
    ['an unknown access key', { accessKey: 'other' }, 'access key is unknown'],
    ['another body than was signed', { tampered: JSON.stringify(query(2)) }, 'does not match'],
    ['an old timestamp', { at: NOON - 900_000 }, 'too far from the clock'],
    ['a timestamp of the future', { at: NOON + 1_000_000 }, 'too far from the clock'],
    ['no host among the signed headers', { signed: ['content-type'] }, 'host header is not signed'],
    ['unsorted headers', { signed: ['host', 'content-type'] }, 'not sorted'],
    ['a header that was not sent', { signed: ['host', 'x-other'] }, 'x-other was not sent'],
    ['another scheme', { authorization: 'Basic Zm9vOmJhcg==' }, 'auth-v2/AK'],
    ['a timestamp without a time', { authorization: 'auth-v2/demo-access-key/2026-11-18/host/00' }, 'The timestamp is'],
  ])('are refused with 401: %s', async (_, options, text) => {
    const simulator = await startOne();
    const reply = await sendQuery(simulator, query(), { ...signedNow, ...options });
    expect(reply.status).toBe(401);
    expect(reply.text).toContain(text);
    expect(simulator.requests.at(-1)?.refusal).toContain(text);
  });

  test('are not checked when that is switched off', async () => {
    const simulator = await startOne({ checkSignatures: false });
    expect((await sendQuery(simulator, query(), { authorization: 'none' })).status).toBe(200);
  });
});

describe('requests', () => {
  test.each([
    ['GET', { method: 'GET' }, 405],
    ['another path', { path: '/rest/other' }, 404],
    ['another content type', { contentType: 'text/plain' }, 415],
  ])('with %s are refused', async (_, options, status) => {
    const simulator = await startOne({ checkSignatures: false });
    const reply = await sendQuery(simulator, query(), options);
    expect(reply.status).toBe(status);
    if (status === 405) expect(reply.headers['allow']).toBe('POST');
  });

  const ids = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
  test.each([
    ['101 VDNs', query(1, { vdn: ids(101) }), 'at most 100'],
    ['a VDN that is a text', query(1, { vdn: ['1'] }), 'integers'],
    ['an unknown ccId', query(1, { ccId: 9 }), 'ccId'],
    ['no beginDate', query(1, { beginDate: undefined }), 'beginDate'],
    ['an ISO date', query(1, { endDate: '2026-11-18T12:00:00Z' }), 'endDate'],
    ['30 February', query(1, { beginDate: '2026-02-30 00:00:00' }), 'beginDate'],
    ['a reversed range', query(-1), 'before'],
    ['31 days and a second', query(1, { beginDate: date(NOON - 31 * 86_400_000 - 1000) }), '31 days'],
    ['limit 0', query(1, { limit: 0 }), 'limit'],
    ['a broken limit', query(1, { limit: 1.5 }), 'limit'],
    ['a negative offset', query(1, { offset: -1 }), 'offset'],
    ['a body that is not JSON', '{', 'not JSON'],
    ['an array', '[]', 'JSON object'],
  ])('with %s are an invalid parameter', async (_, body, text) => {
    const simulator = await startOne();
    const { status, json } = await sendQuery(simulator, body, signedNow);
    expect(status).toBe(200);
    expect(json.resultCode).toBe('0100002');
    expect(json.resultDesc).toContain(text);
  });

  test('may name 100 VDNs, 31 days, limits as texts and another accepted ccId', async () => {
    const simulator = await startOne({ ccIds: [9] });
    const body = query(31 * 288, { vdn: ids(100), ccId: 9, limit: '7', offset: '0' });
    const reply = await sendQuery(simulator, body, signedNow);
    expect(rowsOf(reply)).toHaveLength(7);
    expect(rowsOf(reply)[0]?.['ccId']).toBe(9);
    expect(countOf(reply)).toBe(31 * 288 * 12);
  });

  test('without vdn get every VDN, without limit a hundred rows', async () => {
    const simulator = await startOne();
    const reply = await sendQuery(simulator, query(10, { vdn: undefined }), signedNow);
    expect(rowsOf(reply)).toHaveLength(100);
    expect(countOf(reply)).toBe(120);
    expect(new Set(rowsOf(reply).map((row) => row['vdn'])).size).toBe(12);
  });

  test('for VDNs that do not exist get no rows', async () => {
    const simulator = await startOne();
    expect(rowsOf(await sendQuery(simulator, query(1, { vdn: [4999] }), signedNow))).toEqual([]);
  });
});

/** All pages, by offset, until the simulator has no more. */
async function pages(simulator: Simulator, body: object, limit: number): Promise<WireRow[]> {
  const rows: WireRow[] = [];
  for (;;) {
    const reply = await sendQuery(simulator, { ...body, limit, offset: rows.length }, signedNow);
    const page = rowsOf(reply);
    rows.push(...page);
    if (page.length < limit) return rows;
  }
}

describe('responses', () => {
  const names = (Object.keys(SHAPES) as ShapeName[]).filter((name) => !['missing', 'null', 'unstable'].includes(name));
  test.each([...names, 'cycle' as const])('in the shape %s have the true values of every window', async (shape) => {
    const simulator = await startOne({ shape });
    const rows = await pages(simulator, query(20), 7);
    const told = new Map(rows.map((row) => [keyOf(row), valuesOf(row)]));
    expect(told.size).toBe(60);
    for (const [key, values] of told) {
      const [vdn, start] = key.split('@').map(Number) as [number, number];
      expect(values).toEqual(simulator.truth(vdn, start));
    }
    expect(rows.length).toBe(shape === 'repeats' ? 90 : 60);
  });

  test('are written as the shape says', async () => {
    const simulator = await startOne({ shape: 'table' });
    const first = async (): Promise<Reply> => await sendQuery(simulator, query(), signedNow);
    expect(await first()).toMatchObject({ json: { resultCode: '0100000', resultDesc: [{ vdn: 1 }, {}, {}] } });
    simulator.setShape('example');
    const row = { beginTime: String(NOON - WINDOW), inCallNums: expect.any(Number) as number };
    expect(await first()).toMatchObject({ json: { resultCode: 0, resultDesc: { data: [row, {}, {}], count: 3 } } });
    simulator.setShape('strings');
    const texts = { vdn: '1', inCallNums: expect.any(String) as string };
    expect((await first()).json).toMatchObject({ resultCode: '0', resultDesc: { data: [texts, {}, {}], count: '3' } });
    simulator.setShape('numbers');
    expect(rowsOf(await first())[0]).toMatchObject({
      beginTime: NOON - WINDOW,
      incallNums: expect.any(Number) as number,
    });
    simulator.setShape('count-absent');
    expect((await first()).json.resultDesc).not.toHaveProperty('count');
    simulator.setShape({ resultCode: 0, resultDesc: 'array' });
    expect(Array.isArray((await first()).json.resultDesc)).toBe(true);
  });

  test('lack one value of a row, or have null for it', async () => {
    const simulator = await startOne({ shape: 'missing' });
    const start = NOON - WINDOW;
    const missing = valuesOf(rowsOf(await sendQuery(simulator, query(), signedNow))[0] ?? {});
    expect(missing[missingField(1, start)]).toBeNaN();
    simulator.setShape('null');
    const row = rowsOf(await sendQuery(simulator, query(), signedNow))[0] ?? {};
    expect(Object.values(row).filter((value) => value === null)).toHaveLength(1);
    expect(Object.keys(row)).toHaveLength(12);
  });

  test('hold a row that starts at endDate only when the end is inclusive', async () => {
    const simulator = await startOne({ now: () => NOON + WINDOW + 60_000 });
    const now = { at: NOON + WINDOW + 60_000 };
    const starts = async (): Promise<unknown[]> =>
      rowsOf(await sendQuery(simulator, query(1, { vdn: [1] }), now)).map((row) => Number(row['beginTime']));
    expect(await starts()).toEqual([NOON - WINDOW]);
    simulator.setShape('inclusive-end');
    expect(await starts()).toEqual([NOON - WINDOW, NOON]);
  });

  test('are in another order on every page when unstable, and in one order when shuffled', async () => {
    const simulator = await startOne({ shape: 'shuffled' });
    const shuffled = await pages(simulator, query(20), 7);
    const starts = shuffled.map((row) => Number(row['beginTime']));
    expect(starts).not.toEqual([...starts].sort((a, b) => a - b));
    simulator.setShape('unstable');
    const unstable = new Set((await pages(simulator, query(20), 7)).map(keyOf));
    expect(unstable.size).toBeLessThan(60);
  });

  test('hold no more rows than the simulator allows on a page', async () => {
    const simulator = await startOne({ maxLimit: 5 });
    expect(rowsOf(await sendQuery(simulator, query(20, { limit: 100 }), signedNow))).toHaveLength(5);
  });
});

describe('windows', () => {
  const start = NOON - WINDOW;

  test('are served once they have ended and settled, and until they are past retention', async () => {
    let now = NOON - 1;
    const simulator = await startOne({ now: () => now, settleLag: 20_000, retentionDays: 1 });
    const count = async (): Promise<number> => rowsOf(await sendQuery(simulator, query(), { at: now })).length;
    expect(await count()).toBe(0);
    now = NOON + 19_999;
    expect(await count()).toBe(0);
    expect(simulator.served(1, start)).toBeUndefined();
    now = NOON + 20_000;
    expect(await count()).toBe(3);
    expect(simulator.served(1, start)).toEqual(simulator.truth(1, start));
    now = start + 86_400_000;
    expect(await count()).toBe(3);
    now += 1;
    expect(await count()).toBe(0);
  });

  test('come late when they are late, and keep their values', async () => {
    let now = NOON + 59_999;
    const simulator = await startOne({ now: () => now, settleLag: 0, late: 1, lateBy: 60_000 });
    expect(rowsOf(await sendQuery(simulator, query(), { at: now }))).toHaveLength(0);
    now = NOON + 60_000;
    const rows = rowsOf(await sendQuery(simulator, query(), { at: now }));
    expect(rows.map(valuesOf)).toEqual([1, 2, 3].map((vdn) => simulator.truth(vdn, start)));
  });

  test('that are corrected are served with other calls first', async () => {
    let now = NOON;
    const simulator = await startOne({ now: () => now, settleLag: 0, corrections: 1, correctedAfter: 60_000 });
    const serve = async (): Promise<WindowValues[]> =>
      rowsOf(await sendQuery(simulator, query(), { at: now })).map(valuesOf);
    const first = await serve();
    expect(first).toEqual([1, 2, 3].map((vdn) => simulator.served(vdn, start)));
    for (const [index, values] of first.entries())
      expect(values.inbound).not.toBe(simulator.truth(index + 1, start).inbound);
    now = NOON + 60_000;
    expect(await serve()).toEqual([1, 2, 3].map((vdn) => simulator.truth(vdn, start)));
  });

  test('of VDNs that are not simulated cannot be requested', async () => {
    const simulator = await startOne();
    expect(() => simulator.truth(999, start)).toThrow('VDN 999 is not simulated');
  });
});

describe('HTTPS', () => {
  const now = (): number => Date.now();
  const code = async (promise: Promise<unknown>): Promise<unknown> =>
    promise.then(
      () => 'no error',
      (error: unknown) => (error as { code?: unknown }).code,
    );

  test('works for clients that trust the CA, by address and by name', async () => {
    const simulator = await startOne({ tls: true, now });
    expect((await sendQuery(simulator, query())).status).toBe(200);
    const byName = { ...simulator, url: `https://localhost:${simulator.port}` };
    expect((await sendQuery(byName, query())).status).toBe(200);
    expect(simulator.certificateNotAfter).toBeGreaterThan(Date.now());
    expect(await code(sendQuery(simulator, query(), { dispatcher: new Agent() }))).toBe(
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
    );
  });

  test('shows an expired certificate or one of another host when told to', async () => {
    expect(await code(sendQuery(await startOne({ tls: { validity: 'expired' }, now }), query()))).toBe(
      'CERT_HAS_EXPIRED',
    );
    expect(await code(sendQuery(await startOne({ tls: { host: 'wrong' }, now }), query()))).toBe(
      'ERR_TLS_CERT_ALTNAME_INVALID',
    );
  });

  test('demands a client certificate when told to', async () => {
    const simulator = await startOne({ tls: { requireClientCertificate: true }, now });
    expect(await code(sendQuery(simulator, query()))).not.toBe('no error');
    const connect = {
      ca: simulator.caPem ?? '',
      cert: simulator.client?.certPem ?? '',
      key: simulator.client?.keyPem ?? '',
    };
    expect((await sendQuery(simulator, query(), { dispatcher: new Agent({ connect }) })).status).toBe(200);
  });
});
