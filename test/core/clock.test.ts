import { expect, test } from 'vitest';
import { after, momentOf, msUntil, sleepUntil } from '../../src/core/clock.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NOON = Date.UTC(2026, 10, 18, 12);
const signal = new AbortController().signal;

/** Sleeps a minute, in steps of a second, while `change` works on the clock. Returns the time that really passed. */
async function slept(change: (clock: FakeClock, second: number) => void): Promise<number> {
  const clock = new FakeClock(NOON);
  const awake = new AbortController();
  void sleepUntil(clock, after(momentOf(clock), 60_000), signal).then(() => {
    awake.abort();
  });
  let second = 0;
  for (; !awake.signal.aborted && second < 300; second++) {
    change(clock, second);
    clock.advance(1000);
    await new Promise((resolve) => setImmediate(resolve));
  }
  return second * 1000;
}

test('a sleep ends when the wall clock shows the time, within 5 seconds of a step forward', async () => {
  expect(await slept(() => undefined)).toBe(60_000);
  expect(
    await slept((clock, second) => {
      if (second === 11) clock.step(3_600_000);
    }),
  ).toBe(15_000);
});

test('a wall clock that is set back does not make a sleep longer', async () => {
  expect(
    await slept((clock, second) => {
      if (second === 10) clock.step(-3_600_000);
    }),
  ).toBe(60_000);
});

test('an aborted sleep ends at once', async () => {
  const aborted = new AbortController();
  aborted.abort();
  const clock = new FakeClock(NOON);
  await sleepUntil(clock, after(momentOf(clock), 60_000), aborted.signal);
});

test('the time until a deadline is never shorter than what a wall clock can tell apart', () => {
  const deadline = { now: NOON + 1000, monotonic: 1000 };
  expect(msUntil(deadline, { now: NOON, monotonic: 0 })).toBe(1000);
  expect(msUntil(deadline, { now: NOON, monotonic: 999.999_999 })).toBe(1);
  expect(msUntil(deadline, { now: NOON, monotonic: 1000 })).toBe(0);
  expect(msUntil(deadline, { now: NOON + 2000, monotonic: 0 })).toBe(0);
});
