import { describe, expect, test } from 'vitest';
import { ApiError } from '../../src/core/errors.ts';
import { impatientClock } from '../support/fake-clock.ts';
import { type CmsAnswer, queueCms, type ReceivedRequest } from '../support/queue-cms.ts';

const signal = new AbortController().signal;
const START = 1_611_714_900_000;

const STATUS = {
  ...{ skillId: 1, queueSize: 3, loggedOnAgents: 5, queueTime: 42, availAgents: 0, maxQueueSize: 100 },
  ...{ skillDescrip: 'defaultVedioSkill', callId: '4294967295-4294967295' },
};
const SLOT = {
  ...{ skillId: 1, statStartTime: START, inCallNum: 10, connectedNum: 8, callLostNum: 2 },
  ...{ in15sCallNum: 5, in20sCallNum: 6, wait15sLostNum: 1, wait20sLostNum: 1 },
};
const SKILL = { id: 1, name: 'Sales', mediaType: 5 };
const COUNTS = [10, 8, 2, 5, 6, 1, 1];

const texts = (row: object) => Object.fromEntries(Object.entries(row).map(([key, value]) => [key, String(value)]));
const ok = (rows: unknown) => ({ body: { resultCode: '0100000', resultDesc: rows } });
const refused = (resultCode: string) => ({ body: { resultCode, resultDesc: 'Failed: see the log' } });

/** The failure of a promise that is expected to fail. */
async function failureOf(promise: Promise<unknown>): Promise<ApiError> {
  const error = await promise.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (!(error instanceof ApiError)) throw new Error(`Not an ApiError: ${String(error)}`);
  return error;
}

describe('requests', () => {
  test('are flat, for one VDN, with the ids of the queues', async () => {
    const { client, requests } = await queueCms(() => ok([]));
    await client.queues(7, signal);
    await client.status(7, [1, 2], signal);
    await client.slots(7, [1, 2], signal);
    expect(requests.map(({ name, body }) => [name, body])).toEqual([
      ['skills', { ccId: 1, vdn: 7 }],
      ['totalskillstatusex3', { ccId: 1, vdn: 7, skillIds: [1, 2] }],
      ['servicequality', { ccId: 1, vdn: 7, skillIds: [1, 2] }],
    ]);
  });

  const wantsWrapped = ({ body }: ReceivedRequest): CmsAnswer => ('queryParam' in body ? ok([]) : refused('0100002'));

  test('are wrapped where the CMS wants that, and the form is remembered', async () => {
    const { client, requests } = await queueCms(wantsWrapped);
    await client.queues(7, signal);
    await client.queues(8, signal);
    await client.status(7, [1], signal);
    expect(requests.map(({ body }) => body)).toEqual([
      { ccId: 1, vdn: 7 },
      { queryParam: { ccId: 1, vdn: 7 } },
      { queryParam: { ccId: 1, vdn: 8 } },
      { ccId: 1, vdn: 7, skillIds: [1] },
      { queryParam: { ccId: 1, vdn: 7, skillIds: [1] } },
    ]);
  });

  test('for the queues start with the configured form', async () => {
    const { client, requests } = await queueCms(wantsWrapped, { requestForm: 'wrapped' });
    await client.queues(7, signal);
    expect(requests).toHaveLength(1);
  });

  test('try the other form once, and never when a form has worked', async () => {
    const { client, requests } = await queueCms(({ body }) => (body['vdn'] === 7 ? ok([]) : refused('0100002')));
    expect(await failureOf(client.queues(8, signal))).toMatchObject({ reason: 'api', resultCode: '0100002' });
    expect(requests).toHaveLength(2);
    await client.queues(7, signal);
    expect(await failureOf(client.queues(8, signal))).toMatchObject({ resultCode: '0100002' });
    expect(requests).toHaveLength(4);
  });

  test('for the service level are at least a second apart, also those that are tried in the other form', async () => {
    const clock = impatientClock(START);
    const times: number[] = [];
    const { client } = await queueCms(
      ({ name }) => {
        if (name === 'servicequality') times.push(clock.monotonic());
        return refused('0100002');
      },
      { clock },
    );
    const started = clock.monotonic();
    for (const vdn of [1, 2]) {
      await failureOf(client.slots(vdn, [1], signal));
      await failureOf(client.status(vdn, [1], signal));
    }
    expect(times).toHaveLength(4);
    const gaps = times.map((time, index) => time - (times[index - 1] ?? started));
    for (const gap of gaps) expect(gap).toBeGreaterThanOrEqual(1000);
  });
});

describe('rows', () => {
  const shapes: readonly (readonly [string, (row: object) => object])[] = [
    ['in resultDesc', (row) => ({ resultCode: '0100000', resultDesc: [row] })],
    ['in both', (row) => ({ result: '0', resultCode: '0100000', resultDatas: [row], resultDesc: [row] })],
    ['in resultDatas beside a text', (row) => ({ resultCode: '0100000', resultDesc: 'success', resultDatas: [row] })],
    ['in resultDatas beside nothing', (row) => ({ resultCode: '0100000', resultDesc: [], resultDatas: [row] })],
    ['in resultDatas of an old server', (row) => ({ result: '0', resultDatas: [row] })],
    ['in resultDesc.data', (row) => ({ resultCode: 0, resultDesc: { data: [row], count: 1 } })],
    ['with texts for numbers', (row) => ({ resultCode: '0', resultDesc: [texts(row)] })],
    ['twice', (row) => ({ resultCode: '0100000', resultDesc: [{ ...row }, row] })],
  ];

  test.each(shapes)('%s are read', async (_, shape) => {
    const rowOf: Readonly<Record<string, object>> = {
      skills: SKILL,
      totalskillstatusex3: STATUS,
      servicequality: SLOT,
    };
    const { client } = await queueCms(({ name }) => ({ body: shape(rowOf[name] ?? {}) }));
    expect(await client.queues(7, signal)).toEqual({ rows: [SKILL], rejected: [] });
    expect(await client.status(7, [1, 2], signal)).toEqual({
      rows: [{ id: 1, waiting: 3, longestWait: 42, signedIn: 5, available: 0, capacity: 100 }],
      rejected: [],
    });
    expect(await client.slots(7, [1, 2], signal)).toEqual({
      rows: [{ id: 1, start: START, counts: COUNTS }],
      rejected: [],
    });
  });

  test.each([[{ resultCode: '0100000', resultDesc: [] }], [{ resultCode: '0100000', resultDesc: null }]])(
    'may be missing: %j',
    async (body) => {
      const { client } = await queueCms(() => ({ body }));
      expect(await client.slots(7, [1], signal)).toEqual({ rows: [], rejected: [] });
    },
  );

  test('of a status may lack values, or say that there is none', async () => {
    const { client } = await queueCms(() =>
      ok([{ skillId: 1, queueSize: null, availAgents: 2, maxQueueSize: 4294967295 }]),
    );
    expect(await client.status(7, [1], signal)).toEqual({ rows: [{ id: 1, available: 2 }], rejected: [] });
  });

  test('that are malformed are named, and the others are used', async () => {
    const bad = [
      null,
      { ...STATUS, skillId: 9 },
      { ...STATUS, queueSize: -1 },
      { ...STATUS, queueTime: 'long' },
      { ...STATUS, availAgents: 1.5 },
    ];
    const badSlots = [
      { ...SLOT, statStartTime: START + 1 },
      { ...SLOT, connectedNum: undefined },
      { ...SLOT, callLostNum: 'many' },
      { ...SLOT, skillId: '' },
    ];
    const { client } = await queueCms(({ name }) =>
      name === 'skills'
        ? ok([SKILL, { name: 'no id' }, { id: 2 }])
        : ok(name === 'servicequality' ? [...badSlots, SLOT] : [...bad, STATUS]),
    );
    const status = await client.status(7, [1], signal);
    expect(status.rows).toHaveLength(1);
    expect(status.rejected).toEqual([
      'row is null',
      'skillId is 9',
      'queue 1: queueSize is -1',
      'queue 1: queueTime is "long"',
      'queue 1: availAgents is 1.5',
    ]);
    const slots = await client.slots(7, [1], signal);
    expect(slots.rows).toEqual([{ id: 1, start: START, counts: COUNTS }]);
    expect(slots.rejected).toEqual([
      `queue 1: statStartTime is ${START + 1}`,
      'queue 1: connectedNum is undefined',
      'queue 1: callLostNum is "many"',
      'skillId is ""',
    ]);
    expect(await client.queues(7, signal)).toEqual({
      rows: [SKILL, { id: 2, name: '', mediaType: undefined }],
      rejected: ['id is undefined'],
    });
  });
});

describe('failures', () => {
  test.each([
    [refused('0100003'), { reason: 'api', resultCode: '0100003' }],
    [{ body: { result: '-1', resultDesc: 'no' } }, { reason: 'api', resultCode: '-1' }],
    [
      { status: 403, body: '<html><title>Blocked</title>' },
      { reason: 'http', status: 403 },
    ],
    [
      { status: 429, headers: { 'Retry-After': '30' }, body: '' },
      { reason: 'http', retryAfterMs: 30_000 },
    ],
    [
      { status: 502, body: '<html>' },
      { reason: 'http', status: 502 },
    ],
    [{ status: 401, body: {} }, { reason: 'auth' }],
    [{ body: '<html>' }, { reason: 'invalid' }],
    [{ body: { resultCode: '0100000', resultDesc: 'a text' } }, { reason: 'invalid' }],
    [{ body: ' '.repeat(300 * 1024 + 2048) }, { reason: 'invalid' }],
  ])('%j are told apart and counted for their interface', async (answer: CmsAnswer, expected) => {
    const { client, reports } = await queueCms(() => answer);
    expect(await failureOf(client.status(7, [1], signal))).toMatchObject(expected);
    expect(reports).toMatchObject([{ name: 'totalskillstatusex3', failure: expected.reason }]);
  });

  test('show neither the key nor callId, whatever the response repeats', async () => {
    const secret = 'demo-access-key';
    const { client } = await queueCms(({ name }) =>
      name === 'skills'
        ? { body: { resultCode: '0100001', resultDesc: `AK ${secret} of call 4294967295-1` } }
        : ok([{ ...STATUS, callId: '123-456', queueSize: secret }]),
    );
    expect((await failureOf(client.queues(7, signal))).message).not.toContain(secret);
    const { rejected } = await client.status(7, [1], signal);
    expect(rejected).toEqual(['queue 1: queueSize is "[hidden]"']);
  });

  test('end with the signal', async () => {
    const { client } = await queueCms(() => ok([]));
    const stopping = new AbortController();
    const requested = client.slots(7, [1], stopping.signal);
    stopping.abort(new Error('stopped'));
    await expect(requested).rejects.toThrow('stopped');
  });
});
