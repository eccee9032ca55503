import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { MEMORY_OPTIONS } from '../../src/core/memory.ts';

/** Runs a module in a process of its own with a fresh heap; returns what it prints. */
const runModule = (code: string): unknown =>
  JSON.parse(execFileSync(process.execPath, ['--input-type=module', '--eval', code], { encoding: 'utf8' }));

const ALLOCATE = 'let kept = []; for (let i = 0; i < 4e5; i++) { kept.push({ i }); if (kept.length > 1e5) kept = []; }';
const YOUNG_MB =
  "v8.getHeapSpaceStatistics().find(({ space_name }) => space_name === 'new_space').space_size / 1024 ** 2";

test('the young generation does not grow', () => {
  const grown = (setting: string) =>
    runModule(
      `import v8 from 'node:v8'; import { keepMemorySmall } from './dist/core/memory.js';
       ${setting} ${ALLOCATE} console.log(${YOUNG_MB});`,
    );
  expect(grown('')).toBeGreaterThan(8);
  expect(grown('keepMemorySmall();')).toBeLessThanOrEqual(2);
});

test('V8 knows each option', () => {
  const known = execFileSync(process.execPath, ['--v8-options'], { encoding: 'utf8' });
  for (const option of MEMORY_OPTIONS) expect(known).toMatch(new RegExp(`^ +${option.split('=')[0] ?? ''} `, 'm'));
});

test('a full collection is made on request, and leaves no function `gc` behind', () => {
  const result = runModule(
    `import { PerformanceObserver, constants } from 'node:perf_hooks'; import { collectGarbage } from './dist/core/memory.js';
     const kinds = []; new PerformanceObserver((list) => kinds.push(...list.getEntries().map(({ detail }) => detail.kind)))
       .observe({ entryTypes: ['gc'] });
     collectGarbage();
     setTimeout(() => console.log(JSON.stringify({
       isMajor: kinds.includes(constants.NODE_PERFORMANCE_GC_MAJOR), global: typeof globalThis.gc })), 50);`,
  );
  expect(result).toEqual({ isMajor: true, global: 'undefined' });
});
