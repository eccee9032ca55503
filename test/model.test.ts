import fc from 'fast-check';
import { expect, test } from 'vitest';
import { live } from './model/life.ts';
import { schedules } from './model/schedules.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 2000);
const SEED = process.env['MODEL_SEED'] === undefined ? {} : { seed: Number(process.env['MODEL_SEED']) };

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
