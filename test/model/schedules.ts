import fc from 'fast-check';
import { type ClockStep, HOUR, type Kill, type Outage, type Schedule } from './life.ts';

const MINUTE = 60_000;

const share = (max: number) => fc.integer({ min: 0, max: 100 }).map((percent) => (percent / 100) * max);
const instant = (max: number) => fc.integer({ min: 0, max });

/** Random lives. */
export const schedules: fc.Arbitrary<Schedule> = fc
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
          // Now and then right from the first start on.
          at: fc.oneof({ weight: 4, arbitrary: instant(troubledMs) }, fc.constant(0)),
          length: fc.integer({ min: MINUTE, max: 90 * MINUTE }),
          error: fc.integer({ min: -HOUR, max: HOUR }),
        }),
        { maxLength: 2 },
      ),
    }),
  );
