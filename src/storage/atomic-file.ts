import { randomUUID } from 'node:crypto';
import { constants, type FileHandle, open, readdir, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

/** What the name of a temporary file ends with; different for each call, so that no two processes share one. */
const TEMPORARY_ENDING = /\.[0-9a-f]{8}\.new$/;

export interface ReplaceOptions {
  /** Called when the new content is safe on disk, right before it replaces the old one; rejects to keep the old one. */
  readonly beforeRename?: () => Promise<void>;
}

/** Never follows a symbolic link and never opens what is already there: the temporary file is always our own. */
const CREATE = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | constants.O_NOFOLLOW;

/**
 * Replaces the content of a file. After a crash at any instant the old content is there or the new one, whole.
 * The file is readable by its owner only.
 * @throws the file system's error; then the old content is still there, and no temporary file is left
 */
export async function replaceFile(
  path: string,
  content: string,
  { beforeRename = () => Promise.resolve() }: ReplaceOptions = {},
): Promise<void> {
  const temporary = `${path}.${randomUUID().slice(0, 8)}.new`;
  const file = await open(temporary, CREATE, 0o600);
  try {
    await writeAndSync(file, content);
    await beforeRename();
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

async function writeAndSync(file: FileHandle, content: string): Promise<void> {
  try {
    await file.writeFile(content);
    await file.sync();
  } finally {
    await file.close();
  }
}

/**
 * Removes the temporary files that crashes of {@link replaceFile} left in a directory. A process that is still about to
 * rename one of them fails instead.
 * @param pattern matches the names of the files that are replaced there
 */
export async function removeTemporaryFiles(directory: string, pattern: RegExp): Promise<void> {
  for (const name of await readdir(directory)) {
    const [target] = name.split(TEMPORARY_ENDING);
    if (target !== undefined && target !== name && pattern.test(target))
      await rm(join(directory, name), { force: true });
  }
}

/** Makes the rename of a file in it survive a power cut. */
async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, constants.O_RDONLY);
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/**
 * The text of a file. A named pipe or a device in its place is an error instead of a wait without end.
 * @throws the file system's error
 */
export async function readRegularFile(path: string): Promise<string> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stats = await file.stat();
    if (!stats.isFile() && !stats.isDirectory()) throw new Error(`${path} is not a regular file`);
    return await file.readFile('utf8');
  } finally {
    await file.close();
  }
}
