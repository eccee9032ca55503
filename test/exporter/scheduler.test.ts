import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { backoff } from '../../src/cms/backoff.ts';
import { ApiError } from '../../src/core/errors.ts';
import { WINDOW_MS, type WindowRange } from '../../src/core/window.ts';
import { down, MINUTE, type PollCall, runScheduler as run, START } from '../support/scheduler-run.ts';

const times = (calls: readonly PollCall[]) => calls.map(({ at }) => at);

describe('the scheduler', () => {
  it('polls at the start, then settle_delay after each window end, and requests what may be corrected, too', async () => {
    const { calls } = await run({ until: 14 * MINUTE });
    expect(calls).toEqual([
      { at: '08:02:00', vdns: '1,2', windows: '07:45-08:00' },
      { at: '08:05:10', vdns: '1,2', windows: '07:50-08:05' },
      { at: '08:10:10', vdns: '1,2', windows: '07:55-08:10' },
      { at: '08:15:10', vdns: '1,2', windows: '08:00-08:15' },
    ]);
  });

  it('requests the missing VDNs every retry_interval, and nothing else', async () => {
    const has = (vdn: number, start: number, now: number) => vdn === 1 || now >= start + WINDOW_MS + 35_000;
    const { calls } = await run({ until: 4 * MINUTE, has });
    expect(calls.slice(1)).toEqual([
      { at: '08:05:10', vdns: '1,2', windows: '07:50-08:05' },
      { at: '08:05:25', vdns: '2', windows: '08:00-08:05' },
      { at: '08:05:40', vdns: '2', windows: '08:00-08:05' },
    ]);
  });

  it('requests a row that does not come until the next window is due, not longer', async () => {
    const { calls } = await run({
      until: 9 * MINUTE,
      has: (vdn, start) => !(vdn === 2 && start === START - 2 * MINUTE),
    });
    const forMissing = calls.filter(({ vdns, at }) => vdns === '2' && at < '08:10:10');
    expect(forMissing).toHaveLength(19);
    expect(calls.filter(({ at }) => at >= '08:10:10')).toHaveLength(1);
  });

  it('waits longer and longer for an API that fails, and requests only what it did not get', async () => {
    const { calls, scheduler } = await run({ until: 3 * MINUTE, failure: () => down() });
    expect(times(calls).slice(0, 4)).toEqual(['08:02:00', '08:02:15', '08:02:30', '08:02:45']);
    expect(scheduler.status).toMatchObject({
      isFailing: true,
      lastSuccessAt: undefined,
      lastFailure: { message: 'Down', hint: 'Look there' },
    });
  });

  it('says which VDNs a failure is about when it is not about all', async () => {
    const failure = (_: number, ids: readonly number[]) => (ids.includes(150) ? down() : undefined);
    const vdns = Array.from({ length: 250 }, (__, index) => index + 1);
    const { scheduler, lines } = await run({ until: MINUTE, failure, vdns, isSerial: false });
    expect(scheduler.status.lastFailure?.message).toBe('Down (VDNs 129-160)');
    expect(lines.join('')).toContain('error="Down (VDNs 129-160)"');
  });

  it('honours Retry-After, also beyond the next window', async () => {
    const { calls } = await run({
      until: 20 * MINUTE,
      failure: (now) => (now < START + MINUTE ? down(12 * MINUTE) : undefined),
    });
    expect(times(calls).slice(0, 2)).toEqual(['08:02:00', '08:14:00']);
  });

  it('catches up after an outage when the API is back, newest windows first, without a request twice', async () => {
    const failure = (now: number) => (now > START + 5 * MINUTE && now < START + 60 * MINUTE ? down() : undefined);
    const { calls, ledger } = await run({ until: 90 * MINUTE, failure });
    const back = calls.findIndex(({ at }) => at >= '09:02:00');
    expect(calls[back]?.windows).toMatch(/^08:4|08:5/);
    expect(calls[back + 1]?.windows).toMatch(/^08:0\d-08:/);
    // What was counted before the outage but may have been corrected in it.
    expect(calls[back + 2]?.windows).toMatch(/^08:00-/);
    expect(calls.slice(back + 3).every(({ windows }) => windows >= '08:45')).toBe(true);
    expect(ledger.totals(1)).toMatchObject({ windows: 18, missing: 0 });
  });

  it('goes on after a failed catch-up with the next window', async () => {
    let requests = 0;
    const failure = (now: number) => {
      requests++;
      const isShaky = now < START + 120 * MINUTE && requests % 2 === 0;
      return now > START + 5 * MINUTE && (now < START + 60 * MINUTE || isShaky) ? down() : undefined;
    };
    const { ledger, lines } = await run({ until: 200 * MINUTE, failure });
    expect(lines.join('')).toContain('Catch-up failed and continues after the next window');
    // From 08:00 to 11:20.
    expect(ledger.totals(2)).toMatchObject({ windows: 40, missing: 0 });
  });

  it('requests the past that the API refuses less and less often', async () => {
    const failure = (now: number, _vdns: readonly number[], range: WindowRange) => {
      if (now > START + 5 * MINUTE && now < START + 60 * MINUTE) return down();
      const isPast = range.to < START + 40 * MINUTE && now >= START + 60 * MINUTE;
      return isPast ? new ApiError('Too old', { reason: 'api', hint: 'Look there' }) : undefined;
    };
    const { calls, lines } = await run({ until: 270 * MINUTE, failure });
    expect(lines.join('')).toContain('Catch-up finished with failed queries');
    // Anew after 5, 10, 20, 40 and 60 minutes; each time what is missed and what may have been corrected.
    const past = calls.filter(({ windows, at }) => windows < '08:40' && at > '09:02');
    expect(past.length).toBeGreaterThan(6);
    expect(past.length).toBeLessThan(16);
  });

  it('goes on polling when the clock is set back an hour while it catches up', async () => {
    let isBack = false;
    const failure = (now: number) => (now > START + 5 * MINUTE && now < START + 60 * MINUTE ? down() : undefined);
    const { calls, ledger } = await run({
      until: 130 * MINUTE,
      failure: (now) => (isBack ? undefined : failure(now)),
      clockError: () => (isBack ? -60 * MINUTE : 0),
      takes: (now) => {
        // The second request after the outage is the first of the catch-up.
        if (now > START + 61 * MINUTE) isBack = true;
        return now > START + 60 * MINUTE ? 61_000 : 100;
      },
    });
    expect(isBack).toBe(true);
    // By the clock that was set back the polls go on from 08:0x, one each five minutes.
    const back = calls.findLastIndex((one, index) => one.at < (calls[index - 1]?.at ?? ''));
    expect(calls[back]?.at.slice(0, 4)).toBe('08:0');
    expect(calls.length - back).toBeGreaterThan(12);
    expect(ledger.totals(1).windows).toBeGreaterThan(10);
  });

  it.each([
    ['an hour forth', 60 * MINUTE],
    ['an hour back', -60 * MINUTE],
  ])('neither skips nor doubles a window when the clock steps %s for a while', async (_, error) => {
    const clockError = (elapsed: number) => (elapsed > 17 * MINUTE && elapsed < 41 * MINUTE ? error : 0);
    const { ledger } = await run({ until: 180 * MINUTE, clockError });
    // From 08:00 to 11:00, the last window being 10:55.
    expect(ledger.totals(1)).toMatchObject({ windows: 36, inbound: 36, missing: 0 });
  });

  it('looks at the clock after a suspend, when the monotonic clock stood still', async () => {
    // The wall clock moves on two hours in no time.
    const clockError = (elapsed: number) => (elapsed > 17 * MINUTE ? 120 * MINUTE : 0);
    const { calls } = await run({ until: 18 * MINUTE, clockError });
    expect(calls.find(({ at }) => at > '09:00:00')?.at.slice(0, 7)).toBe('10:19:0');
  });

  it('never has two polls under way, however slow the API is', async () => {
    const { calls } = await run({ until: 40 * MINUTE, takes: () => 7 * MINUTE });
    expect(calls.length).toBeGreaterThan(4);
  });

  it('with the choice left to the API requests the VDNs by id that it knows and misses', async () => {
    const has = (vdn: number, start: number, now: number) => vdn === 1 || now >= start + WINDOW_MS + 20_000;
    const { calls } = await run({ until: 4 * MINUTE, has, vdns: 'all' });
    expect(calls.map(({ vdns }) => vdns)).toEqual(['all', 'all', '2']);
  });

  it('requests again only VDNs that had a row one window earlier: not for closed lines, not for wrong ids', async () => {
    const [closes, opens] = [START + 20 * MINUTE, START + 40 * MINUTE];
    const has = (vdn: number, start: number) => vdn === 1 || (vdn === 2 && (start < closes || start >= opens));
    const { calls, scheduler, lines } = await run({ until: 55 * MINUTE, has, vdns: [1, 2, 3] });
    // Only the first window without a row may still get one; later ones wait for the regular polls.
    const repeats = calls.filter(({ vdns }) => vdns !== '1,2,3');
    expect(new Set(repeats.map(({ vdns, windows }) => `${vdns} ${windows}`))).toEqual(new Set(['2 08:25-08:30']));
    expect(repeats).toHaveLength(19);
    expect(scheduler.status.silentVdns).toEqual([3]);
    expect(lines.filter((line) => line.includes('No rows so far'))).toEqual([
      expect.stringContaining('No rows so far for VDN 3: check the ids and cc_id'),
    ]);
  });

  it('calls no line silent that is closed', async () => {
    const has = (vdn: number) => vdn === 1;
    const opens = START + 40 * MINUTE;
    const isOpen = (vdn: number, at: number) => vdn !== 2 || at >= opens;
    const closed = await run({ until: 40 * MINUTE, has, isOpen, vdns: [1, 2, 3] });
    expect(closed.scheduler.status.silentVdns).toEqual([3]);
    const open = await run({ until: 65 * MINUTE, has, isOpen, vdns: [1, 2, 3] });
    expect(open.scheduler.status.silentVdns).toEqual([2, 3]);
  });

  it('with `all` sends one request a window when no VDN has rows', async () => {
    const { calls, scheduler } = await run({ until: 18 * MINUTE, has: () => false, vdns: 'all' });
    expect(times(calls)).toEqual(['08:02:00', '08:05:10', '08:10:10', '08:15:10']);
    expect(scheduler.status.silentVdns).toEqual([]);
  });

  it('takes back that a VDN is silent when its first row comes', async () => {
    const has = (vdn: number, start: number) => vdn === 1 || start >= START + 20 * MINUTE;
    const { scheduler, lines } = await run({ until: 40 * MINUTE, has });
    expect(scheduler.status.silentVdns).toEqual([]);
    const said = lines.join('');
    expect(said).toContain('No rows so far for VDN 2: check');
    expect(said).toContain('The first rows came for VDN 2');
  });
});

describe('backoff', () => {
  it('is never shorter than retry_interval or Retry-After, nor longer than a window and that', () => {
    const share = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
    const wait = fc.option(fc.nat(10_000_000), { nil: undefined });
    fc.assert(
      fc.property(
        fc.nat(1000),
        fc.integer({ min: 1000, max: 300_000 }),
        share,
        wait,
        (failures, retry, random, after) => {
          const ms = backoff(failures, retry, () => random, after);
          const capped = Math.min(after ?? 0, 3_600_000);
          expect(ms).toBeGreaterThanOrEqual(Math.max(retry, capped));
          expect(ms).toBeLessThanOrEqual(Math.max(300_000, capped));
        },
      ),
    );
  });

  it('grows with each failure', () => {
    const waits = [1, 2, 3, 4, 5, 6].map((failures) => backoff(failures, 15_000, () => 0.999999));
    expect(waits.map((wait) => Math.round(wait / 1000))).toEqual([30, 60, 120, 240, 300, 300]);
  });
});
