import { execFileSync } from 'node:child_process';

/** Builds `dist` once before all tests: the tests of the command line run the real program. */
export default function setup(): void {
  execFileSync('npx', ['tsc', '-p', 'tsconfig.build.json'], { stdio: 'inherit' });
  execFileSync('node', ['scripts/build-docs.mjs'], { stdio: 'inherit' });
}
