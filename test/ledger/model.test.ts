import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scenarios } from './model/random-scenarios.ts';
import { runScenario } from './model/run-scenario.ts';

const RUNS = Number(process.env['MODEL_RUNS'] ?? 1000);
/** Every build runs the same scenarios, so that it fails only for its own changes. `npm run test:fuzz` runs others. */
const { MODEL_SEED = '1' } = process.env;
const SEED = MODEL_SEED === 'random' ? {} : { seed: Number(MODEL_SEED) };

test(
  `counts every window exactly once and lets no counter fall in ${RUNS} random scenarios`,
  { timeout: Math.max(900_000, 600 * RUNS) },
  async () => {
    await fc.assert(
      fc.asyncProperty(scenarios, async (scenario) => {
        expect(await runScenario(scenario)).toEqual([]);
      }),
      { numRuns: RUNS, ...SEED },
    );
  },
);
