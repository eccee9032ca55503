import { createRequire } from 'node:module';
import { Worker } from 'node:worker_threads';

import type { Compare } from './basic-auth.ts';

interface Answer {
  readonly id: number;
  readonly same: boolean;
}

interface Waiting {
  readonly resolve: (same: boolean) => void;
  readonly reject: (error: Error) => void;
}

// A text, because a worker's file would have to be JavaScript before the build too.
const WORKER = `
const { parentPort, workerData } = require('node:worker_threads');
const { compareSync } = require(workerData);
parentPort.on('message', ({ id, password, hash }) => {
  parentPort.postMessage({ id, same: compareSync(password, hash) });
});`;

const IDLE_MS = 10_000;

/**
 * Compares passwords one after the other in a thread of its own: each takes about 80 ms of pure computing at cost 10,
 * which on the main thread would hold up scrapes and polls. The thread is started when there is something to compare,
 * and ends when there has been nothing for a while.
 */
export function bcryptThread(): { readonly compare: Compare; readonly close: () => Promise<void> } {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;

  const start = (): Worker => {
    const started = new Worker(WORKER, {
      eval: true,
      workerData: createRequire(import.meta.url).resolve('bcryptjs'),
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
    });
    started.unref();
    started.on('message', ({ id, same }: Answer) => {
      waiting.get(id)?.resolve(same);
      waiting.delete(id);
      if (waiting.size === 0) idle = setTimeout(() => void stop(), IDLE_MS).unref();
    });
    started.on('error', (error: Error) => {
      if (worker === started) worker = undefined;
      for (const { reject } of waiting.values()) reject(error);
      waiting.clear();
    });
    return started;
  };

  const stop = async (): Promise<void> => {
    const ending = worker;
    worker = undefined;
    clearTimeout(idle);
    await ending?.terminate();
  };

  return {
    compare: (password, hash) =>
      new Promise((resolve, reject) => {
        clearTimeout(idle);
        worker ??= start();
        const id = ++lastId;
        waiting.set(id, { resolve, reject });
        worker.postMessage({ id, password, hash });
      }),
    close: async () => {
      for (const { reject } of waiting.values()) reject(new Error('The server is closing'));
      waiting.clear();
      await stop();
    },
  };
}
