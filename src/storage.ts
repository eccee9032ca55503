import type { LedgerState } from './ledger.ts';

/** Keeps ledgers beyond the life of the process. Failures are reported and logged, never thrown: counting goes on. */
export interface Storage {
  /** What was stored of a call center; undefined when there is nothing that can be used. */
  load(callCenter: string): Promise<LedgerState | undefined>;
  save(callCenter: string, state: LedgerState): Promise<void>;
  close(): Promise<void>;
}

/** Without `--storage.path`: a restart begins anew. */
export const noStorage: Storage = {
  load: () => Promise.resolve(undefined),
  save: () => Promise.resolve(),
  close: () => Promise.resolve(),
};
