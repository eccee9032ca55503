import fc from 'fast-check';
import {
  type ClockStep,
  HOUR,
  type Kill,
  MAX_MORE_LOOKBACK,
  MINUTE,
  type Outage,
  type Scenario,
  type Settings,
} from './scenario.ts';

const share = (max: number) => fc.integer({ min: 0, max: 100 }).map((percent) => (percent / 100) * max);
const instant = (max: number) => fc.integer({ min: 0, max });

const settings: fc.Arbitrary<Settings> = fc.record({
  isAll: fc.boolean(),
  without: fc.subarray([1, 2], { maxLength: 1 }),
  moreLookbackWindows: fc.integer({ min: 0, max: MAX_MORE_LOOKBACK }),
  catchUpMs: fc.constantFrom(24 * HOUR, 72 * HOUR),
});

/** Random scenarios. */
export const scenarios: fc.Arbitrary<Scenario> = fc
  .record({
    troubledMs: fc.integer({ min: 4 * HOUR, max: 20 * HOUR }),
    first: settings,
    changes: fc.boolean(),
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
    zeroFirst: share(1),
    fillsZeros: fc.boolean(),
    hasDate: fc.integer({ min: 0, max: 3 }).map((number) => number > 0),
    dateErrorMs: fc.constantFrom(0, 0, 8 * HOUR, -8 * HOUR),
  })
  .chain(({ troubledMs, first, changes, lookbackWindows, ...upstream }) =>
    fc.record({
      troubledMs: fc.constant(troubledMs),
      settings: fc.constant(first),
      lookbackWindows: fc.constant(lookbackWindows),
      upstream: fc.constant({
        ...upstream,
        maxLateMs: 5 * HOUR,
        // A window may be corrected until it is requested for the last time.
        correctableMs: lookbackWindows * 5 * MINUTE,
      }),
      // Less than a day of faults in all: windows that are missed for longer are given up.
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
          losesFile: fc.integer({ min: 0, max: 9 }).map((number) => number === 9),
          // In every other scenario the config changes between the processes.
          next: changes ? settings : fc.constant(first),
        }),
        { maxLength: 5 },
      ),
      steps: fc.array(
        fc.record<ClockStep>({
          // At times from the first start on.
          at: fc.oneof({ weight: 4, arbitrary: instant(troubledMs) }, fc.constant(0)),
          length: fc.integer({ min: MINUTE, max: 90 * MINUTE }),
          error: fc.oneof({ weight: 4, arbitrary: fc.integer({ min: -HOUR, max: HOUR }) }, fc.constant(72 * HOUR)),
        }),
        { maxLength: 2 },
      ),
    }),
  )
  .map((scenario) => (scenario.upstream.checksClock ? scenario : withClockNotFarBehind(scenario)))
  .map((scenario) => (hasOneClock(scenario) ? withoutCorrections(scenario) : scenario));

/**
 * An API that accepts a signature is taken to have checked its time (15 minutes). Where it has not, nothing tells which
 * clock is wrong when ours is further behind. Two steps may add up.
 */
function withClockNotFarBehind(scenario: Scenario): Scenario {
  return { ...scenario, steps: scenario.steps.map((step) => ({ ...step, error: Math.max(step.error, -7 * MINUTE) })) };
}

/**
 * Whether our clock steps and no `Date` header tells the right time. Rows prove the time to within a window: a window may
 * then close one window early, so a correction at its very end may be missed.
 */
function hasOneClock({ upstream, steps }: Scenario): boolean {
  return (!upstream.hasDate || upstream.dateErrorMs !== 0) && steps.length > 0;
}

function withoutCorrections(scenario: Scenario): Scenario {
  return { ...scenario, upstream: { ...scenario.upstream, corrected: 0 } };
}
