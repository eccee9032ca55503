import { describe, expect, test } from 'vitest';
import { momentOf } from '../../src/core/clock.ts';
import { totalsOf } from '../../src/exporter/apply-responses.ts';
import { poll as pollOnce } from '../../src/exporter/poll.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { createLogger } from '../../src/core/log.ts';
import type { Fault } from '../../src/simulator/faults.ts';
import { missingField, type ShapeName, SHAPES } from '../../src/simulator/response-shapes.ts';
import type { ShapeChoice } from '../../src/simulator/request-handler.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { SnapshotStore, type VdnState } from '../../src/exposition/snapshot-store.ts';
import { createTelemetry } from '../../src/exposition/self-metrics.ts';
import { textOf } from '../support/self-metrics.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { clientOf } from '../support/api-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { DEFAULT_LINE, vdnConfig } from '../support/snapshots.ts';
import { cleanup } from '../support/cleanup.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const LATEST = NOON - WINDOW_MS;
const VDNS = Array.from({ length: 152 }, (_, index) => index + 1);
const range = { from: NOON - 3 * WINDOW_MS, to: NOON };

/** What a poll needs, with a simulator of 152 VDNs. */
async function collect(
  shape: ShapeChoice,
  faults: readonly Fault[] = [],
  isAll = false,
  onChange = () => Promise.resolve(),
) {
  const clock = new FakeClock(NOON + 60_000);
  const simulator = await startSimulator({ vdns: VDNS, flat: true, now: () => clock.now(), shape, faults });
  cleanup(() => simulator.close());
  const vdns = isAll ? ('all' as const) : VDNS;
  const lines: string[] = [];
  const telemetry = createTelemetry('0');
  const configured = isAll ? ('all' as const) : VDNS.map(vdnConfig);
  const store = new SnapshotStore({
    callCenter: 'hq',
    ccId: 1,
    vdns: configured,
    vdnLabelNames: [],
    staleAfterMs: 720_000,
    ...DEFAULT_LINE,
  });
  const started = { now: range.from, monotonic: range.from - clock.now() };
  const ledger = new Ledger({ vdns, lookbackWindows: 2, catchUpWindows: 0 }, started);
  const context = {
    client: clientOf({ url: simulator.url, clock, ccId: 1 }),
    ledger,
    store,
    telemetry: telemetry.callCenter('hq'),
    clock,
    logger: createLogger('info', 'logfmt', { write: (line) => lines.push(line) }),
    concurrency: 4,
    persist: () => Promise.resolve(),
    clocks: () => ({ ...momentOf(clock), apiNow: clock.now() }),
    onChange,
  };
  const poll = async () => {
    const outcome = await pollOnce(context, { vdns, range, latest: LATEST }, new AbortController().signal);
    return { outcome, states: store.snapshot(clock.now()).vdns, totals: totalsOf(ledger) };
  };
  return { simulator, poll, lines, metrics: () => textOf(telemetry) };
}

function expectServed(simulator: Simulator, states: readonly VdnState[], hasGaps: boolean): void {
  expect(states.map(({ id }) => id)).toEqual(VDNS);
  for (const { id, window } of states) {
    const served = Object.entries(simulator.served(id, LATEST) ?? {});
    expect(served).toHaveLength(9);
    const shown = hasGaps ? served.filter(([field]) => field !== missingField(id, LATEST)) : served;
    expect(window).toStrictEqual({ vdn: id, start: LATEST, ccId: 1, ...Object.fromEntries(shown) });
  }
}

test('a poll is reported only when what it brought can be seen', async () => {
  let whenVisible = '';
  const { poll, metrics } = await collect('example', [], false, async () => {
    whenVisible = await metrics();
  });
  await poll();
  expect(whenVisible).toContain('aicc_cti_polls_total{call_center="hq"} 0');
  expect(await metrics()).toContain('aicc_cti_polls_total{call_center="hq"} 1');
});

describe('152 VDNs', () => {
  const shapes = (Object.keys(SHAPES) as ShapeName[]).filter((name) => name !== 'unstable');
  test.each([...shapes, 'cycle' as const])('in the shape %s are shown as they were served', async (shape) => {
    const { simulator, poll, lines, metrics } = await collect(shape);
    const { outcome, states } = await poll();
    expect(outcome).toMatchObject({ failure: undefined, failed: [], retryAfterMs: undefined });
    expectServed(simulator, states, shape === 'missing' || shape === 'null');
    expect(lines).toEqual([]);
    expect(simulator.requests.every(({ query }) => (query?.vdns?.length ?? 0) <= 100)).toBe(true);
    expect(new Set(simulator.requests.flatMap(({ query }) => query?.vdns ?? []))).toEqual(new Set(VDNS));
    expect(await metrics()).toContain('aicc_cti_up{call_center="hq"} 1');
  });

  test.each([...shapes, 'cycle' as const])('in the shape %s are counted as they were served', async (shape) => {
    const { simulator, poll } = await collect(shape);
    const { totals } = await poll();
    for (const id of VDNS) {
      const expected = { inbound: 0, answered: 0, outbound: 0 };
      for (let start = range.from; start < range.to; start += WINDOW_MS) {
        const gap = shape === 'missing' || shape === 'null' ? missingField(id, start) : undefined;
        for (const field of ['inbound', 'answered', 'outbound'] as const)
          if (field !== gap) expected[field] += simulator.truth(id, start)[field];
      }
      expect(totals.get(id)).toMatchObject({ ...expected, windows: 3, revised: 0, missing: 0 });
    }
  });

  test('are complete when the server orders its rows differently at each request', async () => {
    const { simulator, poll } = await collect('unstable');
    const { outcome, states } = await poll();
    expect(outcome).toMatchObject({ failure: undefined, failed: [], retryAfterMs: undefined });
    expectServed(simulator, states, false);
    // 33 VDNs times 3 windows fit in a page.
    expect(simulator.requests).toHaveLength(5);
  });

  test('are all found when none is named', async () => {
    const { simulator, poll } = await collect('example', [], true);
    expectServed(simulator, (await poll()).states, false);
  });
});

describe('when something goes wrong', () => {
  test('with some of the requests, the others count, and the VDNs that failed are named', async () => {
    const { simulator, poll, metrics } = await collect('example', [{ kind: 'status', status: 503, vdns: [152] }]);
    const { outcome, states } = await poll();
    expect(outcome.failure?.reason).toBe('http');
    const rest = VDNS.slice(124);
    expect(outcome.failed).toEqual(rest);
    for (const { id, window } of states) {
      if (rest.includes(id)) expect(window).toBeUndefined();
      else expect(window).toMatchObject(simulator.served(id, LATEST) ?? {});
    }
    const text = await metrics();
    expect(text).toContain('aicc_cti_up{call_center="hq"} 0');
    expect(text).toContain('aicc_cti_poll_failures_total{call_center="hq",reason="http"} 1');
  });

  test('with rows, each reason is counted and said once a poll, and the good rows are used', async () => {
    const { simulator, poll, lines, metrics } = await collect('example', [{ kind: 'rows' }]);
    const { outcome, states } = await poll();
    expect(outcome.failure).toBeUndefined();
    expectServed(simulator, states, false);
    const text = await metrics();
    for (const reason of ['unknown_vdn', 'wrong_cc_id', 'off_grid', 'out_of_range', 'negative', 'not_a_number']) {
      // One of each in each of the five queries.
      expect(text).toContain(`aicc_cti_rows_rejected_total{call_center="hq",reason="${reason}"} 5`);
      expect(lines.filter((line) => line.includes(`reason=${reason} `))).toHaveLength(1);
    }
    expect(lines).toHaveLength(6);
  });
});
