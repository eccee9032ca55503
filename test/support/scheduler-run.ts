import { expect } from 'vitest';
import type { ApiClient, Query } from '../../src/cms/client.ts';
import type { PollConfig } from '../../src/config/schema.ts';
import { type Clock, momentOf } from '../../src/core/clock.ts';
import { ApiError } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/log.ts';
import { WINDOW_MS, type WindowRange } from '../../src/core/window.ts';
import { Scheduler } from '../../src/exporter/scheduler.ts';
import { createTelemetry } from '../../src/exposition/self-metrics.ts';
import { SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { DEFAULT_LINE, vdnConfig } from './snapshots.ts';

export const MINUTE = 60_000;
/** Two minutes into a window. */
export const START = Date.UTC(2026, 10, 18, 8, 2);
const POLL: PollConfig = {
  ...{ settleDelayMs: 10_000, retryIntervalMs: 15_000, lookbackWindows: 2, catchUpMs: 86_400_000 },
  ...{ staleAfterMs: 720_000, timeoutMs: 10_000, concurrency: 4 },
};

export interface PollCall {
  /** Minutes and seconds after 08:00 by the wall clock. */
  readonly at: string;
  readonly vdns: string;
  readonly windows: string;
}

const clockTime = (ms: number) => new Date(ms).toISOString().slice(11, 19);

export interface ScheduleScenario {
  /** Milliseconds after the start at which everything ends. */
  readonly until: number;
  /** Whether a row is there; default at once. */
  readonly has?: (vdn: number, start: number, now: number) => boolean;
  readonly failure?: (now: number, vdns: readonly number[], range: WindowRange) => ApiError | undefined;
  /** What the wall clock is off by, as a function of the monotonic time since the start. */
  readonly clockError?: (elapsed: number) => number;
  /** How long a request takes. */
  readonly takes?: (now: number) => number;
  readonly vdns?: readonly number[] | 'all';
  /** How far back missed windows are requested; default a day. */
  readonly catchUpMs?: number;
  /** Whether a line is open; default always. */
  readonly isOpen?: (vdn: number, at: number) => boolean;
  /** Whether requests must come one after the other, as those of single chunks do; default true. */
  readonly isSerial?: boolean;
}

/** Runs a scheduler in made-up time, and returns what it calls the API for. */
export async function runScheduler(scenario: ScheduleScenario) {
  const { until, has = () => true, failure = () => undefined, clockError = () => 0, takes = () => 100 } = scenario;
  const { vdns = [1, 2], catchUpMs = POLL.catchUpMs } = scenario;
  let elapsed = 0;
  let underWay = 0;
  const calls: PollCall[] = [];
  const stopping = new AbortController();
  const pass = (ms: number) => {
    elapsed += ms;
    if (elapsed >= until) stopping.abort(new Error('The end'));
  };
  const clock: Clock = {
    now: () => START + elapsed + clockError(elapsed),
    monotonic: () => elapsed,
    sleep: (ms) => {
      pass(Math.max(1, ms));
      return Promise.resolve();
    },
  };
  const client: ApiClient = {
    query: async ({ vdns: ids, range }: Query, signal) => {
      if (scenario.isSerial !== false) expect(++underWay).toBe(1);
      calls.push({
        at: clockTime(clock.now()),
        vdns: String(ids),
        windows: `${clockTime(range.from).slice(0, 5)}-${clockTime(range.to).slice(0, 5)}`,
      });
      await Promise.resolve();
      pass(takes(clock.now()));
      underWay--;
      signal.throwIfAborted();
      const failed = failure(clock.now(), ids === 'all' ? [] : ids, range);
      const windows = [];
      for (const vdn of ids === 'all' ? [1, 2] : ids) {
        for (let start = range.from; start < range.to; start += WINDOW_MS) {
          const isPast = start + WINDOW_MS <= START + elapsed;
          if (failed === undefined && isPast && has(vdn, start, clock.now())) windows.push({ vdn, start, inbound: 1 });
        }
      }
      return { windows, rejected: [], failure: failed };
    },
    close: () => Promise.resolve(),
  };
  const lines: string[] = [];
  const logger = createLogger('debug', 'logfmt', { write: (line) => lines.push(line) });
  const ledger = new Ledger(
    { vdns, lookbackWindows: 2, catchUpWindows: catchUpMs / WINDOW_MS },
    { now: clock.now(), monotonic: 0 },
  );
  const named = vdns === 'all' ? vdns : vdns.map(vdnConfig);
  const store = new SnapshotStore({
    callCenter: 'hq',
    ccId: 1,
    vdns: named,
    vdnLabelNames: [],
    staleAfterMs: 720_000,
    ...DEFAULT_LINE,
  });
  const scheduler = new Scheduler({
    ...{ client, ledger, store, clock, logger, concurrency: 4, vdns, poll: { ...POLL, catchUpMs } },
    telemetry: createTelemetry('0').callCenter('hq'),
    ...(scenario.isOpen && { isOpen: scenario.isOpen }),
    persist: () => Promise.resolve(),
    clocks: () => ({ ...momentOf(clock), apiNow: clock.now() }),
    onChange: () => Promise.resolve(),
    random: () => 0,
  });
  await scheduler.run(stopping.signal);
  return { calls, ledger, store, scheduler, lines };
}

export const down = (retryAfterMs?: number) =>
  new ApiError('Down', { reason: 'http', hint: 'Look there', retryAfterMs });
