import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { loadConfig } from '../../src/config/load.ts';
import type { CallCenterConfig } from '../../src/config/schema.ts';
import { createLogger } from '../../src/core/log.ts';
import { momentOf } from '../../src/core/clock.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { prepareQueueMonitor, type QueueMonitor } from '../../src/queues/monitor.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../../src/simulator/simulator.ts';
import { noStorage, openStorage, type Storage } from '../../src/storage/ledger-store.ts';
import { configFlag } from '../support/command.ts';
import { FakeClock } from '../support/fake-clock.ts';
// Loaded here, because loading it with the first request takes real time.
import '../../src/cms/dispatcher.ts';

const NOON = Date.UTC(2026, 2, 3, 12);
const STEP_MS = 500;

async function createWorld(more: string, options: SimulatorOptions = {}) {
  // The time limit of requests takes real time; everything else passes when the test says so.
  const clock = new FakeClock(NOON + 60_000, { sleeps: (ms) => (ms === 10_000 ? 'real' : 'wait') });
  const simulator = await startSimulator({ vdns: [1, 2, 3], flat: true, now: () => clock.now(), ...options });
  const folder = await mkdtemp(join(tmpdir(), 'queues-'));
  configFlag(join(folder, 'config.yaml'), [{ name: 'hq', simulator, more }]);
  const { callCenters } = await loadConfig(join(folder, 'config.yaml'), {});
  onTestFinished(async () => {
    await simulator.close();
    await rm(folder, { recursive: true, force: true });
  });
  const log: string[] = [];
  const logger = createLogger('info', 'logfmt', { write: (line) => log.push(line) });
  const start = (storage: Storage = noStorage, previous?: QueueMonitor) =>
    startMonitor(callCenters[0], { clock, logger, storage, previous });
  return { clock, simulator, start, log, folder, logger, pass: (ms: number) => pass(clock, simulator, ms) };
}

async function startMonitor(
  config: CallCenterConfig | undefined,
  rest: {
    clock: FakeClock;
    logger: ReturnType<typeof createLogger>;
    storage: Storage;
    previous: QueueMonitor | undefined;
  },
): Promise<QueueMonitor> {
  if (config === undefined) throw new Error('No call center');
  const { clock, previous } = rest;
  const clocks = () => ({ ...momentOf(clock), apiNow: clock.now() });
  const prepared = await prepareQueueMonitor({ config, ...rest, clocks, random: () => 0.5, proxyEnvironment: {} });
  if (prepared === undefined) throw new Error('No queues');
  const monitor = prepared.takeOver(previous);
  monitor.start();
  onTestFinished(() => monitor.stop());
  return monitor;
}

/** Lets time pass in small steps; between them, requests that are under way end. */
async function pass(clock: FakeClock, simulator: Simulator, ms: number): Promise<void> {
  for (let passed = 0; passed < ms; passed += STEP_MS) {
    clock.advance(STEP_MS);
    do for (let i = 0; i < 20; i++) await nextTurn();
    while (simulator.counters.active > 0);
  }
}

/** The samples of a metric, by `vdn/queue`. */
function samples(monitor: QueueMonitor, name: string): Map<string, number> {
  const { text = '' } = monitor.families().find((each) => each.name === name) ?? {};
  const lines = [...text.matchAll(/vdn="(\d+)",queue="(\d+)".*\} (\d+)$/gm)];
  return new Map(lines.map(([, vdn = '', queue = '', value]) => [`${vdn}/${queue}`, Number(value)]));
}

function interfaceSample(monitor: QueueMonitor, name: string, of: string): number | undefined {
  return monitor
    .families()
    .find((each) => each.name === name)
    ?.values.find(({ labels }) => labels['interface'] === of)?.value;
}

/** What the slots of some windows say, added up. */
function truth(
  simulator: Simulator,
  field: 'calls' | 'answered' | 'answeredWithin20s',
  starts: readonly number[],
): Map<string, number> {
  const sums = new Map<string, number>();
  for (const vdn of simulator.vdns) {
    for (const { id } of simulator.queues.of(vdn)) {
      const values = starts.map((start) => simulator.queues.slot(vdn, id, start, NOON + 86_400_000)[field]);
      sums.set(
        `${vdn}/${id}`,
        values.reduce((a, b) => a + b, 0),
      );
    }
  }
  return sums;
}

const slotsFrom = (first: number, count: number) =>
  Array.from({ length: count }, (_, index) => first + index * WINDOW_MS);

describe('the monitor', () => {
  test('shows every queue within the interval, and what it shows is what the CMS says now', async () => {
    const vdns = Array.from({ length: 100 }, (_, index) => index + 1);
    const { simulator, start, pass } = await createWorld('vdns: [1-100], queues: { interval: 30s }', {
      vdns,
      queues: { perVdn: 5 },
    });
    const monitor = await start();
    await pass(40_000);
    expect(samples(monitor, 'aicc_cti_queue_waiting_calls').size).toBe(500);
    expect(samples(monitor, 'aicc_cti_queue_info').size).toBe(500);
    const before = simulator.requests.length;
    await pass(30_000);
    const requests = simulator.requests.slice(before);
    const live = requests.filter((request) => request.interface === 'totalskillstatusex3');
    expect(live.length).toBeGreaterThanOrEqual(98);
    expect(live.length).toBeLessThanOrEqual(102);
    // 4 for the live values, one each for the other two.
    expect(simulator.counters.maxActive).toBeLessThanOrEqual(6);
    const quality = requests.filter((request) => request.interface === 'servicequality').map(({ at }) => at);
    expect(quality.length).toBeLessThanOrEqual(30);
    expect(requests.filter(({ status }) => status !== 200)).toEqual([]);
  });

  test('counts each slot once, from the one that runs at the start', async () => {
    const { simulator, start, pass } = await createWorld('vdns: [1-3], queues: {}');
    const monitor = await start();
    await pass(4 * WINDOW_MS);
    const slots = slotsFrom(NOON, 4);
    expect(samples(monitor, 'aicc_cti_queue_calls_total')).toEqual(truth(simulator, 'calls', slots));
    expect(samples(monitor, 'aicc_cti_queue_calls_answered_total')).toEqual(truth(simulator, 'answered', slots));
    expect(samples(monitor, 'aicc_cti_queue_calls_answered_within_20s_total')).toEqual(
      truth(simulator, 'answeredWithin20s', slots),
    );
    expect([...samples(monitor, 'aicc_cti_queue_slots_total').values()]).toEqual(
      simulator.vdns.flatMap((vdn) => simulator.queues.of(vdn).map(() => 4)),
    );
    // Nothing is requested again that came: 3 VDNs and 4 slots, and the slot before the start.
    expect(interfaceSample(monitor, 'aicc_cti_queue_requests_total', 'servicequality')).toBe(15);
  });

  test('goes on where it stopped, with a storage directory, and counts what it missed as missing', async () => {
    const { simulator, start, pass, folder, clock, logger } = await createWorld(
      'vdns: [1], queues: { include: [101] }',
      { vdns: [1] },
    );
    const open = () => openStorage({ directory: join(folder, 'ledgers'), clock, logger, onFailure: () => undefined });
    const first = await open();
    const before = await start(first);
    await pass(2 * WINDOW_MS);
    await before.stop();
    await first.close();
    clock.advance(3 * WINDOW_MS);
    const second = await open();
    const monitor = await start(second);
    expect(samples(monitor, 'aicc_cti_queue_slots_total').get('1/101')).toBe(2);
    await pass(8 * WINDOW_MS);
    await monitor.stop();
    await second.close();
    // The last slot that ended while it was down is still shown after the start.
    const missed = new Set([NOON + 2 * WINDOW_MS, NOON + 3 * WINDOW_MS]);
    const counted = slotsFrom(NOON, 13).filter((slot) => !missed.has(slot));
    expect(samples(monitor, 'aicc_cti_queue_calls_total').get('1/101')).toBe(
      truth(simulator, 'calls', counted).get('1/101'),
    );
    expect(samples(monitor, 'aicc_cti_queue_slots_missing_total').get('1/101')).toBe(2);
  });

  test('goes on after a change of the config, with counters, values and requests', async () => {
    const { start, pass } = await createWorld('vdns: [1-3], queues: {}');
    const before = await start();
    await pass(WINDOW_MS);
    await before.stop();
    const next = await start(noStorage, before);
    for (const name of ['aicc_cti_queue_calls_total', 'aicc_cti_queue_waiting_calls', 'aicc_cti_queue_info'])
      expect(samples(next, name)).toEqual(samples(before, name));
    const requests = (monitor: QueueMonitor) => interfaceSample(monitor, 'aicc_cti_queue_requests_total', 'skills');
    expect(requests(next)).toBe(requests(before));
  });

  test('counts nothing of a slot that is still running', async () => {
    const { start, pass } = await createWorld('vdns: [1-3], queues: {}', { queues: { slot: 'running' } });
    const monitor = await start();
    await pass(2 * WINDOW_MS);
    expect([...new Set(samples(monitor, 'aicc_cti_queue_slots_total').values())]).toEqual([0]);
    expect(interfaceSample(monitor, 'aicc_cti_queue_up', 'servicequality')).toBe(1);
  });

  test.each(['0100003', '0101003'])('without permission for one interface (%s) does the others', async (code) => {
    const { simulator, start, pass, log } = await createWorld('vdns: [1-3], queues: { include: [101, 201, 301] }');
    simulator.setFaults([
      { kind: 'code', code, interface: 'servicequality' },
      { kind: 'code', code, interface: 'skills' },
    ]);
    const monitor = await start();
    await pass(120_000);
    expect(samples(monitor, 'aicc_cti_queue_waiting_calls').size).toBe(3);
    expect(interfaceSample(monitor, 'aicc_cti_queue_up', 'totalskillstatusex3')).toBe(1);
    expect(interfaceSample(monitor, 'aicc_cti_queue_up', 'servicequality')).toBe(0);
    expect(interfaceSample(monitor, 'aicc_cti_queue_requests_total', 'servicequality')).toBe(1);
    expect(log.filter((line) => line.includes('The CMS refuses the interface'))).toHaveLength(2);
    expect(log.join('')).not.toContain('callId');
  });

  test('names rows that are malformed once, and uses the others', async () => {
    const { simulator, start, pass, log } = await createWorld('vdns: [1-3], queues: {}');
    simulator.setFaults([{ kind: 'rows' }]);
    const monitor = await start();
    await pass(120_000);
    expect(samples(monitor, 'aicc_cti_queue_waiting_calls').size).toBeGreaterThanOrEqual(6);
    expect(log.filter((line) => line.includes('Rows of the CMS were rejected'))).toHaveLength(3);
    expect(interfaceSample(monitor, 'aicc_cti_queue_rows_rejected_total', 'skills')).toBe(6);
  });
});
