// Builds what `npm pack` and `npm publish` put into the package: never a package without a program.
import { execFileSync } from 'node:child_process';
import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
if (!existsSync(`${root}node_modules/typescript`)) {
  console.error('The compiler is not installed: run `npm ci` first');
  process.exit(1);
}
// Nothing that an earlier state of the source left behind.
rmSync(`${root}dist`, { recursive: true, force: true });
// npm pack prints the name of its file on stdout: scripts read it.
execFileSync('npm', ['run', '--silent', 'build'], { cwd: root, stdio: ['ignore', 2, 2] });
