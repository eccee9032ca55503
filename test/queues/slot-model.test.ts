import fc from 'fast-check';
import { expect, test } from 'vitest';
import { WINDOW_MS } from '../../src/core/window.ts';
import type { QueueSlot } from '../../src/queues/rows.ts';
import { OPEN_SLOTS, type SlotTotals } from '../../src/queues/slot-account.ts';
import { SlotLedger, type SlotLedgerState } from '../../src/queues/slot-ledger.ts';
import { decodeLedger, encodeLedger } from '../../src/storage/ledger-format.ts';

const VDN = 7;
const QUEUES = [1, 2];
const START = Date.UTC(2026, 10, 18, 8);
const MINUTE = 60_000;
/** A row of an older slot than this many before the last one never comes. */
const MAX_BACK = OPEN_SLOTS - 2;

/** A row that a response brings: of which slot, counted back from the one that runs (0), and which values it shows. */
interface ShownRow {
  readonly queue: number;
  readonly back: number;
  readonly counts: readonly number[];
}

interface Step {
  /** True time that passes before the request. */
  readonly passes: number;
  /** Our wall clock is set to true time plus this before the request. */
  readonly clockError: number | undefined;
  readonly rows: readonly ShownRow[];
  /** Undefined: the request fails. */
  readonly isAnswered: boolean;
  /** What happens after the response: stored, stored and started anew, or killed before it is stored. */
  readonly then: 'store' | 'nothing' | 'restart' | 'kill';
}

const counts = fc.array(fc.nat(50), { minLength: 7, maxLength: 7 });
const row = fc.record<ShownRow>({
  queue: fc.constantFrom(...QUEUES),
  // Mostly the last slot that ended, or the one that runs.
  back: fc.oneof(fc.constantFrom(1, 1, 1, 0), fc.integer({ min: 0, max: MAX_BACK })),
  counts,
});
const step = fc.record<Step>({
  passes: fc.oneof(
    fc.integer({ min: 1_000, max: 6 * MINUTE }),
    fc.integer({ min: 5 * MINUTE, max: 5 * MINUTE }),
    fc.integer({ min: 0, max: 120 * MINUTE }),
  ),
  clockError: fc.option(fc.integer({ min: -180 * MINUTE, max: 180 * MINUTE }), { freq: 6, nil: undefined }),
  rows: fc.array(row, { maxLength: 5 }),
  isAnswered: fc.integer({ min: 0, max: 9 }).map((number) => number > 0),
  then: fc.constantFrom('store', 'store', 'store', 'nothing', 'restart', 'kill'),
});
const scenario = fc.record({ offset: fc.nat(10 * MINUTE), steps: fc.array(step, { minLength: 1, maxLength: 60 }) });

const key = (queue: number, start: number) => `${queue}/${start}`;

/** Keeps what the upstream showed, in the simplest way: the last values of every slot that had ended. */
class Oracle {
  readonly shown = new Map<string, readonly number[]>();
  #stored = new Map<string, readonly number[]>();

  show(rows: readonly QueueSlot[], trueNow: number): void {
    for (const { id, start, counts } of rows) if (start + WINDOW_MS <= trueNow) this.shown.set(key(id, start), counts);
  }

  store(): void {
    this.#stored = new Map(this.shown);
  }

  /** What was not stored is lost, unless it comes again. */
  kill(): void {
    this.shown.clear();
    for (const [slot, values] of this.#stored) this.shown.set(slot, values);
  }

  sums(queue: number, first: number): { readonly counts: number[]; readonly slots: number } {
    const own = [...this.shown].filter(([slot]) => slot.startsWith(`${queue}/`) && Number(slot.split('/')[1]) >= first);
    const sums = [0, 0, 0, 0, 0, 0, 0];
    for (const [, values] of own)
      for (const [index, value] of values.entries()) sums[index] = (sums[index] ?? 0) + value;
    return { counts: sums, slots: own.length };
  }
}

async function throughTheDisk(state: SlotLedgerState): Promise<SlotLedgerState> {
  const content = await encodeLedger('model', state, undefined, 'aicc-cti-queues');
  const decoded = decodeLedger<SlotLedgerState>('model', content, 'aicc-cti-queues');
  if (!('state' in decoded)) throw new Error(decoded.problem);
  return decoded.state;
}

function expectNeverFalls(before: SlotTotals, now: SlotTotals): void {
  for (const [index, value] of now.counts.entries()) expect(value).toBeGreaterThanOrEqual(before.counts[index] ?? 0);
  expect(now.slots).toBeGreaterThanOrEqual(before.slots);
  expect(now.missing).toBeGreaterThanOrEqual(before.missing);
}

async function run({ offset, steps }: { readonly offset: number; readonly steps: readonly Step[] }): Promise<void> {
  let trueNow = START + offset;
  let clockError = 0;
  const clocks = () => ({ now: trueNow + clockError, apiNow: trueNow, monotonic: trueNow });
  let ledger = new SlotLedger([VDN]);
  ledger.setQueues(VDN, QUEUES, clocks());
  const first = Math.floor(trueNow / WINDOW_MS) * WINDOW_MS;
  let stored = await throughTheDisk(ledger.toState());
  let published = ledger.totals();
  const oracle = new Oracle();
  const publish = () => {
    const totals = ledger.totals();
    for (const queue of QUEUES) {
      const [before, now] = [published.get(VDN)?.get(queue), totals.get(VDN)?.get(queue)];
      if (before === undefined || now === undefined) throw new Error('An account is gone');
      expectNeverFalls(before, now);
    }
    published = totals;
  };
  const store = async () => {
    stored = await throughTheDisk(ledger.toState());
    oracle.store();
    publish();
  };
  const restart = () => {
    ledger = new SlotLedger([VDN], stored);
    ledger.setQueues(VDN, QUEUES, clocks());
  };

  // At the end the clock is right, and enough time passes for every slot to be settled.
  const calm: Step = { passes: OPEN_SLOTS * WINDOW_MS, clockError: 0, rows: [], isAnswered: true, then: 'restart' };
  for (const { passes, clockError: error, rows, isAnswered, then } of [...steps, calm, calm]) {
    trueNow += passes;
    clockError = error ?? clockError;
    const running = Math.floor(trueNow / WINDOW_MS) * WINDOW_MS;
    const slots = rows.map(({ queue: id, back, counts }) => ({ id, start: running - back * WINDOW_MS, counts }));
    if (isAnswered) {
      ledger.record(VDN, slots, clocks());
      oracle.show(slots, trueNow);
    }
    if (then === 'store' || then === 'restart') await store();
    if (then === 'kill') oracle.kill();
    if (then === 'kill' || then === 'restart') restart();
  }

  const floor = Math.floor(trueNow / WINDOW_MS) * WINDOW_MS - OPEN_SLOTS * WINDOW_MS;
  for (const [queue, { floor: settledTo, counts, deficit, slots, missing }] of ledger.toState().vdns[0]?.[1] ?? []) {
    const sums = oracle.sums(queue, first);
    expect({ counts: counts.map((value, index) => value - (deficit[index] ?? 0)), slots }).toEqual(sums);
    expect(settledTo).toBe(floor);
    expect(missing).toBe((floor - first) / WINDOW_MS - sums.slots);
  }
}

test('totals are what the upstream finally said of every slot that it ever showed complete', async () => {
  const { MODEL_RUNS = '500', MODEL_SEED = '1' } = process.env;
  const seed = MODEL_SEED === 'random' ? Math.floor(Math.random() * 2 ** 31) : Number(MODEL_SEED);
  await fc.assert(fc.asyncProperty(scenario, run), { numRuns: Number(MODEL_RUNS), seed });
});
