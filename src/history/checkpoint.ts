/** Checks the state file of a backfill: it may be damaged, edited by hand, or written by another version. */
import { isDeepStrictEqual } from 'node:util';
import type { BackfillState } from './backfill.ts';

type Check = (value: unknown) => boolean;

const isCount: Check = (value) => Number.isSafeInteger(value) && Number(value) >= 0;
const isText: Check = (value) => typeof value === 'string';

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);

const tupleOf =
  (...checks: readonly Check[]): Check =>
  (value) =>
    Array.isArray(value) && value.length === checks.length && checks.every((check, index) => check(value[index]));

const recordOf =
  (checks: Readonly<Record<string, Check>>): Check =>
  (value) =>
    isRecord(value) && Object.entries(checks).every(([key, check]) => check(value[key]));

const isRange = { from: isCount, to: isCount };
const isTotals = recordOf({
  ...{ inbound: isCount, answered: isCount, outbound: isCount, windows: isCount, revised: isCount, missing: isCount },
});

const isState = recordOf({
  version: (value) => value === 1,
  job: recordOf({ targets: Array.isArray, range: recordOf(isRange), format: isText, extraLabels: Array.isArray }),
  next: isCount,
  bytes: isCount,
  windows: isCount,
  accounts: listOf(tupleOf(isCount, recordOf({ totals: isTotals, upTo: isCount }))),
  gaps: recordOf({
    gaps: isCount,
    windows: isCount,
    listed: listOf(recordOf({ target: isCount, vdn: isCount, ...isRange })),
    silent: listOf(tupleOf(isCount, isCount)),
  }),
  rejected: (value) => isRecord(value) && Object.values(value).every(isCount),
  incomplete: isCount,
});

/** The state in the content of a state file; undefined when it is not one of this version. */
export function parseState(content: unknown): BackfillState | undefined {
  return isState(content) ? (content as BackfillState) : undefined;
}

/** Whether a stored job is the same as the job of this command line, apart from its range. */
export function isSameJob(stored: BackfillState['job'], job: BackfillState['job']): boolean {
  // Compare what JSON keeps: it drops undefined values.
  const expected: unknown = JSON.parse(JSON.stringify({ ...job, range: stored.range }));
  return isDeepStrictEqual(stored, expected);
}
