import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, onTestFinished } from 'vitest';

/**
 * Calls `close` when the test has ended; at the top level of a file, when its tests have. Last in, first out.
 * Not for `beforeAll` and `describe`: there, return the function or use `afterAll`.
 */
export function cleanup(close: () => unknown): void {
  const end = async (): Promise<void> => {
    await close();
  };
  if (expect.getState().currentTestName === undefined) afterAll(end);
  else onTestFinished(end);
}

/** A new directory that is removed with everything in it (see {@link cleanup}). Returns its path. */
export function temporaryDirectory(): string {
  const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-test-'));
  cleanup(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}
