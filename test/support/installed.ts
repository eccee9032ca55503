import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/**
 * Whether a program is on the PATH, by any of its names; says so when it is not, as what needs it is then skipped.
 */
export function installed(...names: readonly [string, ...string[]]): boolean {
  const folders = (process.env['PATH'] ?? '').split(delimiter);
  const found = folders.some((folder) => names.some((name) => existsSync(join(folder, name))));
  if (!found) process.stderr.write(`Skipped what needs ${names[0]}: it is not on the PATH\n`);
  return found;
}
