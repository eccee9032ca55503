import { describe, expect, it } from 'vitest';
import { after, type Moment } from '../../src/core/clock.ts';
import { ApiError } from '../../src/core/errors.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import {
  afterCatchUp,
  afterCatchUpFailure,
  afterPoll,
  decide,
  INITIAL_STATE,
  type PolledInput,
  type ScheduleState,
} from '../../src/exporter/schedule.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const SETTINGS = { settleDelayMs: 10 * SECOND, retryIntervalMs: 15 * SECOND };
const EIGHT = Date.UTC(2026, 10, 18, 8);
/** The newest window that is due at 08:02. */
const LATEST = EIGHT - WINDOW_MS;
/** 08:02 by the wall clock, 0 by the monotonic clock. */
const NOW: Moment = { now: EIGHT + 2 * MINUTE, monotonic: 0 };
const later = (ms: number) => after(NOW, ms);

/** Polled at 08:02 with everything there, and nothing to catch up. */
const POLLED: ScheduleState = { ...INITIAL_STATE, polledLatest: LATEST };
const MISSING: ScheduleState = { ...POLLED, unfinished: [2], retryAt: later(15 * SECOND) };
const DOWN: ScheduleState = { ...POLLED, failures: 1, unfinished: 'all', retryAt: later(20 * SECOND) };
const PARTLY: ScheduleState = { ...DOWN, unfinished: [2], isPartial: true };
const PAUSED: ScheduleState = { ...DOWN, pausedUntil: later(12 * MINUTE) };
const TO_CATCH_UP: ScheduleState = { ...POLLED, isCatchUpDue: true };
/** When the window after LATEST is due: 08:05:10. */
const DUE = later(190 * SECOND);

const poll = (kind: string, latest = LATEST) => ({ step: 'poll', kind, latest });
const sleep = (until: Moment) => ({ step: 'sleep', until });
const catchUp = (until: Moment) => ({ step: 'catch up', latest: LATEST, until });

describe('the next step', () => {
  it.each<[string, ScheduleState, Moment, unknown]>([
    ['at the start: poll', INITIAL_STATE, NOW, poll('regular')],
    ['everything there: sleep until the next window is due', POLLED, NOW, sleep(DUE)],
    ['the next window is due: poll', POLLED, DUE, poll('regular', EIGHT)],
    ['a millisecond before: sleep', POLLED, after(DUE, -1), sleep(DUE)],
    ['rows are missing: sleep for retry_interval', MISSING, NOW, sleep(later(15 * SECOND))],
    ['rows are still missing: poll for those', MISSING, later(15 * SECOND), poll('missing')],
    ['rows are missing and the next window is due: poll for all', MISSING, DUE, poll('regular', EIGHT)],
    ['the next window is due before the retry', { ...MISSING, retryAt: later(5 * MINUTE) }, NOW, sleep(DUE)],
    ['the poll failed: sleep until the retry', DOWN, NOW, sleep(later(20 * SECOND))],
    ['the poll failed: poll again for what failed', DOWN, later(20 * SECOND), poll('retry')],
    [
      'the poll failed: the next window waits, too',
      { ...DOWN, retryAt: later(4 * MINUTE) },
      DUE,
      sleep(later(4 * MINUTE)),
    ],
    ['some VDNs failed: poll again for those', PARTLY, later(20 * SECOND), poll('retry')],
    [
      'some VDNs failed: the next window does not wait',
      { ...PARTLY, retryAt: later(4 * MINUTE) },
      DUE,
      poll('regular', EIGHT),
    ],
    ['Retry-After: sleep until then', PAUSED, NOW, sleep(later(12 * MINUTE))],
    ['Retry-After beyond the next window: sleep on', PAUSED, DUE, sleep(later(12 * MINUTE))],
    ['Retry-After has passed: poll', PAUSED, later(12 * MINUTE), poll('regular', EIGHT + WINDOW_MS)],
    [
      'Retry-After holds back a regular poll, too',
      { ...POLLED, pausedUntil: later(12 * MINUTE) },
      DUE,
      sleep(later(12 * MINUTE)),
    ],
    ['something to catch up: until the next poll', TO_CATCH_UP, NOW, catchUp(DUE)],
    [
      'something to catch up while rows are missing: until the retry',
      { ...MISSING, isCatchUpDue: true },
      NOW,
      catchUp(later(15 * SECOND)),
    ],
    ['the poll is due: poll before catching up', TO_CATCH_UP, DUE, poll('regular', EIGHT)],
    ['the CMS fails: no catch-up', { ...DOWN, isCatchUpDue: true }, NOW, sleep(later(20 * SECOND))],
    ['some VDNs failed: catch up', { ...PARTLY, isCatchUpDue: true }, NOW, catchUp(later(20 * SECOND))],
    ['catch-up failed in this window: wait for the next', { ...TO_CATCH_UP, catchUpFailedIn: LATEST }, NOW, sleep(DUE)],
    [
      'catch-up failed in an earlier window: catch up',
      { ...TO_CATCH_UP, catchUpFailedIn: LATEST - WINDOW_MS },
      NOW,
      catchUp(DUE),
    ],
    ['catch-up waits for Retry-After', { ...TO_CATCH_UP, pausedUntil: later(MINUTE) }, NOW, sleep(later(MINUTE))],
    ['catch-up waits after failed queries', { ...TO_CATCH_UP, catchUpPausedUntil: later(5 * MINUTE) }, NOW, sleep(DUE)],
    [
      'the clock was set back an hour: poll',
      POLLED,
      { now: NOW.now - 60 * MINUTE, monotonic: 0 },
      poll('regular', LATEST - 60 * MINUTE),
    ],
    [
      'the clock was set back a little: sleep as much longer',
      POLLED,
      { now: NOW.now - MINUTE, monotonic: MINUTE },
      sleep({ now: DUE.now, monotonic: MINUTE + 250 * SECOND }),
    ],
    [
      'after a suspend the wall clock decides',
      DOWN,
      { now: NOW.now + 60 * MINUTE, monotonic: 1 },
      poll('regular', LATEST + 60 * MINUTE),
    ],
    [
      'after the clock was set back the monotonic clock decides',
      PAUSED,
      { now: NOW.now - 60 * MINUTE, monotonic: 12 * MINUTE },
      poll('regular', LATEST - 60 * MINUTE),
    ],
  ])('%s', (_, state, at, expected) => {
    expect(decide(state, SETTINGS, at)).toEqual(expected);
  });
});

describe('the state', () => {
  const failure = new ApiError('Down', { reason: 'http', hint: 'Look there' });
  const ok: PolledInput = {
    outcome: { failure: undefined, failed: [], retryAfterMs: undefined, rows: [] },
    ...{ latest: LATEST, isPartial: false, unfinished: [], random: () => 0 },
  };
  const failed = (retryAfterMs?: number): PolledInput => ({
    ...ok,
    outcome: { failure, failed: 'all', retryAfterMs, rows: [] },
    unfinished: 'all',
    random: () => 0.999_999,
  });

  it('counts failed polls in a row, waits longer after each, and starts again after a success', () => {
    let state: ScheduleState = INITIAL_STATE;
    const waits = [1, 2, 3, 4, 5].map(() => {
      state = afterPoll(state, SETTINGS, failed(), NOW);
      return Math.round((state.retryAt.monotonic - NOW.monotonic) / SECOND);
    });
    expect(waits).toEqual([30, 60, 120, 240, 300]);
    expect(state.failures).toBe(5);
    state = afterPoll(state, SETTINGS, { ...ok, unfinished: [1] }, NOW);
    expect(state).toMatchObject({ failures: 0, retryAt: later(15 * SECOND), unfinished: [1], isCatchUpDue: true });
  });

  it('keeps the longest Retry-After, at most an hour', () => {
    let state = afterPoll(INITIAL_STATE, SETTINGS, failed(10 * MINUTE), NOW);
    expect(state.pausedUntil).toEqual(later(10 * MINUTE));
    state = afterPoll(state, SETTINGS, failed(MINUTE), NOW);
    expect(state.pausedUntil).toEqual(later(10 * MINUTE));
    state = afterCatchUpFailure(state, 20 * MINUTE, NOW);
    expect(state.pausedUntil).toEqual(later(20 * MINUTE));
    state = afterCatchUpFailure(state, 24 * 60 * MINUTE, NOW);
    expect(state.pausedUntil).toEqual(later(60 * MINUTE));
  });

  it('pauses catch-ups longer after each that ended with failed queries', () => {
    let state = TO_CATCH_UP;
    const pauses = [1, 2, 3, 4, 5, 6].map(() => {
      state = afterCatchUp({ ...state, isCatchUpDue: true }, 'some queries failed', NOW);
      expect(state.isCatchUpDue).toBe(false);
      return (state.catchUpPausedUntil.monotonic - NOW.monotonic) / MINUTE;
    });
    expect(pauses).toEqual([5, 10, 20, 40, 60, 60]);
    expect(afterCatchUp(state, 'nothing to do', NOW).incompleteCatchUps).toBe(6);
    expect(afterCatchUp(state, 'complete', NOW).incompleteCatchUps).toBe(0);
  });

  it('remembers the window in which a catch-up failed', () => {
    expect(afterCatchUpFailure(TO_CATCH_UP, undefined, NOW)).toMatchObject({
      catchUpFailedIn: LATEST,
      isCatchUpDue: true,
    });
  });
});
