import { parentPort } from 'node:worker_threads';

import { compareSync } from 'bcryptjs';

/** The program of the worker thread that bcrypt-thread.ts starts: it compares the passwords that it is sent. */
export interface Comparison {
  readonly id: number;
  readonly password: string;
  readonly hash: string;
}

export interface ComparisonResult {
  readonly id: number;
  readonly isSame: boolean;
}

parentPort?.on('message', ({ id, password, hash }: Comparison) => {
  const result: ComparisonResult = { id, isSame: compareSync(password, hash) };
  parentPort?.postMessage(result);
});
