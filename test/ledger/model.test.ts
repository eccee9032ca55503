import fc from 'fast-check';
import { expect, test } from 'vitest';
import { live } from './model/scenario.ts';
import { schedules } from './model/schedules.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 2000);
/** The same lives in every build: it must not fail for what was there before. `npm run lives` finds others. */
const { MODEL_SEED = '1' } = process.env;
const SEED = MODEL_SEED === 'random' ? {} : { seed: Number(MODEL_SEED) };

test(
  `in ${RUNS} random lives every window is counted exactly once, and no counter ever falls`,
  { timeout: Math.max(300_000, 150 * RUNS) },
  async () => {
    await fc.assert(
      fc.asyncProperty(schedules, async (schedule) => {
        expect(await live(schedule)).toEqual([]);
      }),
      { numRuns: RUNS, ...SEED },
    );
  },
);
