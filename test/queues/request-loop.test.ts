import { setImmediate as nextTurn } from 'node:timers/promises';
import { describe, expect, onTestFinished, test } from 'vitest';
import { ApiError, type ApiErrorOptions } from '../../src/core/errors.ts';
import { createLogger } from '../../src/core/log.ts';
import { type RequestLoopOptions, runRequestLoop } from '../../src/queues/request-loop.ts';
import { InterfaceHealth } from '../../src/queues/health.ts';
import { FakeClock } from '../support/fake-clock.ts';

const VDNS = Array.from({ length: 100 }, (_, index) => index + 1);
const INTERVAL = 30_000;

function apiError(options: Partial<ApiErrorOptions>): ApiError {
  return new ApiError('It failed', { reason: 'http', hint: 'Look there', ...options });
}

/** A loop with the clock in the test's hand. Every request takes `tookMs`. */
function startLoop(
  options: Partial<RequestLoopOptions> & {
    readonly tookMs?: number;
    readonly fail?: (vdn: number) => ApiError | undefined;
  } = {},
) {
  const clock = new FakeClock(Date.UTC(2026, 10, 18, 8));
  const lines: string[] = [];
  const logger = createLogger('info', 'logfmt', { write: (line) => lines.push(line) });
  const vdns = options.vdns ?? VDNS;
  const health = new InterfaceHealth({
    ...{ name: 'totalskillstatusex3', clock, logger, random: () => 0.5, retryIntervalMs: 15_000, vdns: vdns.length },
  });
  const requested: { readonly vdn: number; readonly at: number }[] = [];
  let active = 0;
  const state = { maxActive: 0, fail: options.fail ?? (() => undefined), tookMs: options.tookMs ?? 200 };
  const request: RequestLoopOptions['request'] = async (vdn, signal) => {
    requested.push({ vdn, at: clock.monotonic() });
    active++;
    state.maxActive = Math.max(state.maxActive, active);
    await clock.sleep(state.tookMs, signal);
    active--;
    signal.throwIfAborted();
    const failure = state.fail(vdn);
    if (failure !== undefined) throw failure;
    health.succeeded(vdn);
    return INTERVAL;
  };
  const stopping = new AbortController();
  const firstInMs = (index: number) => (index * INTERVAL) / vdns.length;
  const loop = { workers: 4, clock, logger, firstInMs, request, retryInMs: INTERVAL, ...options, vdns, health };
  const ended = runRequestLoop(loop, stopping.signal);
  const stop = async () => {
    stopping.abort();
    await ended;
  };
  onTestFinished(stop);
  const pass = async (ms: number) => {
    for (let passed = 0; passed < ms; passed += 100) {
      clock.advance(100);
      for (let i = 0; i < 3; i++) await nextTurn();
    }
  };
  return { requested, state, lines, health, pass, stop };
}

describe('every VDN is requested', () => {
  test('once in each interval, evenly spread, and no more at once than allowed', async () => {
    const { requested, state, pass } = startLoop({ tookMs: 1000 });
    await pass(2.2 * INTERVAL);
    // 4 at once, a second each: 30 s are enough for 100 VDNs, and not for many more.
    expect(state.maxActive).toBeLessThanOrEqual(4);
    for (const vdn of VDNS) {
      const times = requested.filter((request) => request.vdn === vdn).map(({ at }) => at);
      expect(times.length).toBeGreaterThanOrEqual(2);
      expect(times.filter((at) => at < INTERVAL)).toHaveLength(1);
    }
    const inFirstHalf = requested.filter(({ at }) => at < INTERVAL / 2).length;
    expect(inFirstHalf).toBeGreaterThan(40);
    expect(inFirstHalf).toBeLessThan(60);
  });

  test('until the end, which ends what is under way', async () => {
    const { requested, pass, stop } = startLoop({ tookMs: 60_000 });
    await pass(2000);
    await stop();
    const before = requested.length;
    await pass(INTERVAL);
    expect(requested).toHaveLength(before);
  });
});

describe('after failures', () => {
  test('of one VDN the others are requested as before', async () => {
    const { requested, health, lines, pass, state } = startLoop({
      fail: (vdn) => (vdn === 7 ? apiError({}) : undefined),
    });
    await pass(4 * INTERVAL);
    expect(requested.filter(({ vdn }) => vdn === 8)).toHaveLength(4);
    expect(requested.filter(({ vdn }) => vdn === 7)).toHaveLength(4);
    expect(health.status).toMatchObject({ isUp: false, isRefused: false, lastFailure: { message: 'It failed' } });
    expect(lines.filter((line) => line.includes('level=warn'))).toHaveLength(1);
    state.fail = () => undefined;
    await pass(INTERVAL);
    expect(health.status.isUp).toBe(true);
    expect(lines.at(-1)).toContain('The interface responds again');
  });

  test.each([403, 429, 502])('of the whole CMS with HTTP %i there is a pause that grows', async (status) => {
    const { requested, pass, state, lines } = startLoop({ fail: () => apiError({ status }) });
    await pass(10 * 60_000);
    const before = requested.length;
    // 20 intervals of 100 VDNs would be 2000 requests.
    expect(before).toBeLessThan(100);
    expect(lines).toHaveLength(1);
    state.fail = () => undefined;
    await pass(10 * 60_000);
    expect(requested.length - before).toBeGreaterThan(500);
  });

  test('with Retry-After nothing is sent until then', async () => {
    const { requested, pass } = startLoop({ fail: () => apiError({ status: 429, retryAfterMs: 600_000 }) });
    await pass(595_000);
    expect(requested.length).toBeLessThanOrEqual(4);
    await pass(10_000);
    expect(requested.length).toBeGreaterThan(4);
  });

  test('that are a refusal one request an hour is sent, and the log says so once', async () => {
    const refusal = apiError({ reason: 'api', resultCode: '0100003' });
    const { requested, health, lines, pass, state } = startLoop({ fail: () => refusal });
    await pass(60_000);
    const atFirst = requested.length;
    expect(atFirst).toBeLessThanOrEqual(4);
    expect(health.status).toMatchObject({ isUp: false, isRefused: true });
    await pass(3 * 3_600_000);
    expect(requested.length - atFirst).toBe(3);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('The CMS refuses the interface: it is tried once an hour');
    expect(lines[0]).toContain('code=0100003');
    state.fail = () => undefined;
    await pass(3_600_000 + INTERVAL);
    expect(health.status).toMatchObject({ isUp: true, isRefused: false });
    expect(new Set(requested.map(({ vdn }) => vdn)).size).toBe(100);
    expect(lines.at(-1)).toContain('The CMS offers the interface now');
  });

  test('that are a bug the loop goes on', async () => {
    let requested = 0;
    const { lines, pass } = startLoop({
      vdns: [1],
      request: () => {
        requested++;
        return Promise.reject(new TypeError('a bug'));
      },
    });
    await pass(400_000);
    expect(requested).toBe(2);
    expect(lines[0]).toContain('A request ended unexpectedly');
  });
});
