import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type Expectation, parseRow, REJECTION_REASONS, type VdnWindow } from '../../src/cms/rows.ts';
import { parseResponse } from '../../src/cms/response.ts';
import { ApiError } from '../../src/core/errors.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { runQuery, clientOf, failureOf } from '../support/api-client.ts';
import { respondingWith, serveHttp } from '../support/local-servers.ts';

const FROM = Date.UTC(2026, 10, 18, 12);
const expected: Expectation = {
  vdns: new Set([1, 20]),
  ccId: 1,
  range: { from: FROM, to: FROM + 3 * WINDOW_MS },
};
const VALUES = {
  onlineAgentNums: 9,
  talkingNums: 1,
  ideaAgentNum: 2,
  busyNums: 3,
  restNums: 1,
  incallNums: 12,
  rateNum: 10,
  callRate: 83.33,
  callOutNums: 4,
};
const ROW = { beginTime: String(FROM), ccId: 1, vdn: 20, ...VALUES };
const WINDOW: VdnWindow = {
  vdn: 20,
  start: FROM,
  ccId: 1,
  agentsOnline: 9,
  talking: 1,
  idle: 2,
  busy: 3,
  resting: 1,
  inbound: 12,
  answered: 10,
  answerRate: 83.33,
  outbound: 4,
};
const without = (row: object, ...names: string[]): object =>
  Object.fromEntries(Object.entries(row).filter(([name]) => !names.includes(name)));

describe('a row', () => {
  test('is taken with all its values', () => {
    expect(parseRow(ROW, expected)).toStrictEqual({ window: WINDOW });
  });

  test('may have texts for numbers, and a number for its time', () => {
    const texts = Object.fromEntries(Object.entries(ROW).map(([name, value]) => [name, ` ${value} `]));
    expect(parseRow(texts, expected)).toStrictEqual({ window: WINDOW });
    expect(parseRow({ ...ROW, beginTime: FROM }, expected)).toStrictEqual({ window: WINDOW });
  });

  test('may spell incallNums as the example of the document does', () => {
    expect(parseRow({ ...without(ROW, 'incallNums'), inCallNums: 12 }, expected)).toStrictEqual({ window: WINDOW });
    expect(parseRow({ ...ROW, incallNums: null, inCallNums: 12 }, expected)).toStrictEqual({ window: WINDOW });
  });

  const fields = [
    ['onlineAgentNums', 'agentsOnline'],
    ['talkingNums', 'talking'],
    ['ideaAgentNum', 'idle'],
    ['busyNums', 'busy'],
    ['restNums', 'resting'],
    ['incallNums', 'inbound'],
    ['rateNum', 'answered'],
    ['callRate', 'answerRate'],
    ['callOutNums', 'outbound'],
    ['ccId', 'ccId'],
  ] as const;
  test.each(fields)('without %s has no %s, and everything else', (name, field) => {
    expect(parseRow(without(ROW, name), expected)).toStrictEqual({ window: without(WINDOW, field) });
    expect(parseRow({ ...ROW, [name]: null }, expected)).toStrictEqual({ window: without(WINDOW, field) });
  });

  test('that has nothing but its identity is one without values', () => {
    expect(parseRow({ vdn: 1, beginTime: FROM }, expected)).toStrictEqual({ window: { vdn: 1, start: FROM } });
  });

  test('may hold zeros, and a negative zero is one', () => {
    const zeros = Object.fromEntries(Object.keys(VALUES).map((name) => [name, -0]));
    const parsed = parseRow({ vdn: 1, beginTime: FROM, ...zeros }, expected);
    const values = 'window' in parsed ? Object.values(without(parsed.window, 'vdn', 'start')) : [];
    expect(values).toHaveLength(9);
    for (const value of values) expect(value).toBe(0);
  });

  test('may be of any call center when none is configured, and of any VDN when all are wanted', () => {
    const open = { ...expected, ccId: undefined, vdns: undefined };
    expect(parseRow({ ...ROW, ccId: 77, vdn: 4711 }, open)).toStrictEqual({
      window: { ...WINDOW, ccId: 77, vdn: 4711 },
    });
  });

  test('that starts where the range ends is passed over without a word', () => {
    expect(parseRow({ ...ROW, beginTime: FROM + 3 * WINDOW_MS }, expected)).toEqual({ pastEnd: true });
    expect(parseRow({ ...ROW, beginTime: FROM + 2 * WINDOW_MS }, expected)).toHaveProperty('window');
  });
});

describe('a row is rejected', () => {
  test.each([
    ['not_an_object', null, 'row is null'],
    ['not_an_object', [ROW], 'row is an array'],
    ['not_an_object', 'text', 'row is "text"'],
    ['unknown_vdn', { ...ROW, vdn: 2 }, 'vdn is 2'],
    ['unknown_vdn', { ...ROW, vdn: 'sales' }, 'vdn is "sales"'],
    ['unknown_vdn', { ...ROW, vdn: 1.5 }, 'vdn is 1.5'],
    ['unknown_vdn', { ...ROW, vdn: [1] }, 'vdn is an array'],
    ['unknown_vdn', without(ROW, 'vdn'), 'vdn is undefined'],
    ['wrong_cc_id', { ...ROW, ccId: 2 }, 'vdn 20: ccId is 2'],
    ['wrong_cc_id', { ...ROW, ccId: 'one' }, 'vdn 20: ccId is "one"'],
    ['off_grid', { ...ROW, beginTime: FROM + 1000 }, `vdn 20: beginTime is ${FROM + 1000}`],
    ['off_grid', { ...ROW, beginTime: '2026-11-18' }, 'vdn 20: beginTime is "2026-11-18"'],
    ['off_grid', { ...ROW, beginTime: '' }, 'vdn 20: beginTime is ""'],
    ['off_grid', { ...ROW, beginTime: 1e300 }, 'vdn 20: beginTime is 1e+300'],
    ['off_grid', { ...ROW, beginTime: null }, 'vdn 20: beginTime is null'],
    ['out_of_range', { ...ROW, beginTime: FROM - WINDOW_MS }, `vdn 20: beginTime is ${FROM - WINDOW_MS}`],
    ['out_of_range', { ...ROW, beginTime: FROM + 4 * WINDOW_MS }, `vdn 20: beginTime is ${FROM + 4 * WINDOW_MS}`],
    ['not_a_number', { ...ROW, incallNums: 'many' }, 'vdn 20: incallNums is "many"'],
    ['not_a_number', { ...ROW, incallNums: '0x10' }, 'vdn 20: incallNums is "0x10"'],
    ['not_a_number', { ...ROW, incallNums: '' }, 'vdn 20: incallNums is ""'],
    ['not_a_number', { ...ROW, incallNums: true }, 'vdn 20: incallNums is true'],
    ['not_a_number', { ...ROW, incallNums: { n: 1 } }, 'vdn 20: incallNums is an object'],
    ['not_a_number', { ...ROW, incallNums: 0.5 }, 'vdn 20: incallNums is 0.5'],
    ['not_a_number', { ...ROW, incallNums: 2 ** 31 }, 'vdn 20: incallNums is 2147483648'],
    ['not_a_number', { ...ROW, callRate: '1e999' }, 'vdn 20: callRate is "1e999"'],
    ['negative', { ...ROW, rateNum: -1 }, 'vdn 20: rateNum is -1'],
    ['negative', { ...ROW, callRate: '-0.5' }, 'vdn 20: callRate is "-0.5"'],
  ])('as %s: %j', (reason, row, detail) => {
    expect(parseRow(row, expected)).toEqual({ rejected: reason, detail });
  });

  test('with a detail that stays short, however long the value', () => {
    const parsed = parseRow({ ...ROW, vdn: 'x'.repeat(100_000) }, expected);
    expect('detail' in parsed ? parsed.detail.length : 0).toBeLessThan(60);
  });
});

describe('a response', () => {
  const rows = [ROW];
  test.each(['0100000', '0', 0])('with resultCode %j is a success', (resultCode) => {
    expect(parseResponse({ resultCode, resultDesc: rows })).toEqual({ rows, count: undefined });
  });

  test.each([
    ['an array', rows, undefined],
    ['data and count', { data: rows, count: 7 }, 7],
    ['data and a count in a text', { data: rows, count: '7' }, 7],
    ['data without a count', { data: rows }, undefined],
    ['data and a null count', { data: rows, count: null }, undefined],
    ['no data and a count of 0', { data: [], count: 0 }, 0],
  ])('may come as %s', (_, resultDesc, count) => {
    expect(parseResponse({ resultCode: '0', resultDesc })).toEqual({
      rows: Array.isArray(resultDesc) ? resultDesc : resultDesc.data,
      count,
    });
  });

  test.each([
    [null, undefined],
    [{ data: null }, undefined],
    [{ data: null, count: 0 }, 0],
    [{ data: null, count: 3 }, 3],
  ])('with %j has no rows', (resultDesc, count) => {
    expect(parseResponse({ resultCode: '0', resultDesc })).toEqual({ rows: [], count });
  });

  const errorOf = (body: unknown): ApiError => {
    try {
      parseResponse(body);
    } catch (error) {
      if (error instanceof ApiError) return error;
      throw error;
    }
    throw new Error('The response was accepted');
  };

  test.each([
    ['0100001', 'check its log'],
    ['0100002', 'cc_id and the VDN ids'],
    ['0100003', 'CTI version'],
    ['0100999', 'check its log'],
    ['0101003', 'no permission'],
    ['0123456', 'Error Code Reference'],
    [5, 'Error Code Reference'],
  ])('with resultCode %j is a failure of the API', (resultCode, hint) => {
    const error = errorOf({ resultCode, resultDesc: 'It \n  did not work' });
    expect(error.reason).toBe('api');
    expect(error.message).toBe(`The CMS reports resultCode ${resultCode}: It did not work`);
    expect(error.hint).toContain(hint);
    expect(error.resultCode).toBe(String(resultCode));
  });

  test('that fails without a text tells the code alone, and a long text is cut', () => {
    expect(errorOf({ resultCode: '1', resultDesc: [ROW] }).message).toBe('The CMS reports resultCode 1');
    expect(errorOf({ resultCode: '1', resultDesc: 'x'.repeat(10_000) }).message.length).toBeLessThan(300);
    expect(errorOf({ resultCode: 'x'.repeat(10_000) }).message.length).toBeLessThan(100);
  });

  test.each([
    [null, 'not an object'],
    [[ROW], 'not an object'],
    ['text', 'not an object'],
    [{}, 'no resultCode'],
    [{ resultCode: null, resultDesc: [] }, 'no resultCode'],
    [{ resultCode: true, resultDesc: [] }, 'no resultCode'],
    [{ resultCode: '0' }, 'neither an array nor an object'],
    [{ resultCode: '0', resultDesc: 'ok' }, 'neither an array nor an object'],
    [{ resultCode: '0', resultDesc: {} }, 'data is not an array'],
    [{ resultCode: '0', resultDesc: { data: {} } }, 'data is not an array'],
    [{ resultCode: '0', resultDesc: { data: [], count: 'many' } }, 'The count of the response is "many"'],
    [{ resultCode: '0', resultDesc: { data: [], count: -1 } }, 'The count of the response is -1'],
    [{ resultCode: '0', resultDesc: { data: [], count: 1.5 } }, 'The count of the response is 1.5'],
  ])('%j is invalid: %s', (body, text) => {
    const error = errorOf(body);
    expect(error.reason).toBe('invalid');
    expect(error.message).toContain(text);
    expect(error.hint).not.toBe('');
  });
});

/** Values that look like the right ones, and all sorts of others. */
const nearly = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.integer({ min: -3, max: 30 }),
  fc.integer({ min: -3, max: 8 }).map((index) => FROM + index * WINDOW_MS),
  fc.integer({ min: -3, max: 8 }).map((index) => String(FROM + index * WINDOW_MS)),
  fc.double(),
  fc.constantFrom('1', '20', ' 20 ', '1e3', '-1', 'NaN', 'Infinity', 1e308, -1e308, 2 ** 53, 2 ** 31),
);
const names = ['vdn', 'ccId', 'beginTime', ...Object.keys(VALUES), 'inCallNums', '__proto__', 'constructor'];
const anyRow = fc.oneof(
  fc.jsonValue(),
  fc.uniqueArray(fc.tuple(fc.constantFrom(...names), nearly), { selector: ([name]) => name }).map((entries) => {
    const changed = entries.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`);
    // As text, so that __proto__ becomes a field of its own, as in a response; the last of two fields counts.
    return JSON.parse(`{${[JSON.stringify(ROW).slice(1, -1), ...changed].join()}}`) as unknown;
  }),
);

function expectSound(window: VdnWindow, { vdns, ccId, range }: Expectation): void {
  expect(vdns?.has(window.vdn) ?? Number.isInteger(window.vdn)).toBe(true);
  expect(window.start % WINDOW_MS).toBe(0);
  expect(window.start >= range.from && window.start < range.to).toBe(true);
  expect(window.ccId === undefined || ccId === undefined || window.ccId === ccId).toBe(true);
  for (const [field, value] of Object.entries(without(window, 'vdn', 'start', 'ccId'))) {
    expect(field === 'answerRate' ? Number.isFinite(value) : Number.isSafeInteger(value), field).toBe(true);
    expect(value).toBeGreaterThanOrEqual(0);
    expect(Object.is(value, -0)).toBe(false);
  }
}

describe('whatever comes', () => {
  test('a row is a sound window, or rejected for one of the known reasons, or past the end', () => {
    const seen = new Set<string>();
    fc.assert(
      fc.property(anyRow, (row) => {
        const parsed = parseRow(row, expected);
        seen.add(Object.keys(parsed)[0] ?? '');
        if ('window' in parsed) expectSound(parsed.window, expected);
        else if ('rejected' in parsed) {
          expect(REJECTION_REASONS).toContain(parsed.rejected);
          expect(parsed.detail.length).toBeLessThan(100);
        } else expect(parsed).toEqual({ pastEnd: true });
      }),
      { numRuns: 2000, seed: 1 },
    );
    expect([...seen].sort()).toEqual(['pastEnd', 'rejected', 'window']);
  });

  test('a response is accepted or an ApiError', () => {
    const desc = fc.oneof(fc.jsonValue(), fc.record({ data: fc.array(fc.jsonValue()), count: fc.jsonValue() }));
    const body = fc.oneof(
      fc.jsonValue(),
      fc.record({ resultCode: fc.constantFrom('0', 0, '0100000'), resultDesc: desc }),
    );
    fc.assert(
      fc.property(body, (response) => {
        try {
          const { rows, count } = parseResponse(response);
          expect(Array.isArray(rows)).toBe(true);
          expect(count === undefined || (Number.isSafeInteger(count) && count >= 0)).toBe(true);
        } catch (error) {
          if (!(error instanceof ApiError)) throw error;
          expect(['api', 'invalid']).toContain(error.reason);
        }
      }),
      { numRuns: 1000 },
    );
  });

  const query = { vdns: [1, 20], range: expected.range };

  test('rows that come through the client are all accounted for', async () => {
    let rows: unknown[] = [];
    const server = await serveHttp((request, response) => {
      respondingWith(rows)(request, response);
    });
    const client = clientOf({ url: server.url, ccId: 1 });
    await fc.assert(
      fc.asyncProperty(fc.array(anyRow, { maxLength: 30 }), async (sent) => {
        rows = sent;
        const { windows, rejected, failure } = await runQuery(client, query);
        for (const window of windows) expectSound(window, expected);
        expect(new Set(windows.map(({ vdn, start }) => `${vdn}/${start}`)).size).toBe(windows.length);
        const bad = sent.filter((row) => 'rejected' in parseRow(row, expected));
        expect(rejected.length > 0).toBe(bad.length > 0);
        expect(new Set(rejected.map(({ reason }) => reason)).size).toBeGreaterThanOrEqual(Math.min(1, bad.length));
        expect([undefined, 'incomplete']).toContain(failure?.reason);
      }),
      { numRuns: 100 },
    );
    await server.close();
  });

  test('bytes that are no response are an ApiError that says so', async () => {
    let body = Buffer.of();
    const server = await serveHttp((request, response) => {
      request.resume();
      response.end(body);
    });
    const client = clientOf({ url: server.url });
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
        body = Buffer.from(bytes);
        const error = await failureOf(client, query);
        expect(error).toBeInstanceOf(ApiError);
        expect(error.reason).toBe('invalid');
      }),
      { numRuns: 100 },
    );
    await server.close();
  });

  test('deep nesting, huge numbers and strange keys are no more than invalid or rejected', async () => {
    const deep = 100_000;
    const bodies = [
      `{"resultCode":"0","resultDesc":${'['.repeat(deep)}${']'.repeat(deep)}}`,
      `{"resultCode":"0","resultDesc":[{"vdn":${'[{"a":'.repeat(deep)}1${'}]'.repeat(deep)}}]}`,
      `{"resultCode":"0","resultDesc":[{"vdn":1,"beginTime":${FROM},"incallNums":1${'0'.repeat(5000)}}]}`,
      `{"resultCode":"0","resultDesc":[{"__proto__":${JSON.stringify(ROW)}}]}`,
      `{"__proto__":{"resultCode":"0","resultDesc":[]}}`,
    ];
    for (const body of bodies) {
      const server = await serveHttp((_request, response) => response.end(body));
      const { windows, rejected, failure } = await runQuery(clientOf({ url: server.url }), query);
      expect(windows).toEqual([]);
      expect(rejected.length + (failure === undefined ? 0 : 1)).toBe(1);
      await server.close();
    }
    expect(({} as { vdn?: unknown }).vdn).toBeUndefined();
  });
});
