import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFile,
  lstat,
  mkdir,
  mkdtemp,
  open as openFile,
  readdir,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { type Clock, systemClock } from '../../src/core/clock.ts';
import type { LedgerState } from '../../src/ledger/ledger.ts';
import { decodeLedger, encodeLedger } from '../../src/storage/ledger-format.ts';
import { createLogger } from '../../src/core/log.ts';
import { openStorage, type Storage } from '../../src/storage/ledger-store.ts';
import { NO_TOTALS } from '../../src/ledger/vdn-account.ts';
import { FakeClock, type FakeClockOptions } from '../support/fake-clock.ts';

const STATE: LedgerState = { countingStart: 300_000, coveredUpTo: [[1, 600_000]], recheckedAt: 300_000, vdns: [] };
const OTHER: LedgerState = { ...STATE, recheckedAt: 900_000 };
const content = await encodeLedger('hq', STATE);
const foreign = await encodeLedger('berlin', STATE);

let directory: string;
let log: string;
let failures: string[];
const opened: Storage[] = [];

/** Pauses between tries pass at once; the heartbeat of a held lock, which has a signal, waits for its end. */
function fastClock(beforeSleep: FakeClockOptions['beforeSleep'] = () => undefined): FakeClock {
  const sleeps = (_: number, signal: AbortSignal | undefined) => (signal === undefined ? 'pass' : 'wait');
  return new FakeClock(Date.UTC(2026, 10, 18), { sleeps, beforeSleep });
}

async function open(path = directory, clock: Clock = fastClock()): Promise<Storage> {
  const logger = createLogger('info', 'json', { write: (line) => (log += line) });
  const storage = await openStorage({
    directory: path,
    clock,
    logger,
    onFailure: (operation) => failures.push(operation),
  });
  opened.push(storage);
  return storage;
}

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'aicc-storage-'));
  log = '';
  failures = [];
});
afterEach(async () => {
  for (const storage of opened.splice(0)) await storage.close();
  await rm(directory, { recursive: true, force: true });
});

const ledgerFile = () => join(directory, 'hq.ledger');

describe('the storage', () => {
  it('gives back what was saved, each call center its own', async () => {
    const storage = await open();
    expect(await storage.load('hq')).toBeUndefined();
    await storage.save('hq', STATE);
    await storage.save('../öst "1"', OTHER);
    await storage.save('x'.repeat(1000), OTHER);
    expect(await storage.load('hq')).toEqual(STATE);
    expect(await storage.load('../öst "1"')).toEqual(OTHER);
    expect(await storage.load('x'.repeat(1000))).toEqual(OTHER);
    expect(failures).toEqual([]);
  });

  it('gives back what was written in many pieces', async () => {
    const account = {
      horizonStart: 0,
      seen: null,
      totals: NO_TOTALS,
      deficit: { inbound: 1, answered: 0, outbound: 0 },
    };
    const vdns = Array.from(
      { length: 1234 },
      (_, id) => [id, { ...account, counted: '/w==', zeros: '', retries: '', open: [] }] as const,
    );
    const storage = await open();
    await storage.save('hq', { ...STATE, vdns });
    expect(await storage.load('hq')).toEqual({ ...STATE, vdns });
    expect(failures).toEqual([]);
  });

  it('keeps the old content whole when the process died while writing', async () => {
    const storage = await open();
    await storage.save('hq', STATE);
    await writeFile(`${ledgerFile()}.new`, (await encodeLedger('hq', OTHER)).slice(0, 40));
    expect(await storage.load('hq')).toEqual(STATE);
    await storage.save('hq', OTHER);
    expect(await storage.load('hq')).toEqual(OTHER);
  });

  it.each([
    ['empty', '', 'it is no ledger of this exporter'],
    ['foreign', '{"hello":"world"}\n', 'it is no ledger of this exporter'],
    ['a bare null', 'null\n', 'it is no ledger of this exporter'],
    ['binary', '\u0000\u0001\u0002', 'it is no ledger of this exporter'],
    ['truncated', content.slice(0, -10), 'it was cut off'],
    ['truncated by its last line end', content.slice(0, -1), 'it was cut off'],
    ['flipped in one digit', content.replace('600000', '600001'), 'its checksum is wrong'],
    ['of another call center', foreign, 'it belongs to another call center'],
    [
      'of a newer exporter',
      content.replace('"version":1', '"version":2'),
      'version 2 of the format, this exporter reads version 1',
    ],
  ])('sets a file aside that is %s, says so and goes on', async (_, damaged, problem) => {
    await writeFile(ledgerFile(), damaged);
    const storage = await open();
    expect(await storage.load('hq')).toBeUndefined();
    expect(failures).toEqual(['read']);
    expect(log).toContain(problem);
    const [aside] = (await readdir(directory)).filter((name) => name.includes('.unusable-'));
    expect(log).toContain(aside);
    expect(await readFile(join(directory, aside ?? ''), 'utf8')).toBe(damaged);
    await storage.save('hq', STATE);
    expect(await storage.load('hq')).toEqual(STATE);
  });

  it('reads a good file that could not be read for a moment', async () => {
    await mkdir(ledgerFile());
    let tries = 0;
    const mending = fastClock(async (_, signal) => {
      if (signal === undefined && ++tries === 3) {
        await rm(ledgerFile(), { recursive: true });
        await writeFile(ledgerFile(), content);
      }
    });
    const storage = await open(directory, mending);
    expect(await storage.load('hq')).toEqual(STATE);
    expect(failures).toEqual([]);
  });

  it('refuses to count from 0 over a file that cannot be read, and leaves it where it is', async () => {
    await mkdir(ledgerFile());
    const storage = await open();
    await expect(storage.load('hq')).rejects.toThrow(
      `--storage.path: Cannot read the ledger ${ledgerFile()} (EISDIR: illegal operation on a directory, read): make it readable, or move it away to count from 0`,
    );
    expect(failures).toEqual(['read']);
    expect(await readdir(directory)).toEqual(['hq.ledger', 'lock']);
  });

  it('finishes what is being saved before it closes, and saves nothing later', async () => {
    const storage = await open();
    const saved = storage.save('hq', STATE);
    await storage.close();
    expect(await readdir(directory)).toEqual(['hq.ledger']);
    await saved;
    await storage.save('hq', OTHER);
    expect(await storage.load('hq')).toEqual(STATE);
    expect(await readdir(directory)).toEqual(['hq.ledger']);
  });

  it('never takes a mutilated file for a good one', () => {
    for (let cut = 0; cut < content.length; cut++) {
      expect(decodeLedger('hq', content.slice(0, cut))).toHaveProperty('problem');
      const flipped = content.slice(0, cut) + String.fromCharCode(content.charCodeAt(cut) ^ 1) + content.slice(cut + 1);
      expect(decodeLedger('hq', flipped)).toHaveProperty('problem');
    }
  });

  it('goes on in memory where nothing can be written, says so once, and stores again when it can', async () => {
    const path = join(directory, 'below');
    const storage = await open(path);
    await storage.save('hq', STATE);
    await rm(path, { recursive: true });
    await writeFile(path, '');
    await storage.save('hq', STATE);
    await storage.save('hq', STATE);
    expect(failures).toEqual(['write', 'write']);
    expect(log.match(/cannot be stored/g)).toHaveLength(1);
    await rm(path);
    await mkdir(path);
    await storage.save('hq', OTHER);
    expect(log).toContain('stored again');
    expect(await storage.load('hq')).toEqual(OTHER);
  });

  it('refuses a directory that cannot be written at the start, and names it and the user', async () => {
    await writeFile(join(directory, 'file'), '');
    const path = join(directory, 'file', 'below');
    const { username, uid } = userInfo();
    const start = `--storage.path: Cannot write to ${path} as user ${username} (uid ${uid}) (ENOTDIR: `;
    await expect(open(path)).rejects.toThrow(start);
    expect(failures).toEqual([]);
  });

  it('replaces a symbolic link or a pipe in the place of its files instead of following it', async () => {
    const target = join(directory, 'precious');
    await writeFile(target, 'precious');
    await symlink(target, join(directory, 'lock'));
    await symlink(target, ledgerFile());
    spawnSync('mkfifo', [join(directory, 'berlin.ledger')]);
    const storage = await open();
    await expect(storage.load('berlin')).rejects.toThrow('is not a regular file');
    await storage.save('hq', STATE);
    await storage.save('berlin', STATE);
    expect(await readFile(target, 'utf8')).toBe('precious');
    expect(await storage.load('hq')).toEqual(STATE);
    expect(await storage.load('berlin')).toEqual(STATE);
    expect((await lstat(ledgerFile())).mode & 0o777).toBe(0o600);
  });

  it('removes what crashes while writing left behind, and nothing else', async () => {
    for (const name of ['hq.ledger.0123abcd.new', 'notes.0123abcd.new', 'hq.ledger.new'])
      await writeFile(join(directory, name), '');
    await open();
    expect((await readdir(directory)).sort()).toEqual(['hq.ledger.new', 'lock', 'notes.0123abcd.new']);
  });

  const canMount = spawnSync('mount', ['--version']).status === 0 && process.getuid?.() === 0;
  if (!canMount) process.stderr.write('Skipped the tests of a full disk: they must mount a file system\n');
  function mountSmallDisk(): void {
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', directory]);
    if (mounted.status !== 0) throw new Error(`No file system can be mounted here: ${mounted.stderr.toString()}`);
  }
  it.runIf(canMount)('keeps the last good file when the disk is full', async () => {
    mountSmallDisk();
    try {
      const storage = await open();
      await storage.save('hq', STATE);
      await writeFile(join(directory, 'filler'), Buffer.alloc(1 << 20)).catch(() => undefined);
      const large: LedgerState = { ...STATE, coveredUpTo: Array.from({ length: 5000 }, (_, id) => [id, 1]) };
      await storage.save('hq', large);
      expect(failures).toEqual(['write']);
      expect(log).toContain('ENOSPC');
      expect(await storage.load('hq')).toEqual(STATE);
      await rm(join(directory, 'filler'));
      await rm(`${ledgerFile()}.new`, { force: true });
      await storage.save('hq', OTHER);
      expect(await storage.load('hq')).toEqual(OTHER);
      await storage.close();
    } finally {
      spawnSync('umount', ['-l', directory]);
    }
  });

  it.runIf(canMount)(
    'goes on at once where the disk is full from the start, and stores when there is room',
    async () => {
      mountSmallDisk();
      try {
        await writeFile(join(directory, 'filler'), Buffer.alloc(1 << 20)).catch(() => undefined);
        const clock = fastClock();
        const storage = await open(directory, clock);
        await storage.save('hq', STATE);
        expect(failures).toEqual(['write', 'write']);
        expect(log).toContain('ENOSPC');
        expect(clock.monotonic()).toBe(0);
        expect(await readdir(directory)).toEqual(['filler']);
        await rm(join(directory, 'filler'));
        await storage.save('hq', STATE);
        expect(await storage.load('hq')).toEqual(STATE);
        expect(clock.monotonic()).toBe(0);
        await storage.close();
      } finally {
        spawnSync('umount', ['-l', directory]);
      }
    },
  );
});

describe('the lock of the storage', () => {
  /** Another process that holds the lock, as long as it runs. */
  async function holder() {
    const script = `
      import { openStorage } from ${JSON.stringify(new URL('../../dist/storage/ledger-store.js', import.meta.url).href)};
      import { systemClock as clock } from ${JSON.stringify(new URL('../../dist/core/clock.js', import.meta.url).href)};
      const logger = { info() {}, warn() {}, error() {} };
      await openStorage({ directory: process.argv[1], clock, logger, onFailure() {} });
      console.log('locked');
      setInterval(() => {}, 1000);
    `;
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, directory]);
    child.stderr.on('data', (data: Buffer) => process.stderr.write(data));
    await once(child.stdout, 'data');
    return child;
  }

  it('refuses a second process, and lets it in at once after the first was killed', { timeout: 40_000 }, async () => {
    const child = await holder();
    try {
      await expect(open(directory, systemClock)).rejects.toThrow(
        `--storage.path: ${directory} is in use by another exporter (process ${child.pid}): give each its own directory`,
      );
    } finally {
      child.kill('SIGKILL');
      await once(child, 'exit');
    }
    const clock = fastClock();
    const storage = await open(directory, clock);
    expect(clock.monotonic()).toBe(0);
    await storage.save('hq', STATE);
    expect(failures).toEqual([]);
  });

  it('goes to exactly one of many processes that find a dead one', { timeout: 60_000 }, async () => {
    const places = Array.from({ length: 20 }, (_, place) => join(directory, String(place)));
    const killed = await holder();
    killed.kill('SIGKILL');
    await once(killed, 'exit');
    for (const place of places) {
      await mkdir(place);
      await copyFile(join(directory, 'lock'), join(place, 'lock'));
    }
    const script = `
      import { acquireLock } from ${JSON.stringify(new URL('../../dist/storage/directory-lock.js', import.meta.url).href)};
      import { systemClock } from ${JSON.stringify(new URL('../../dist/core/clock.js', import.meta.url).href)};
      console.log('ready');
      process.stdin.once('data', async () => {
        const locks = await Promise.allSettled(process.argv.slice(1).map((place) => acquireLock(place, systemClock)));
        const held = await Promise.all(locks.map(({ value }) => value?.isHeld() ?? false));
        console.log(JSON.stringify({ got: locks.map(({ value }) => Number(value !== undefined)), held: held.map(Number) }));
      });
    `;
    const children = Array.from({ length: 6 }, () => {
      const child = spawn(process.execPath, ['--input-type=module', '-e', script, ...places]);
      child.stderr.on('data', (data: Buffer) => process.stderr.write(data));
      return child;
    });
    try {
      await Promise.all(children.map((child) => once(child.stdout, 'data')));
      const responses = children.map((child) => once(child.stdout, 'data'));
      for (const child of children) child.stdin.write('go');
      const outcomes = (await Promise.all(responses)).map(
        ([line]) => JSON.parse(String(line)) as { got: number[]; held: number[] },
      );
      for (const which of ['got', 'held'] as const) {
        const winners = places.map((_, place) =>
          outcomes.reduce((sum, outcome) => sum + (outcome[which][place] ?? 0), 0),
        );
        expect(winners).toEqual(places.map(() => 1));
      }
      for (const place of places) expect(await readdir(place)).toEqual(['lock']);
    } finally {
      for (const child of children) child.kill('SIGKILL');
    }
  });

  it('is free for the next after one died while it took over a dead one', async () => {
    const where = 'elsewhere';
    await writeFile(join(directory, 'lock'), JSON.stringify({ token: 'dead', pid: 1, where }));
    await writeFile(join(directory, 'lock.dead'), JSON.stringify({ token: 'dead too', pid: 2, where }));
    const storage = await open();
    await storage.save('hq', STATE);
    expect(failures).toEqual([]);
    expect((await readdir(directory)).sort()).toEqual(['hq.ledger', 'lock']);
  });

  it('is taken over from a file without content, as a power cut leaves it', async () => {
    await writeFile(join(directory, 'lock'), '');
    const storage = await open();
    await storage.save('hq', STATE);
    expect(failures).toEqual([]);
  });

  it('takes over what another machine left behind and no longer touches', async () => {
    await writeFile(join(directory, 'lock'), JSON.stringify({ token: 'theirs', pid: 1, where: 'elsewhere' }));
    const storage = await open();
    await storage.save('hq', STATE);
    expect(failures).toEqual([]);
  });

  it('refuses one that another machine touches', async () => {
    const lock = join(directory, 'lock');
    await writeFile(lock, JSON.stringify({ token: 'theirs', pid: 1, where: 'elsewhere' }));
    let beats = 0;
    const beating = fastClock(() => utimes(lock, ++beats, beats));
    await expect(open(directory, beating)).rejects.toThrow('in use by another exporter (process 1)');
  });

  it('refuses one of another machine with the same host name, process namespace and process id', async () => {
    const lock = join(directory, 'lock');
    const first = await open();
    const mine = JSON.parse(await readFile(lock, 'utf8')) as { where: string };
    await first.close();
    const bootId = (await readFile('/proc/sys/kernel/random/boot_id', 'utf8')).trim();
    const where = mine.where.replace(bootId, '00000000-0000-4000-8000-000000000000');
    await writeFile(lock, JSON.stringify({ token: 'theirs', pid: process.pid, where }));
    let beats = 0;
    const beating = fastClock(() => utimes(lock, ++beats, beats));
    await expect(open(directory, beating)).rejects.toThrow('in use by another exporter');
  });

  it('does not write any more once another process took it over', async () => {
    const lock = join(directory, 'lock');
    let isTaken = false;
    let beats = 0;
    const watching = fastClock(async (_, signal) => {
      if (isTaken && signal === undefined) await utimes(lock, ++beats, beats);
    });
    const storage = await open(directory, watching);
    await storage.save('hq', STATE);
    await writeFile(lock, JSON.stringify({ token: 'theirs', pid: 1, where: 'elsewhere' }));
    isTaken = true;
    await storage.save('hq', OTHER);
    expect(failures).toEqual(['write']);
    expect(await storage.load('hq')).toEqual(STATE);
    expect(await readFile(lock, 'utf8')).toContain('theirs');
  });

  it('does not replace the ledger when another process took over while it was written', async () => {
    const lock = join(directory, 'lock');
    const storage = await open();
    await storage.save('hq', STATE);
    const theirs = JSON.stringify({ token: 'theirs', pid: 1, where: 'elsewhere' });
    const handle = await openFile(directory);
    const spy = vi.spyOn(Object.getPrototypeOf(handle) as typeof handle, 'sync');
    await handle.close();
    // Paused right before the rename.
    spy.mockImplementation(() => writeFile(lock, theirs));
    await storage.save('hq', OTHER);
    spy.mockRestore();
    expect(failures).toEqual(['write']);
    expect(log).toContain(`Another process took over ${directory} while the ledger was written`);
    expect(await storage.load('hq')).toEqual(STATE);
    expect((await readdir(directory)).sort()).toEqual(['hq.ledger', 'lock']);
    expect(await readFile(lock, 'utf8')).toBe(theirs);
  });

  it('leaves nothing behind when it is closed', async () => {
    const storage = await open();
    await storage.close();
    expect(await readdir(directory)).toEqual([]);
  });
});
