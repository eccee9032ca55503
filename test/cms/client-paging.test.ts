import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Query, QueryResult } from '../../src/cms/client.ts';
import { type ShapeName, SHAPES, missingField } from '../../src/simulator/response-shapes.ts';
import type { ShapeChoice } from '../../src/simulator/request-handler.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { planQueries } from '../../src/cms/query-plan.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { runQuery, clientOf } from '../support/api-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { serveHttp } from '../support/local-servers.ts';
import { cleanup } from '../support/cleanup.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const clock = new FakeClock(NOON + 60_000);
const VDNS = Array.from({ length: 100 }, (_, index) => index + 1);
/** 300 rows: three pages. */
const query: Query = { vdns: VDNS, range: { from: NOON - 3 * WINDOW_MS, to: NOON } };

async function simulate(shape: ShapeChoice, options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ vdns: VDNS, flat: true, now: () => clock.now(), shape, ...options });
  cleanup(() => simulator.close());
  return simulator;
}

function expectServed(simulator: Simulator, { windows }: QueryResult, gaps = false): void {
  for (const { vdn, start, ccId, ...values } of windows) {
    expect(ccId).toBe(1);
    const served = Object.entries(simulator.served(vdn, start) ?? {});
    const shown = gaps ? served.filter(([field]) => field !== missingField(vdn, start)) : served;
    expect(values).toEqual(Object.fromEntries(shown));
  }
}

describe('pages of the simulator', () => {
  const complete = (Object.keys(SHAPES) as ShapeName[]).filter((name) => name !== 'unstable');
  test.each([...complete, 'cycle' as const])('in the shape %s bring every row as it was served', async (shape) => {
    const simulator = await simulate(shape);
    const result = await runQuery(clientOf({ url: simulator.url, clock, ccId: 1 }), query);
    expect(result.failure).toBeUndefined();
    expect(result.rejected).toEqual([]);
    expect(new Set(result.windows.map(({ vdn, start }) => `${vdn}/${start}`)).size).toBe(300);
    expectServed(simulator, result, shape === 'missing' || shape === 'null');
  });

  test('that overlap and leave rows out are read again, and what is still missing then is told', async () => {
    const simulator = await simulate('unstable');
    const result = await runQuery(clientOf({ url: simulator.url, clock, ccId: 1 }), query);
    expectServed(simulator, result);
    expect(result.windows.length).toBeGreaterThan(150);
    if (result.windows.length === 300) expect(result.failure).toBeUndefined();
    else expect(result.failure?.reason).toBe('incomplete');
    const offsets = simulator.requests.map((request) => request.query?.offset);
    expect(offsets.filter((offset) => offset === 0)).toHaveLength(2);
  });

  test('that are smaller than requested are read to the end when there is a count', async () => {
    const simulator = await simulate('example', { maxLimit: 40 });
    const result = await runQuery(clientOf({ url: simulator.url, clock }), query);
    expect(result.failure).toBeUndefined();
    expect(result.windows).toHaveLength(300);
    expect(simulator.requests).toHaveLength(8);
  });

  test('are requested by integers, one after the other, and no more of them than needed', async () => {
    const simulator = await simulate('example');
    await runQuery(clientOf({ url: simulator.url, clock }), query);
    expect(simulator.requests.map((request) => [request.query?.limit, request.query?.offset])).toEqual([
      [100, 0],
      [100, 100],
      [100, 200],
    ]);
  });

  test('end with a short or empty one when there is no count', async () => {
    const simulator = await simulate('count-absent');
    const client = clientOf({ url: simulator.url, clock });
    // All pairs that were requested came with the third page: it is the last one, though it is full.
    expect((await runQuery(client, query)).windows).toHaveLength(300);
    expect(simulator.requests).toHaveLength(3);
    expect((await runQuery(client, { ...query, vdns: 'all' })).windows).toHaveLength(300);
    expect(simulator.requests).toHaveLength(7);
    expect((await runQuery(client, { ...query, vdns: VDNS.slice(0, 50) })).windows).toHaveLength(150);
    expect(simulator.requests).toHaveLength(9);
  });

  test('bring every VDN when none is named', async () => {
    const simulator = await simulate('example');
    const result = await runQuery(clientOf({ url: simulator.url, clock }), { ...query, vdns: 'all' });
    expect(result.windows).toHaveLength(300);
    expectServed(simulator, result);
  });

  test('with bad rows among the good ones bring the good ones, and a reason for each bad one', async () => {
    const simulator = await simulate('example', { faults: [{ kind: 'rows' }] });
    const result = await runQuery(clientOf({ url: simulator.url, clock, ccId: 1 }), query);
    expect(result.failure).toBeUndefined();
    expect(result.windows).toHaveLength(300);
    expectServed(simulator, result);
    expect(result.rejected.map(({ reason }) => reason).sort()).toEqual([
      'negative',
      'not_a_number',
      'off_grid',
      'out_of_range',
      'unknown_vdn',
      'wrong_cc_id',
    ]);
  });
});

describe('planned queries', () => {
  const range = query.range;

  test.each([
    [1, 1, 1],
    [100, 1, 1],
    [101, 1, 2],
    [33, 3, 1],
    [34, 3, 2],
    [100, 3, 3],
    [5000, 3, 152],
    [1, 288, 3],
    [1, 8928, 90],
    [100, 12, 12],
    [7, 30, 3],
  ])('for %i VDNs and %i windows are %i', (ids, windows, expected) => {
    const vdns = Array.from({ length: ids }, (_, index) => index + 1);
    expect(planQueries(vdns, { from: NOON - windows * WINDOW_MS, to: NOON })).toHaveLength(expected);
  });

  test('request every VDN in every window once, and for no more than one page brings', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 400 }), fc.integer({ min: 0, max: 400 }), (ids, windows) => {
        const seen = new Set<string>();
        const vdns = Array.from({ length: ids }, (_, index) => 10 * index);
        for (const { vdns: some, range } of planQueries(vdns, { from: NOON, to: NOON + windows * WINDOW_MS })) {
          let pairs = 0;
          for (const vdn of some)
            for (let start = range.from; start < range.to; start += WINDOW_MS, pairs++) seen.add(`${vdn}/${start}`);
          expect(pairs).toBeGreaterThan(0);
          expect(pairs).toBeLessThanOrEqual(100);
          expect(some.length).toBeLessThanOrEqual(100);
        }
        expect(seen.size).toBe(ids * windows);
      }),
      { numRuns: 100 },
    );
  });

  test('lose no row to a server that orders them differently at each request', async () => {
    const simulator = await simulate('unstable');
    const client = clientOf({ url: simulator.url, clock, ccId: 1 });
    const queries = planQueries(VDNS, range);
    const results = await Promise.all(queries.map((each) => runQuery(client, each)));
    expect(results.map(({ failure }) => failure)).toEqual(queries.map(() => undefined));
    expect(new Set(results.flatMap(({ windows }) => windows.map(({ vdn, start }) => `${vdn}/${start}`))).size).toBe(
      300,
    );
    expect(simulator.requests).toHaveLength(queries.length);
  });

  test('are read page by page when the server sends smaller pages', async () => {
    const simulator = await simulate('example', { maxLimit: 40 });
    const client = clientOf({ url: simulator.url, clock, ccId: 1 });
    const results = await Promise.all(planQueries(VDNS, range).map((each) => runQuery(client, each)));
    expect(results.flatMap(({ windows }) => windows)).toHaveLength(300);
    expect(simulator.requests).toHaveLength(9);
  });
});

describe('a count', () => {
  test.each([1, 7, 1000])('that is %i too high leads to a second reading, then to incomplete', async (by) => {
    const simulator = await simulate('example', { faults: [{ kind: 'count', by }] });
    const client = clientOf({ url: simulator.url, clock, ccId: 1 });
    const result = await runQuery(client, { ...query, vdns: 'all' });
    expect(result.failure?.reason).toBe('incomplete');
    expect(result.failure?.message).toContain(`300 different rows came where ${300 + by} were announced`);
    expect(result.failure?.hint).toContain('ask the vendor');
    expect(result.windows).toHaveLength(300);
    expectServed(simulator, result);
    expect(simulator.requests.filter((request) => request.query?.offset === 0)).toHaveLength(2);
    expect(client.reports.every(({ failure }) => failure === undefined)).toBe(true);
  });

  test.each([1, 1000])('that is %i too high does not matter when all that was requested came', async (by) => {
    const simulator = await simulate('example', { faults: [{ kind: 'count', by }] });
    const result = await runQuery(clientOf({ url: simulator.url, clock, ccId: 1 }), query);
    expect(result.failure).toBeUndefined();
    expect(result.windows).toHaveLength(300);
    expect(simulator.requests).toHaveLength(3);
  });

  test('that is too high once is forgotten after the second reading', async () => {
    const simulator = await simulate('example', { faults: [{ kind: 'count', by: 1, times: 4 }] });
    const result = await runQuery(clientOf({ url: simulator.url, clock }), query);
    expect(result.failure).toBeUndefined();
    expect(result.windows).toHaveLength(300);
  });

  test('that is too low ends the reading there', async () => {
    const simulator = await simulate('example', { faults: [{ kind: 'count', by: -150 }] });
    const result = await runQuery(clientOf({ url: simulator.url, clock }), query);
    expect(result.failure).toBeUndefined();
    expect(result.windows).toHaveLength(200);
    expectServed(simulator, result);
  });
});

interface Page {
  readonly offset: number;
  readonly limit: number;
  readonly request: number;
}

/** A server that makes up its pages, or fails where there is none. */
async function serve(page: (requested: Page) => { rows: readonly unknown[]; count?: unknown } | undefined) {
  let requests = 0;
  const server = await serveHttp((request, response) => {
    let body = '';
    request.on('data', (chunk) => (body += String(chunk)));
    request.on('end', () => {
      const { offset, limit } = JSON.parse(body) as { offset: number; limit: number };
      const made = page({ offset, limit, request: requests++ });
      if (made === undefined) response.writeHead(500).end();
      else response.end(JSON.stringify({ resultCode: 0, resultDesc: { data: made.rows, count: made.count } }));
    });
  });
  cleanup(() => server.close());
  return { url: server.url, requests: () => requests };
}

const row = (vdn: number, start = NOON - WINDOW_MS, more: object = {}): object => ({ vdn, beginTime: start, ...more });

describe('rows', () => {
  const range = { from: NOON - WINDOW_MS, to: NOON };

  test('that come twice are one, the later one', async () => {
    const rows = [row(1, undefined, { incallNums: 1 }), row(1, undefined, { incallNums: 2 })];
    const server = await serve(() => ({ rows, count: 1 }));
    const { windows, failure } = await runQuery(clientOf({ url: server.url }), { vdns: [1], range });
    expect(windows).toEqual([{ vdn: 1, start: NOON - WINDOW_MS, inbound: 2 }]);
    expect(failure).toBeUndefined();
  });

  test('that start at the end of the range count towards count', async () => {
    const server = await serve(() => ({ rows: [row(1), row(1, NOON)], count: 2 }));
    const { windows, rejected, failure } = await runQuery(clientOf({ url: server.url }), { vdns: [1], range });
    expect(windows).toHaveLength(1);
    expect(rejected).toEqual([]);
    expect(failure).toBeUndefined();
    expect(server.requests()).toBe(1);
  });

  test('of another call center beside the wanted ones count towards count', async () => {
    const rows = [row(1, undefined, { ccId: 1 }), row(1, undefined, { ccId: 2 })];
    const server = await serve(() => ({ rows, count: '2' }));
    const { windows, rejected, failure } = await runQuery(clientOf({ url: server.url, ccId: 1 }), { vdns: [1], range });
    expect(windows).toEqual([{ vdn: 1, start: NOON - WINDOW_MS, ccId: 1 }]);
    expect(rejected.map(({ reason }) => reason)).toEqual(['wrong_cc_id']);
    expect(failure).toBeUndefined();
  });

  test.each([
    ['the one way', [1, 2]],
    ['the other way round', [2, 1]],
  ])('of two call centers are not mixed when none is configured, %s', async (_, ccIds) => {
    const rows = ccIds.map((ccId) => row(1, undefined, { ccId, incallNums: 10 * ccId }));
    const server = await serve(() => ({ rows, count: 2 }));
    const { windows, rejected, failure } = await runQuery(clientOf({ url: server.url }), { vdns: [1], range });
    expect(windows).toEqual([{ vdn: 1, start: NOON - WINDOW_MS, ccId: 1, inbound: 10 }]);
    expect(rejected).toHaveLength(1);
    expect(rejected[0]?.reason).toBe('wrong_cc_id');
    expect(rejected[0]?.detail).toMatch(/^vdn 1: ccId is \d and \d, set cc_id$/);
    expect(failure).toBeUndefined();
    expect(server.requests()).toBe(1);
  });

  test('that came before a later page failed are kept', async () => {
    const rows = VDNS.map((vdn) => row(vdn));
    const server = await serve(({ request }) => (request === 0 ? { rows, count: 150 } : undefined));
    const { windows, failure } = await runQuery(clientOf({ url: server.url }), { vdns: VDNS, range });
    expect(failure?.reason).toBe('http');
    expect(windows.map(({ vdn }) => vdn)).toEqual(VDNS);
    expect(server.requests()).toBe(2);
  });
});

describe('a server without end', () => {
  const range = { from: NOON - WINDOW_MS, to: NOON };
  const made = ({ offset, limit }: Page) => Array.from({ length: limit }, (_, index) => row(offset + index));

  test.each([
    ['of full pages without a count', (page: Page) => ({ rows: made(page) }), 5],
    ['of full pages and a huge count', (page: Page) => ({ rows: made(page), count: 1e9 }), 10],
    ['that repeats its first page', (page: Page) => ({ rows: made({ ...page, offset: 0 }), count: 1000 }), 10],
    ['of one row a page', ({ offset }: Page) => ({ rows: [row(offset)], count: 1e9 }), 110],
    ['that only ever grows', (page: Page) => ({ rows: made(page), count: page.offset + 1000 }), 10],
  ])('%s is left after a bounded number of requests', async (_, page, most) => {
    const server = await serve(page);
    const { windows } = await runQuery(clientOf({ url: server.url }), { vdns: VDNS, range });
    expect(windows.length).toBeGreaterThan(0);
    expect(windows.length).toBeLessThanOrEqual(100);
    expect(server.requests()).toBeGreaterThan(1);
    expect(server.requests()).toBeLessThanOrEqual(most);
  });

  test.each([100, 152])('that gives the same %i rows for every page is read once more than needed', async (vdns) => {
    const rows = Array.from({ length: vdns }, (_, index) => row(index + 1));
    const server = await serve(() => ({ rows }));
    const { windows, failure } = await runQuery(clientOf({ url: server.url }), { vdns: 'all', range });
    expect(windows).toHaveLength(vdns);
    expect(failure).toBeUndefined();
    expect(server.requests()).toBe(2);
  });

  test.each([
    ['has', true],
    ['has no', false],
  ])('that leaves rows out is read whole again, also when the second time a page %s count', async (_, hasCount) => {
    const all = Array.from({ length: 150 }, (_, index) => row(index + 1));
    const server = await serve(({ request, offset, limit }) => {
      const isFirst = request < 3;
      // Rows 100 to 119 were not there the first time.
      const rows = (isFirst ? [...all.slice(0, 100), ...all.slice(120)] : all).slice(offset, offset + limit);
      return { rows, ...(isFirst || hasCount ? { count: 150 } : {}) };
    });
    const { windows, failure } = await runQuery(clientOf({ url: server.url }), { vdns: 'all', range });
    expect(failure).toBeUndefined();
    expect(windows).toHaveLength(150);
  });

  test('that announces more than it has is incomplete, also when the second time it announces nothing', async () => {
    const rows = Array.from({ length: 50 }, (_, index) => row(index + 1));
    const server = await serve(({ request, offset }) => ({
      rows: rows.slice(offset),
      ...(request < 2 ? { count: 60 } : {}),
    }));
    const { windows, failure } = await runQuery(clientOf({ url: server.url }), { vdns: 'all', range });
    expect(windows).toHaveLength(50);
    expect(failure?.reason).toBe('incomplete');
  });

  test('of empty pages is read twice', async () => {
    const server = await serve(() => ({ rows: [], count: 5 }));
    const { failure } = await runQuery(clientOf({ url: server.url }), { vdns: VDNS, range });
    expect(failure?.reason).toBe('incomplete');
    expect(server.requests()).toBe(2);
  });
});
