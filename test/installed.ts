import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** Whether a program is on the PATH; says so when it is not, as what needs it is then skipped. */
export function installed(program: string): boolean {
  const found = (process.env['PATH'] ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)));
  if (!found) process.stderr.write(`Skipped what needs ${program}: it is not on the PATH\n`);
  return found;
}
