import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type ClockStep, HOUR, type Kill, live, type Outage, type Schedule } from './model/life.ts';

const MINUTE = 60_000;
const RUNS = Number(process.env['MODEL_RUNS'] ?? 2000);
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) };

const share = (max: number) => fc.integer({ min: 0, max: 100 }).map((percent) => (percent / 100) * max);
const instant = (max: number) => fc.integer({ min: 0, max });

const schedules: fc.Arbitrary<Schedule> = fc
  .record({
    troubledMs: fc.integer({ min: 4 * HOUR, max: 20 * HOUR }),
    isAll: fc.boolean(),
    lookbackWindows: fc.integer({ min: 1, max: 5 }),
    seed: fc.integer({ min: 0, max: 0xffffff }),
    missing: share(0.2),
    late: share(0.3),
    corrected: share(0.5),
    hasNights: fc.boolean(),
    checksClock: fc.boolean(),
    slowMs: fc.constantFrom(50, 400),
    rowsPerVdn: fc.constantFrom(1, 30, 60),
    silentVdn: fc.constantFrom(undefined, 7),
  })
  .chain(({ troubledMs, isAll, lookbackWindows, ...upstream }) =>
    fc.record({
      troubledMs: fc.constant(troubledMs),
      isAll: fc.constant(isAll),
      lookbackWindows: fc.constant(lookbackWindows),
      upstream: fc.constant({
        ...upstream,
        maxLateMs: 5 * HOUR,
        // A window may be corrected until it was looked at for the last time.
        correctableMs: lookbackWindows * 5 * MINUTE,
      }),
      // Less than a day of faults in all, for what is missed for longer is given up.
      outages: fc.array(
        fc.record<Outage>({
          at: instant(troubledMs),
          length: fc.integer({ min: MINUTE, max: 100 * MINUTE }),
          kind: fc.constantFrom('down', 'partial', 'scrambled'),
        }),
        { maxLength: 4 },
      ),
      kills: fc.array(
        fc.record<Kill>({
          at: instant(troubledMs),
          length: fc.integer({ min: 1000, max: 100 * MINUTE }),
          moment: fc.constantFrom('asleep', 'before storing', 'after storing'),
        }),
        { maxLength: 5 },
      ),
      steps: fc.array(
        fc.record<ClockStep>({
          // Not while the first start is under way: what counts from then on is its own test.
          at: fc.integer({ min: 10 * MINUTE, max: troubledMs }),
          length: fc.integer({ min: MINUTE, max: 90 * MINUTE }),
          error: fc.integer({ min: -HOUR, max: HOUR }),
        }),
        { maxLength: 2 },
      ),
    }),
  );

test(
  `in ${RUNS} random lives every window is counted exactly once, and no counter ever falls`,
  { timeout: 300_000 },
  async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        expect(await live(schedule)).toEqual([]);
      }),
      { numRuns: RUNS, ...SEED },
    );
  },
);
