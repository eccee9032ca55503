import { describe, expect, it } from 'vitest';
import { ApiError } from '../../src/core/errors.ts';
import { WINDOW_MS, type WindowRange } from '../../src/core/window.ts';
import { down, MINUTE, type PollCall, runScheduler, type ScheduleScenario, START } from '../support/scheduler-run.ts';

/** The window that starts at 08:05. */
const LATE = START + 3 * MINUTE;
/** The API fails until 09:02. */
const isOutage = (now: number) => now > START + 5 * MINUTE && now < START + 60 * MINUTE;
const minutesOf = (time: string) => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));
/** Whether a call asks for older windows than the regular polls. */
const isCatchUp = ({ at, windows }: PollCall) => minutesOf(at) - minutesOf(windows) > 25;

/** Runs with failures for the requests of catch-ups, given by their number from 1 on. */
function withFailures(failureOf: (request: number) => ApiError | undefined, more: Partial<ScheduleScenario> = {}) {
  let requests = 0;
  const failure = (now: number, _vdns: readonly number[], { from }: WindowRange) => {
    if (isOutage(now)) return down();
    return from < now - 25 * MINUTE ? failureOf(++requests) : undefined;
  };
  return runScheduler({ until: 120 * MINUTE, failure, ...more });
}

describe('a catch-up', () => {
  it('counts a row 2 hours late within minutes although the response of its recheck was cut off', async () => {
    let cutOffs = 0;
    const has = (vdn: number, start: number, now: number) =>
      vdn === 1 || start !== LATE || now >= LATE + WINDOW_MS + 120 * MINUTE;
    const failure = (now: number, _vdns: readonly number[], { from, to }: WindowRange) => {
      const isRecheck = now >= LATE + 125 * MINUTE && from <= LATE && to > LATE;
      return isRecheck && ++cutOffs === 1 ? new ApiError('Cut off', { reason: 'incomplete', hint: 'None' }) : undefined;
    };
    const { calls, ledger } = await runScheduler({ until: 300 * MINUTE, has, failure, catchUpMs: 240 * MINUTE });
    expect(calls.filter(({ at, windows }) => at > '10:10' && windows === '08:05-08:10').map(({ at }) => at)).toEqual([
      '11:05:10',
      '11:10:10',
    ]);
    expect(ledger.totals(2)).toMatchObject({ windows: 60, missing: 0 });
  });

  it('never asks for more than fits in a page of 100 rows', async () => {
    const vdns = Array.from({ length: 60 }, (_, index) => index + 1);
    const { calls } = await withFailures(() => undefined, { vdns, isSerial: false });
    const rows = calls
      .filter(isCatchUp)
      .map(
        ({ vdns: ids, windows }) => (ids.split(',').length * (minutesOf(windows.slice(6)) - minutesOf(windows))) / 5,
      );
    expect(rows.length).toBeGreaterThan(4);
    expect(Math.max(...rows)).toBeLessThanOrEqual(100);
  });

  it('sends nothing before the time that Retry-After gives, and nothing else either', async () => {
    const { calls, ledger } = await withFailures((request) => (request === 1 ? down(12 * MINUTE) : undefined));
    const refused = calls.findIndex(isCatchUp);
    const [at, next] = [calls[refused], calls[refused + 1]].map((call) => minutesOf(call?.at ?? ''));
    expect((next ?? 0) - (at ?? 0)).toBe(12);
    expect(ledger.totals(1)).toMatchObject({ windows: 24, missing: 0 });
  });

  it('waits as Retry-After says, too, when it gives a query up', async () => {
    const { calls } = await withFailures((request) => (request <= 3 ? down(12 * MINUTE) : undefined));
    const refused = calls.flatMap((call, index) => (isCatchUp(call) ? [index] : [])).slice(0, 3);
    for (const index of refused) {
      const [at, next] = [calls[index], calls[index + 1]].map((call) => minutesOf(call?.at ?? ''));
      expect((next ?? 0) - (at ?? 0)).toBe(12);
    }
  });

  it('gives each query all its tries', async () => {
    // Both queries fail twice: the gap of the outage, and what may have been corrected in it.
    const { ledger, lines } = await withFailures((request) => ([1, 2, 4, 5].includes(request) ? down() : undefined));
    expect(lines.join('')).toContain('Catch-up failed and continues after the next window');
    expect(lines.join('')).not.toContain('Catch-up finished with failed queries');
    expect(ledger.totals(1)).toMatchObject({ windows: 24, missing: 0 });
  });

  it('is planned anew when the clock is set back', async () => {
    let isBack = false;
    const { calls, ledger } = await withFailures(
      () => {
        if (isBack) return undefined;
        // The clock was an hour ahead, and the plan asks for windows that have not come yet.
        isBack = true;
        return down();
      },
      { clockError: () => (isBack ? 0 : 60 * MINUTE) },
    );
    const back = calls.findIndex(({ at }, index) => at < (calls[index - 1]?.at ?? ''));
    expect(back).toBeGreaterThan(0);
    for (const { at, windows } of calls.slice(back)) expect(windows.slice(6) <= at).toBe(true);
    expect(ledger.totals(1).missing).toBe(0);
  });
});

describe('a poll', () => {
  it('sends none of its other queries when one is told to wait', async () => {
    const vdns = Array.from({ length: 300 }, (_, index) => index + 1);
    const { calls } = await runScheduler({
      ...{ until: MINUTE, vdns, isSerial: false },
      failure: () => down(5 * MINUTE),
    });
    // Ten queries, of which four are sent at once.
    expect(calls).toHaveLength(4);
  });
});
