import { type FileHandle, open, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it, vi } from 'vitest';
import { systemClock } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/log.ts';
import { openStorage } from '../../src/storage/ledger-store.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';

it('syncs the new file before the rename, and the directory after it', async () => {
  const directory = temporaryDirectory();
  const logger = createLogger('error', 'json', { write: () => undefined });
  const storage = await openStorage({ directory, clock: systemClock, logger, onFailure: () => undefined });
  cleanup(() => storage.close());
  const handle = await open(directory);
  const prototype = Reflect.getPrototypeOf(handle) as FileHandle;
  await handle.close();
  /** For each sync: whether it was of a file, and whether the ledger had its place then. */
  const synced: string[] = [];
  const original = Object.getOwnPropertyDescriptor(prototype, 'sync')?.value as () => Promise<void>;
  const sync = (file: FileHandle) => original.call(file);
  const spy = vi.spyOn(prototype, 'sync').mockImplementation(async function (this: FileHandle) {
    const isFile = (await this.stat()).isFile();
    const isRenamed = await readFile(join(directory, 'hq.ledger')).then(
      () => true,
      () => false,
    );
    synced.push(`${isFile ? 'file' : 'directory'} ${isRenamed ? 'after' : 'before'}`);
    await sync(this);
  });
  cleanup(() => {
    spy.mockRestore();
  });
  await storage.save('hq', { countingStart: 0, coveredUpTo: [], recheckedAt: 0, vdns: [] });
  expect(synced).toEqual(['file before', 'directory after']);
});
