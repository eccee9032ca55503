import { afterEach, describe, expect, test } from 'vitest';
import type { Fault } from '../../src/simulator/faults.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { rowsOf, sendQuery } from '../support/simulator-client.ts';

const WINDOW_MS = 300_000;
/** A Tuesday. */
const NOON = Date.UTC(2026, 2, 3, 12);
const BASE = '/rest/cmsapp/v1/openapi';
const [SKILLS, STATUS, QUALITY] = [
  `${BASE}/configures/skills`,
  `${BASE}/skill/totalskillstatusex3`,
  `${BASE}/skill/servicequality`,
];

const open: Simulator[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((simulator) => simulator.close()));
});

async function start(options: SimulatorOptions = {}): Promise<Simulator & { pass: (ms: number) => void }> {
  let at = NOON + 30_000;
  const simulator = await startSimulator({ vdns: [1, 2, 3, 4], now: () => at, ...options });
  open.push(simulator);
  return Object.assign(simulator, { pass: (ms: number) => (at += ms) });
}

const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);

/** What the queues of a VDN say of a slot, added up. */
function slotSums(simulator: Simulator, vdn: number, start: number) {
  const slots = simulator.queues.of(vdn).map(({ id }) => simulator.queues.slot(vdn, id, start, NOON + 86_400_000));
  const total = (field: 'calls' | 'answered' | 'lost') => sum(slots.map((slot) => slot[field]));
  return { calls: total('calls'), answered: total('answered'), lost: total('lost'), slots };
}

const starts = Array.from({ length: 288 }, (_, index) => NOON - 43_200_000 + index * WINDOW_MS);

describe('the queues tell the story of sysindex', () => {
  test.each([
    [[]],
    [[{ kind: 'lowAnswer', ratio: 0.4 }]],
    [[{ kind: 'noAgents' }]],
    [[{ kind: 'saturated' }]],
  ] as (readonly Fault[])[][])('in every window of a day, with %j', async (faults) => {
    const simulator = await start({ faults: faults.map((fault) => ({ ...fault, from: 0 })) });
    for (const vdn of simulator.vdns) {
      for (const at of starts) {
        const { inbound, answered } = simulator.truth(vdn, at);
        const { slots, ...sums } = slotSums(simulator, vdn, at);
        expect(sums).toEqual({ calls: inbound, answered, lost: Math.max(0, inbound - answered) });
        for (const slot of slots) {
          expect(slot.answeredWithin15s).toBeLessThanOrEqual(slot.answeredWithin20s);
          expect(slot.answeredWithin20s).toBeLessThanOrEqual(slot.answered);
          expect(slot.lostWithin15s).toBeLessThanOrEqual(slot.lostWithin20s);
          expect(slot.lostWithin20s).toBeLessThanOrEqual(slot.lost);
        }
      }
    }
  });

  test('in the live values, which add up to the slot: who waits at its end has come in it or shortly before', async () => {
    const simulator = await start({ flat: true });
    for (const vdn of simulator.vdns) {
      for (const { id } of simulator.queues.of(vdn)) {
        let waited = 0;
        for (let at = NOON; at < NOON + WINDOW_MS; at += 1000) {
          const { waiting, longestWait, callId } = simulator.queues.live(vdn, id, at);
          waited += waiting;
          if (waiting === 0) expect([longestWait, callId]).toEqual([0, '4294967295-4294967295']);
          else expect(callId).not.toBe('4294967295-4294967295');
        }
        // Every call waits some seconds at least, until it is picked up.
        if (simulator.queues.slot(vdn, id, NOON).calls > 3) expect(waited).toBeGreaterThan(0);
      }
    }
  });

  test('when nobody is signed in: calls wait until they are lost', async () => {
    const simulator = await start({
      flat: true,
      vdns: [{ id: 1, agents: 60 }],
      faults: [{ kind: 'noAgents', from: 0 }],
    });
    const [queue] = simulator.queues.of(1);
    const live = Array.from({ length: 300 }, (_, second) =>
      simulator.queues.live(1, queue?.id ?? 0, NOON + second * 1000),
    );
    expect(live.every(({ signedIn, available }) => signedIn === 0 && available === 0)).toBe(true);
    expect(Math.max(...live.map(({ waiting }) => waiting))).toBeGreaterThan(5);
    expect(Math.max(...live.map(({ longestWait }) => longestWait))).toBeGreaterThan(60);
  });

  test('with waits that grow with the load', async () => {
    const level = (faults: readonly Fault[]) =>
      start({ flat: true, vdns: [{ id: 1, agents: 60 }], faults }).then((simulator) => {
        const slots = starts.flatMap((at) => slotSums(simulator, 1, at).slots);
        return sum(slots.map(({ answeredWithin20s }) => answeredWithin20s)) / sum(slots.map(({ calls }) => calls));
      });
    expect(await level([])).toBeGreaterThan(0.8);
    expect(await level([{ kind: 'lowAnswer', ratio: 0.7, from: 0 }])).toBeLessThan(0.5);
  });

  test('again the same, for the same seed', async () => {
    const [a, b] = [await start(), await start()];
    for (const at of starts.slice(0, 20)) expect(slotSums(a, 2, at)).toEqual(slotSums(b, 2, at));
  });
});

describe('requests', () => {
  test('get rows as the documents show them', async () => {
    const simulator = await start({ queues: { perVdn: 2 } });
    const at = NOON + 30_000;
    const skills = await sendQuery(simulator, { ccId: 1, vdn: 3 }, { path: SKILLS, at });
    const ids = rowsOf(skills).map(({ id }) => id);
    expect(ids).toEqual([301, 302]);
    expect(rowsOf(skills)[0]).toEqual({ id: 301, name: 'General', mediaType: 5 });
    const status = await sendQuery(simulator, { ccId: 1, vdn: 3, skillIds: ids }, { path: STATUS, at });
    const live = simulator.queues.live(3, 301);
    expect(rowsOf(status)[0]).toMatchObject({
      skillId: 301,
      queueSize: live.waiting,
      queueTime: live.longestWait,
      callId: live.callId,
    });
    expect(status.json).toMatchObject({ result: '0', resultDatas: rowsOf(status) });
    const quality = await sendQuery(simulator, { ccId: 1, vdn: 3, skillIds: [302, 999] }, { path: QUALITY, at });
    const slot = simulator.queues.slot(3, 302, NOON - WINDOW_MS);
    expect(rowsOf(quality)).toEqual([
      expect.objectContaining({
        skillId: 302,
        statStartTime: NOON - WINDOW_MS,
        inCallNum: slot.calls,
        in20sCallNum: slot.answeredWithin20s,
      }),
    ]);
    expect(quality.json).not.toHaveProperty('resultDatas');
    expect(simulator.requests.map((record) => record.interface)).toEqual([
      'skills',
      'totalskillstatusex3',
      'servicequality',
    ]);
  });

  test.each([
    [SKILLS, { ccId: 1, vdn: 99 }],
    [SKILLS, { vdn: 1 }],
    [SKILLS, { queryParam: { ccId: 1, vdn: 1 } }],
    [STATUS, { ccId: 1, vdn: 1 }],
    [QUALITY, { ccId: 1, vdn: 1, skillIds: [1.5] }],
    [QUALITY, { ccId: 9, vdn: 1, skillIds: [1] }],
    [STATUS, 'no JSON'],
  ])('to %s are refused with an invalid parameter: %j', async (path, body) => {
    const { json } = await sendQuery(await start(), body, { path, at: NOON });
    expect(json.resultCode).toBe('0100002');
  });

  test('may have to be wrapped, and rows may be in resultDatas, as texts, of the running slot, or missing', async () => {
    const queues = { form: 'wrapped', rows: 'resultDatas', slot: 'running', skipsEmpty: true } as const;
    const simulator = await start({ queues, shape: 'strings', faults: [{ kind: 'noInbound', from: 0 }] });
    expect((await sendQuery(simulator, { ccId: 1, vdn: 1 }, { path: SKILLS, at: NOON })).json.resultCode).toBe(
      '0100002',
    );
    const { json } = await sendQuery(simulator, { queryParam: { ccId: 1, vdn: 1 } }, { path: SKILLS, at: NOON });
    expect(json).toMatchObject({ resultCode: '0', resultDatas: [{ id: '101' }, {}], resultDesc: 'success' });
    const parameters = { queryParam: { ccId: 1, vdn: 1, skillIds: [101, 102] } };
    expect(rowsOf(await sendQuery(simulator, parameters, { path: QUALITY, at: NOON }))).toEqual([]);
    simulator.setFaults([]);
    simulator.pass(WINDOW_MS + 200_000);
    const [row] = rowsOf(await sendQuery(simulator, parameters, { path: QUALITY, at: NOON }));
    expect(row).toMatchObject({ statStartTime: String(NOON + WINDOW_MS) });
  });

  test('for the service level get 429 when they come faster than one a second', async () => {
    const simulator = await start();
    const body = { ccId: 1, vdn: 1, skillIds: [101] };
    const statuses = [];
    for (const ms of [0, 900, 99, 1, 1000]) {
      simulator.pass(ms);
      const { status, headers } = await sendQuery(simulator, body, { path: QUALITY, at: NOON });
      statuses.push(status === 429 ? `429 ${String(headers['retry-after'])}` : status);
      await sendQuery(simulator, body, { path: STATUS, at: NOON });
    }
    expect(statuses).toEqual([200, '429 1', '429 1', 200, 200]);
  });

  test('fail as the faults say, also of one interface alone', async () => {
    const simulator = await start({ faults: [{ kind: 'code', code: '0101003', interface: 'skills', vdns: [1] }] });
    const code = async (path: string, vdn: number) =>
      (await sendQuery(simulator, { ccId: 1, vdn, skillIds: [] }, { path, at: NOON })).json.resultCode;
    expect(await code(SKILLS, 1)).toBe('0101003');
    expect(await code(SKILLS, 2)).toBe(0);
    expect(await code(STATUS, 1)).toBe(0);
    simulator.setFaults([{ kind: 'rows' }]);
    expect(
      rowsOf(await sendQuery(simulator, { ccId: 1, vdn: 1 }, { path: SKILLS, at: NOON })).map(({ id }) => id),
    ).toContain(-1);
  });
});
