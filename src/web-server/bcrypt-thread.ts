import { Worker } from 'node:worker_threads';

import type { Compare } from './basic-auth.ts';
import type { Comparison, ComparisonResult } from './bcrypt-worker.ts';

interface Waiting {
  readonly resolve: (isSame: boolean) => void;
  readonly reject: (error: Error) => void;
}

/** A worker needs a JavaScript file. A program that runs from its sources, as in tests, uses the file of the last build. */
const WORKER = new URL(
  import.meta.url.endsWith('.ts') ? '../../dist/web-server/bcrypt-worker.js' : './bcrypt-worker.js',
  import.meta.url,
);

/** A thread without work ends after this time. */
const IDLE_MS = 10_000;

export interface BcryptThread {
  readonly compare: Compare;
  readonly close: () => Promise<void>;
}

function startWorker(onResult: (result: ComparisonResult) => void, onError: (error: Error) => void): Worker {
  const worker = new Worker(WORKER, {
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 32, maxYoungGenerationSizeMb: 4 },
  });
  worker.unref();
  worker.on('message', onResult);
  worker.on('error', onError);
  return worker;
}

function rejectAll(waiting: Map<number, Waiting>, error: Error): void {
  for (const { reject } of waiting.values()) reject(error);
  waiting.clear();
}

/**
 * Compares passwords one after the other in a thread of its own: each takes about 80 ms of CPU time at cost 10, which
 * would delay scrapes and polls on the main thread. The thread starts with the first comparison.
 */
export function bcryptThread(): BcryptThread {
  const waiting = new Map<number, Waiting>();
  let worker: Worker | undefined;
  let idle: NodeJS.Timeout | undefined;
  let lastId = 0;

  const start = (): Worker => {
    const started = startWorker(
      ({ id, isSame }) => {
        waiting.get(id)?.resolve(isSame);
        waiting.delete(id);
        if (waiting.size === 0) idle = setTimeout(() => void stop(), IDLE_MS).unref();
      },
      (error) => {
        if (worker === started) worker = undefined;
        rejectAll(waiting, error);
      },
    );
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
        const comparison: Comparison = { id: ++lastId, password, hash };
        waiting.set(comparison.id, { resolve, reject });
        worker.postMessage(comparison);
      }),
    close: async () => {
      rejectAll(waiting, new Error('The server is closing'));
      await stop();
    },
  };
}
