import { open, rm, stat } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import { errorCode, errorMessage } from '../core/format.ts';
import type { Finding } from './findings.ts';

const REASONS: Readonly<Record<string, string>> = {
  ENOENT: 'no such directory',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOSPC: 'no space left on the disk',
};

/** Writes a small file to the directory, flushes it to the disk, and removes it. A running exporter is not disturbed. */
export async function examineStorage(directory: string): Promise<Finding> {
  const step = 'storage';
  const file = join(directory, `doctor-${process.pid}.tmp`);
  try {
    if (!(await stat(directory)).isDirectory()) throw Object.assign(new Error(), { code: 'ENOTDIR' });
    const handle = await open(file, 'wx');
    try {
      await handle.writeFile('test');
      await handle.sync();
    } finally {
      await handle.close();
      await rm(file, { force: true });
    }
    return { step, status: 'ok', detail: `Can write to ${directory}` };
  } catch (error) {
    const reason = REASONS[errorCode(error) ?? ''] ?? errorMessage(error);
    const { username } = userInfo();
    const remedy = `Create the directory, and give the user of the exporter (now: ${username}) the right to write to it`;
    return { step, status: 'failed', detail: `Cannot write to ${directory}: ${reason}`, remedy };
  }
}
