/** The output of a backfill, and the state file for resuming it. */
import { once } from 'node:events';
import { type FileHandle, open, readFile, rm } from 'node:fs/promises';
import type { Writable } from 'node:stream';
import { OperationError, UsageError } from '../core/errors.ts';
import { errorCode, errorMessage } from '../core/format.ts';
import { replaceFile } from '../storage/atomic-file.ts';

/** Takes text in order; `bytes` is what has been written. */
export interface Output {
  readonly bytes: number;
  /** Resolves when there is room for more. @throws OperationError */
  write(text: string): Promise<void>;
  /** Resolves when everything written would survive a power cut. @throws OperationError */
  sync(): Promise<void>;
  close(): Promise<void>;
}

const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the disk',
  EDQUOT: 'the disk quota is used up',
  EFBIG: 'the file would be larger than allowed here',
  EACCES: 'permission denied',
  EROFS: 'the file system is read-only',
  ENOENT: 'no such directory',
  EISDIR: 'it is a directory',
  EPIPE: 'the reader has closed it',
};

function explain(error: unknown): string {
  return REASONS[errorCode(error) ?? ''] ?? errorMessage(error);
}

/**
 * Writes to a stream such as standard output. When the reader closes it, `write` fails, not the process.
 * @param name for messages
 */
export function streamOutput(stream: Writable, name: string): Output {
  let bytes = 0;
  let failure: unknown;
  const failed = new AbortController();
  const onError = (error: unknown): void => {
    failure ??= error;
    failed.abort();
  };
  stream.on('error', onError);
  const check = (): void => {
    if (failure !== undefined) throw new OperationError(`Cannot write to ${name}: ${explain(failure)}`);
  };
  return {
    get bytes() {
      return bytes;
    },
    async write(text) {
      check();
      if (!stream.write(text)) await once(stream, 'drain', { signal: failed.signal }).catch(() => undefined);
      check();
      bytes += Buffer.byteLength(text);
    },
    async sync() {
      // The callback of an empty write comes after everything that was buffered before it.
      await new Promise<void>((resolve) => {
        stream.write('', () => {
          resolve();
        });
      });
      check();
    },
    // An error may still come from the pipe below: the listener stays.
    close: () => Promise.resolve(),
  };
}

export interface OpenOptions {
  /** Continues an existing file after this many bytes; the rest is cut off. */
  readonly resumeAt?: number | undefined;
  /** Overwrites an existing file. */
  readonly force: boolean;
}

/**
 * Opens a file to be written.
 * @throws UsageError when it exists and neither `force` nor `resumeAt` is given; OperationError
 */
export async function fileOutput(path: string, options: OpenOptions): Promise<Output> {
  const file = await openFile(path, options);
  const fail = (error: unknown): never => {
    throw new OperationError(`Cannot write ${path}: ${explain(error)}`, { cause: error });
  };
  let bytes = options.resumeAt ?? 0;
  try {
    await checkFile(path, file, bytes);
    if (options.resumeAt !== undefined) await file.truncate(bytes).catch(fail);
  } catch (error) {
    await file.close();
    throw error;
  }
  return {
    get bytes() {
      return bytes;
    },
    async write(text) {
      let rest = Buffer.from(text);
      while (rest.length > 0) {
        const { bytesWritten } = await file.write(rest, 0, rest.length, bytes).catch(fail);
        bytes += bytesWritten;
        rest = rest.subarray(bytesWritten);
      }
    },
    async sync() {
      await file.datasync().catch(fail);
    },
    close: () => file.close(),
  };
}

async function openFile(path: string, { resumeAt, force }: OpenOptions): Promise<FileHandle> {
  const flags = resumeAt !== undefined ? 'r+' : force ? 'w' : 'wx';
  try {
    return await open(path, flags);
  } catch (error) {
    if (errorCode(error) === 'ENOENT' && resumeAt !== undefined) {
      throw new OperationError(`${path} is gone, only its state file is left: start again with --force`);
    }
    if (errorCode(error) === 'EEXIST') throw new UsageError(`${path} exists: choose another --output, or add --force`);
    throw new OperationError(`Cannot open ${path}: ${explain(error)}`, { cause: error });
  }
}

/** @param expectedBytes what the state file says of the file; 0 without one */
async function checkFile(path: string, file: FileHandle, expectedBytes: number): Promise<void> {
  const stat = await file.stat();
  if (!stat.isFile()) throw new OperationError(`${path} is not a regular file: use --output=- and redirect it`);
  if (stat.size >= expectedBytes) return;
  throw new OperationError(
    `${path} is shorter than its state file says (${stat.size} of ${expectedBytes} bytes): start again with --force`,
  );
}

/** The name of the state file. */
export function stateFileOf(output: string): string {
  return `${output}.state`;
}

/** Replaces the state file; a crash leaves the old one or the new one. @throws OperationError */
export async function saveState(path: string, state: unknown): Promise<void> {
  try {
    await replaceFile(path, JSON.stringify(state));
  } catch (error) {
    throw new OperationError(`Cannot write ${path}: ${explain(error)}`, { cause: error });
  }
}

/** The content of the state file; undefined when there is none. @throws OperationError */
export async function loadState(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined;
    const reason = error instanceof SyntaxError ? 'it is damaged' : explain(error);
    throw new OperationError(`Cannot read ${path}: ${reason}; start again with --force`, { cause: error });
  }
}

export async function removeState(path: string): Promise<void> {
  await rm(path, { force: true });
}
