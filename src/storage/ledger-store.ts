import { createHash } from 'node:crypto';
import { rename } from 'node:fs/promises';
import { userInfo } from 'node:os';
import { join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode, errorMessage } from '../core/format.ts';
import { createYield } from '../core/yield.ts';
import type { LedgerState } from '../ledger/ledger.ts';
import type { Logger } from '../core/log.ts';
import { readRegularFile, replaceFile } from './atomic-file.ts';
import { decodeLedger, encodeLedger, type LedgerFormat, type StoredAccounts } from './ledger-format.ts';
import { createHeldLock, type HeldLock } from './held-lock.ts';

/** How often a file is tried that cannot be read: file handles run out and network drives stall for a moment. */
const READ_TRIES = 5;
const READ_PAUSE_MS = 500;

/** Keeps ledgers across restarts. Failures are counted and logged; counting continues in memory. */
export interface Storage {
  /**
   * The stored ledger of a call center; undefined when there is none that can be used.
   * @throws OperationError when the file cannot be read: it may be good, and must not be overwritten
   */
  load(callCenter: string): Promise<LedgerState | undefined>;
  /** Resolves when the state is safe on disk, or could not be written. */
  save(callCenter: string, state: LedgerState): Promise<void>;
  /** As `load` and `save`, for the ledger of the skill queues of a call center. */
  loadQueues(callCenter: string): Promise<StoredAccounts | undefined>;
  saveQueues(callCenter: string, state: StoredAccounts): Promise<void>;
  /** Waits for running saves and releases the directory; later saves do nothing. */
  close(): Promise<void>;
}

/** Without `--storage.path`: counters start at 0 after a restart. */
export const noStorage: Storage = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
  loadQueues: () => Promise.resolve(undefined),
  saveQueues: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

export interface StorageOptions {
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly onFailure: (operation: 'read' | 'write') => void;
}

const ENDINGS: Readonly<Record<LedgerFormat, string>> = { 'aicc-cti-ledger': '.ledger', 'aicc-cti-queues': '.queues' };

/** The file name for a call center of any name. Long names are cut and get a digest. */
function fileName(format: LedgerFormat, callCenter: string): string {
  const name = encodeURIComponent(callCenter);
  const digest = createHash('sha256').update(callCenter).digest('hex').slice(0, 16);
  return `${name.length <= 150 ? name : `${name.slice(0, 150)}-${digest}`}${ENDINGS[format]}`;
}

/** A full disk is usually a passing problem: the exporter counts in memory until there is space. */
const FULL_DISK = ['ENOSPC', 'EDQUOT'];

/** The user of this process, for messages. */
function currentUser(): string {
  try {
    const { username, uid } = userInfo();
    return `${username} (uid ${uid})`;
  } catch {
    // In a container the uid may have no name.
    return `uid ${process.getuid?.() ?? 'unknown'}`;
  }
}

/**
 * Opens a directory for the ledgers; the format is described in docs/storage.md.
 * @throws OperationError when another process uses the directory, or when it cannot be written; a full disk is reported
 *   like every later failure and tried again with each save
 */
export async function openStorage(options: StorageOptions): Promise<Storage> {
  const { directory, clock } = options;
  const lock = createHeldLock(directory, clock);
  const saving = new Set<Promise<void>>();
  const outcome = createOutcomeLog(options);
  let isClosed = false;

  async function store(format: LedgerFormat, callCenter: string, state: StoredAccounts): Promise<void> {
    try {
      await lock.ensure();
      const content = await encodeLedger(callCenter, state, createYield(clock), format);
      await replaceFile(join(directory, fileName(format, callCenter)), content, { beforeRename: () => lock.check() });
      outcome.succeeded();
    } catch (error) {
      outcome.failed(error);
    }
  }

  const problem = await tryLock(lock, directory);
  if (problem !== undefined) outcome.failed(problem);
  async function save(format: LedgerFormat, callCenter: string, state: StoredAccounts): Promise<void> {
    if (isClosed) return;
    const done = store(format, callCenter, state);
    saving.add(done);
    await done;
    saving.delete(done);
  }

  return {
    load: (callCenter) => loadLedger<LedgerState>('aicc-cti-ledger', callCenter, options),
    save: (callCenter, state) => save('aicc-cti-ledger', callCenter, state),
    loadQueues: (callCenter) => loadLedger('aicc-cti-queues', callCenter, options),
    saveQueues: (callCenter, state) => save('aicc-cti-queues', callCenter, state),
    async close() {
      isClosed = true;
      await Promise.all(saving);
      await lock.release();
    },
  };
}

/** Counts each failed write; logs the first of a series, and the end of it. */
function createOutcomeLog({ logger, onFailure }: StorageOptions) {
  let isFailing = false;
  return {
    failed(error: unknown): void {
      onFailure('write');
      if (isFailing) return;
      isFailing = true;
      const hint = 'Counters go on in memory; check the free space and permissions of --storage.path';
      logger.error({ operation: 'write', error: errorMessage(error), hint }, 'The ledger cannot be stored');
    },
    succeeded(): void {
      if (isFailing) logger.info('The ledger is stored again');
      isFailing = false;
    },
  };
}

/** Returns the error of a full disk, which may have space again later; throws OperationError for every other one. */
async function tryLock(lock: HeldLock, directory: string): Promise<unknown> {
  try {
    await lock.ensure();
    return undefined;
  } catch (error) {
    if (error instanceof OperationError) throw error;
    if (FULL_DISK.includes(errorCode(error) ?? '')) return error;
    throw new OperationError(
      `--storage.path: Cannot write to ${directory} as user ${currentUser()} (${errorMessage(error)}): make it writable, or choose another directory`,
      { cause: error },
    );
  }
}

async function loadLedger<State extends StoredAccounts>(
  format: LedgerFormat,
  callCenter: string,
  options: StorageOptions,
): Promise<State | undefined> {
  const file = join(options.directory, fileName(format, callCenter));
  const content = await readLedger(file, options);
  if (content === undefined) return undefined;
  const decoded = decodeLedger<State>(callCenter, content, format);
  if ('state' in decoded) return decoded.state;
  await setAside(file, decoded.problem, callCenter, options);
  return undefined;
}

/** Undefined when there is no such file. */
async function readLedger(file: string, { clock, onFailure }: StorageOptions): Promise<string | undefined> {
  for (let tries = 1; ; tries++) {
    try {
      return await readRegularFile(file);
    } catch (error) {
      // ENOTDIR: the path is not a directory, which was reported when the lock was tried.
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

/** Renames a file that cannot be used, so that nothing overwrites it. */
async function setAside(
  file: string,
  problem: string,
  callCenter: string,
  { clock, logger, onFailure }: StorageOptions,
): Promise<void> {
  onFailure('read');
  const aside = `${file}.unusable-${new Date(clock.now()).toISOString().replaceAll(':', '')}`;
  const outcome = await rename(file, aside).then(
    () => `it was renamed to ${aside}`,
    (error: unknown) => `it could not be renamed: ${errorMessage(error)}`,
  );
  const consequence = `Counters start at 0; ${outcome}. To use it again, stop the exporter and rename it back`;
  logger.error({ call_center: callCenter, file, problem, consequence }, 'A stored ledger cannot be used');
}
