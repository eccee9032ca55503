import { randomUUID } from 'node:crypto';
import { readlinkSync } from 'node:fs';
import { type FileHandle, open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { dirname, join } from 'node:path';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';

const HEARTBEAT_MS = 5_000;
/** A lock whose file was not touched for this long belongs to nobody. */
const STALE_AFTER_MS = 15_000;
const CHECK_INTERVAL_MS = 500;

/** Who holds a lock. A process id means something only within its host and process namespace. */
interface Holder {
  readonly token: string;
  readonly pid: number;
  readonly where: string;
}

function whereAmI(): string {
  try {
    return `${hostname()} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return hostname();
  }
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
    const holder: unknown = JSON.parse(await readFile(file, 'utf8'));
    const isHolder = typeof holder === 'object' && holder !== null && 'token' in holder;
    return isHolder && typeof holder.token === 'string' ? (holder as Holder) : undefined;
  } catch {
    return undefined;
  }
}

interface Found {
  readonly id: string;
  readonly holder: Holder | undefined;
}

/** Undefined when there is no file. One without a holder, as a power cut leaves it, is known by its inode and time. */
async function find(file: string): Promise<Found | undefined> {
  const holder = await readHolder(file);
  if (holder !== undefined) return { id: encodeURIComponent(holder.token), holder };
  const stats = await stat(file).catch(() => undefined);
  return stats === undefined ? undefined : { id: `${stats.ino}-${stats.mtimeMs}`, holder };
}

/** Sole use of a directory among processes, also ones in other containers. */
export interface Lock {
  /** Whether it is still ours; false after somebody removed the file or took it over. */
  isHeld(): Promise<boolean>;
  release(): Promise<void>;
}

/**
 * Takes the lock of a directory. One left behind by a process that was killed is taken over: at once when that can be
 * seen to have ended, otherwise after its file was not touched for 15 s by the monotonic clock.
 * @throws OperationError when another process holds it; the file system's error when it cannot be written
 */
export async function acquireLock(directory: string, clock: Clock): Promise<Lock> {
  const file = join(directory, 'lock');
  const mine: Holder = { token: randomUUID(), pid: process.pid, where: whereAmI() };
  await take(file, mine, clock);
  return hold(file, mine, clock);
}

/** Creates the file as ours, in place of one whose holder is dead. */
async function take(file: string, mine: Holder, clock: Clock): Promise<void> {
  while (!(await create(file, mine))) {
    const other = await find(file);
    if (other === undefined) continue;
    const { id, holder } = other;
    const hasEnded = holder?.where === mine.where && (holder.pid === mine.pid || !isRunning(holder.pid));
    if (!hasEnded && (await isTouched(file, clock))) {
      throw new OperationError(
        `--storage.path: ${dirname(file)} is in use by another exporter${holder === undefined ? '' : ` (process ${holder.pid})`}: give each its own directory`,
      );
    }
    // Several processes may have found it dead. Only the one with the claim removes it, and a slow one that gets the
    // claim later does not remove what was put in its place. A claim whose holder died is taken over like any lock.
    const claim = `${file}.${id}`;
    await take(claim, mine, clock);
    try {
      if ((await find(file))?.id === id) await rm(file, { force: true });
    } finally {
      await rm(claim, { force: true });
    }
  }
}

/** False when there is one already. Where it cannot be written, nothing is left behind. */
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

/** Watches the file for as long as its holder may take to touch it. */
async function isTouched(file: string, clock: Clock): Promise<boolean> {
  const touched = async () => (await stat(file).catch(() => undefined))?.mtimeMs;
  const first = await touched();
  for (const end = clock.monotonic() + STALE_AFTER_MS; clock.monotonic() < end;) {
    await clock.sleep(CHECK_INTERVAL_MS);
    const now = await touched();
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
