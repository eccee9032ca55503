import { mkdir } from 'node:fs/promises';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { removeTemporaryFiles } from './atomic-file.ts';
import { acquireLock, type Lock } from './directory-lock.ts';

/** The lock of the ledger directory over the life of the process. */
export interface HeldLock {
  /**
   * Takes the lock if it is not held; creates the directory.
   * @throws OperationError when another process holds it; an error of the file system
   */
  ensure(): Promise<void>;
  /** @throws OperationError when the lock was lost: a process that was paused loses it to another one */
  check(): Promise<void>;
  release(): Promise<void>;
}

export function createHeldLock(directory: string, clock: Clock): HeldLock {
  let lock: Lock | undefined;

  async function take(): Promise<void> {
    if (lock !== undefined && (await lock.isHeld())) return;
    if (lock !== undefined) {
      await lock.release();
      lock = undefined;
    }
    await mkdir(directory, { recursive: true });
    lock = await acquireLock(directory, clock);
    // A process that lost the lock and is about to rename its temporary file fails, and cannot overwrite ours.
    await removeTemporaryFiles(directory, /\.(?:ledger|queues)$/);
  }

  // One at a time: call centers store concurrently and must not take the lock from each other.
  let taking: Promise<void> = Promise.resolve();
  return {
    ensure: () => (taking = taking.then(take, take)),
    async check() {
      if (lock === undefined || !(await lock.isHeld()))
        throw new OperationError(`Another process took over ${directory} while the ledger was written`);
    },
    async release() {
      await lock?.release();
    },
  };
}
