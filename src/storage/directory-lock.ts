import { randomUUID } from 'node:crypto';
import { readFileSync, readlinkSync } from 'node:fs';
import { type FileHandle, lstat, open, rm, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';
import { readRegularFile } from './atomic-file.ts';

/** How often the holder updates the modification time of its lock. */
const HEARTBEAT_MS = 5_000;
/** A lock without a heartbeat for this long is abandoned. */
const STALE_AFTER_MS = 15_000;
const CHECK_INTERVAL_MS = 500;

/** The process that holds a lock. */
interface Holder {
  readonly token: string;
  readonly pid: number;
  /** Where `pid` is valid: host name, boot and process namespace. */
  readonly where: string;
}

/** An empty string where the system does not say, as outside Linux. */
function systemFact(read: () => string): string {
  try {
    return read().trim();
  } catch {
    return '';
  }
}

/** Two machines may share a host name, and all first process namespaces have the same number: the boot id differs. */
function whereAmI(): string {
  const bootId = systemFact(() => readFileSync('/proc/sys/kernel/random/boot_id', 'utf8'));
  const pidNamespace = systemFact(() => readlinkSync('/proc/self/ns/pid'));
  return [hostname(), bootId, pidNamespace].join(' ');
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return errorCode(error) === 'EPERM';
  }
}

async function readHolder(file: string): Promise<Holder | undefined> {
  try {
    const holder: unknown = JSON.parse(await readRegularFile(file));
    const isHolder = typeof holder === 'object' && holder !== null && 'token' in holder;
    return isHolder && typeof holder.token === 'string' ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

interface FoundLock {
  readonly id: string;
  readonly holder: Holder | undefined;
}

/** Undefined when there is no file. A file without a holder, left by a power cut, is identified by inode and time. */
async function find(file: string): Promise<FoundLock | undefined> {
  const holder = await readHolder(file);
  if (holder !== undefined) return { id: encodeURIComponent(holder.token), holder };
  const stats = await lstat(file).catch(() => undefined);
  return stats === undefined ? undefined : { id: `${stats.ino}-${stats.mtimeMs}`, holder };
}

/** Exclusive use of a directory among processes, also processes in other containers. */
export interface Lock {
  /** False after somebody removed the file or took the lock over. */
  isHeld(): Promise<boolean>;
  /** Removes the file if it is still ours. */
  release(): Promise<void>;
}

/**
 * Takes the lock of a directory. The lock of a process that was killed is taken over: at once when that process can be
 * seen to have ended, otherwise after 15 s without a heartbeat, measured by the monotonic clock.
 * @throws OperationError when another process holds it; the file system's error when it cannot be written
 */
export async function acquireLock(directory: string, clock: Clock): Promise<Lock> {
  const file = join(directory, 'lock');
  const mine: Holder = { token: randomUUID(), pid: process.pid, where: whereAmI() };
  await take(file, mine, clock);
  return hold(file, mine, clock);
}

/** Creates the file as ours, in place of an abandoned one. */
async function take(file: string, mine: Holder, clock: Clock): Promise<void> {
  while (!(await create(file, mine))) {
    const other = await find(file);
    if (other === undefined) continue;
    const { id, holder } = other;
    const hasEnded = holder?.where === mine.where && (holder.pid === mine.pid || !isRunning(holder.pid));
    if (!hasEnded && (await hasHeartbeat(file, clock))) {
      throw new OperationError(
        `--storage.path: ${dirname(file)} is in use by another exporter${holder === undefined ? '' : ` (process ${holder.pid})`}: give each its own directory`,
      );
    }
    // Several processes may have found it abandoned. Only the one with the claim removes it, so that a slow process
    // never removes the lock that replaced it. An abandoned claim is taken over like any lock.
    const claim = `${file}.${id}`;
    await take(claim, mine, clock);
    try {
      if ((await find(file))?.id === id) await rm(file, { force: true });
    } finally {
      await rm(claim, { force: true });
    }
  }
}

/** False when there is one already. Leaves nothing behind when it cannot be written. */
async function create(file: string, holder: Holder): Promise<boolean> {
  let handle: FileHandle;
  try {
    handle = await open(file, 'wx');
  } catch (error) {
    if (errorCode(error) === 'EEXIST') return false;
    throw error;
  }
  try {
    try {
      await handle.writeFile(JSON.stringify(holder));
    } finally {
      await handle.close();
    }
  } catch (error) {
    await rm(file, { force: true });
    throw error;
  }
  return true;
}

/** Watches the file for {@link STALE_AFTER_MS}. */
async function hasHeartbeat(file: string, clock: Clock): Promise<boolean> {
  const modifiedAt = async () => (await lstat(file).catch(() => undefined))?.mtimeMs;
  const first = await modifiedAt();
  for (const end = clock.monotonic() + STALE_AFTER_MS; clock.monotonic() < end;) {
    await clock.sleep(CHECK_INTERVAL_MS);
    const now = await modifiedAt();
    if (now === undefined) return false;
    if (now !== first) return true;
  }
  return false;
}

function hold(file: string, mine: Holder, clock: Clock): Lock {
  const stopping = new AbortController();
  const isHeld = async () => (await readHolder(file))?.token === mine.token;
  const beat = async () => {
    for (;;) {
      await clock.sleep(HEARTBEAT_MS, stopping.signal);
      if (stopping.signal.aborted) return;
      const now = clock.now() / 1000;
      await utimes(file, now, now).catch(() => undefined);
    }
  };
  const beating = beat();
  return {
    isHeld,
    async release() {
      stopping.abort();
      await beating;
      if (await isHeld()) await rm(file, { force: true });
    },
  };
}
