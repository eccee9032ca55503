import { execFileSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { installed } from '../support/installed.ts';

const FOLDER = '.github/workflows';
const WORKFLOWS = readdirSync(FOLDER);
const CAN_LINT = installed('actionlint');

test.runIf(CAN_LINT)('actionlint finds no mistake in the workflows', () => {
  execFileSync('actionlint', ['-no-color', '-shellcheck=', ...WORKFLOWS.map((name) => `${FOLDER}/${name}`)], {
    stdio: 'pipe',
  });
});

test('the workflows have no more rights than they request, and end', () => {
  for (const name of WORKFLOWS) {
    const { permissions } = parse(readFileSync(`${FOLDER}/${name}`, 'utf8')) as { permissions: unknown };
    expect(permissions, name).toEqual({ contents: 'read' });
  }
});

test('the check runs on every Node.js that the README promises, and runs all of .ci/run', () => {
  const text = readFileSync(`${FOLDER}/check.yaml`, 'utf8');
  const { jobs } = parse(text) as { jobs: { node: { strategy: { matrix: { node: readonly string[] } } } } };
  expect(jobs.node.strategy.matrix.node).toEqual(['20', '22', '24']);
  expect(text).toContain('bash .ci/run');
});
