import { createHash } from 'node:crypto';
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { createYield } from '../core/yield.ts';
import type { LedgerState } from '../ledger/ledger.ts';
import { decodeLedger, encodeLedger } from './ledger-format.ts';
import type { Logger } from '../core/log.ts';
import { acquireLock, type Lock } from './directory-lock.ts';
import { errorCode, errorMessage } from '../core/format.ts';

/** A file that cannot be read is tried again: file handles run out and network drives stall for a moment. */
const READ_TRIES = 5;
const READ_PAUSE_MS = 500;

/** Keeps ledgers beyond the life of the process. Failures are counted and logged: counting goes on. */
export interface Storage {
  /**
   * What was stored of a call center; undefined when there is nothing that can be used.
   * @throws OperationError when there is a file that cannot be read: it may be good, and would be written over
   */
  load(callCenter: string): Promise<LedgerState | undefined>;
  /** Resolves when the state is safe on disk, or could not be written. */
  save(callCenter: string, state: LedgerState): Promise<void>;
  /** After what is being saved; nothing is saved any more. */
  close(): Promise<void>;
}

/** Without `--storage.path`: a restart begins anew. */
export const noStorage: Storage = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export interface StorageOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (operation: 'read' | 'write') => void;
}

/** Any name makes a file name; long ones are told apart by their digest. */
function fileName(callCenter: string): string {
  const name = encodeURIComponent(callCenter);
  const digest = createHash('sha256').update(callCenter).digest('hex').slice(0, 16);
  return `${name.length <= 150 ? name : `${name.slice(0, 150)}-${digest}`}.ledger`;
}

async function sync(path: string): Promise<void> {
  const handle = await open(path, 'r');
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** Replaces a file so that after a crash at any instant either the old content is there or the new one, whole. */
async function replaceFile(directory: string, name: string, content: string): Promise<void> {
  const temporary = join(directory, `${name}.new`);
  const handle = await open(temporary, 'w', 0o600);
  try {
    await handle.writeFile(content);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(temporary, join(directory, name));
  await sync(directory);
}

/**
 * Opens a directory for the ledgers; the format is described in docs/storage.md. A directory that cannot be written is
 * reported like every failure, and tried again with each save.
 * @throws OperationError when another process uses the directory
 */
export async function openStorage({ directory, clock, logger, onFailure }: StorageOptions): Promise<Storage> {
  let lock: Lock | undefined;
  let isFailing = false;
  let isClosed = false;
  const saving = new Set<Promise<void>>();

  function fail(operation: 'read' | 'write', error: unknown): void {
    onFailure(operation);
    if (isFailing) return;
    isFailing = true;
    const hint = 'Counters go on in memory; check the free space and permissions of --storage.path';
    logger.error({ operation, error: errorMessage(error), hint }, 'The ledger cannot be stored');
  }

  async function takeLock(): Promise<void> {
    if (lock !== undefined && (await lock.isHeld())) return;
    if (lock !== undefined) {
      await lock.release();
      lock = undefined;
    }
    await mkdir(directory, { recursive: true });
    lock = await acquireLock(directory, clock);
  }

  let locking: Promise<void> = Promise.resolve();
  /** One after the other: call centers store at the same time, and must not take the lock from each other. */
  const ensureLock = () => (locking = locking.then(takeLock, takeLock));

  async function store(callCenter: string, state: LedgerState): Promise<void> {
    try {
      await ensureLock();
      await replaceFile(directory, fileName(callCenter), await encodeLedger(callCenter, state, createYield(clock)));
      if (isFailing) logger.info('The ledger is stored again');
      isFailing = false;
    } catch (error) {
      fail('write', error);
    }
  }

  /** Undefined when there is no such file. */
  async function read(file: string): Promise<string | undefined> {
    for (let tries = 1; ; tries++) {
      try {
        return await readFile(file, 'utf8');
      } catch (error) {
        // ENOTDIR: the directory is none, which was reported when the lock was tried.
        if (errorCode(error) === 'ENOENT' || errorCode(error) === 'ENOTDIR') return undefined;
        if (tries === READ_TRIES) {
          onFailure('read');
          throw new OperationError(
            `--storage.path: Cannot read the ledger ${file} (${errorMessage(error)}): make it readable, or move it away to count from 0`,
            { cause: error },
          );
        }
      }
      await clock.sleep(READ_PAUSE_MS);
    }
  }

  async function setAside(file: string, problem: string, callCenter: string): Promise<void> {
    onFailure('read');
    const aside = `${file}.unusable-${new Date(clock.now()).toISOString().replaceAll(':', '')}`;
    const outcome = await rename(file, aside).then(
      () => `it was renamed to ${aside}`,
      (error: unknown) => `it could not be renamed: ${errorMessage(error)}`,
    );
    const consequence = `Counters start at 0; ${outcome}. To use it again, stop the exporter and rename it back`;
    logger.error({ call_center: callCenter, file, problem, consequence }, 'A stored ledger cannot be used');
  }

  try {
    await ensureLock();
  } catch (error) {
    if (error instanceof OperationError) throw error;
    fail('write', error);
  }

  return {
    async load(callCenter) {
      const file = join(directory, fileName(callCenter));
      const content = await read(file);
      if (content === undefined) return undefined;
      const decoded = decodeLedger(callCenter, content);
      if ('state' in decoded) return decoded.state;
      await setAside(file, decoded.problem, callCenter);
      return undefined;
    },

    async save(callCenter, state) {
      if (isClosed) return;
      const done = store(callCenter, state);
      saving.add(done);
      await done;
      saving.delete(done);
    },

    async close() {
      isClosed = true;
      await Promise.all(saving);
      await lock?.release();
    },
  };
}
