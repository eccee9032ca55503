import type { Storage } from '../storage/ledger-store.ts';
import type { QueueBoard } from './board.ts';
import type { SlotLedger } from './slot-ledger.ts';

export interface SlotStoreOptions {
  readonly callCenter: string;
  readonly ledger: SlotLedger;
  readonly board: QueueBoard;
  readonly storage: Storage;
}

/**
 * Stores the ledger after a change and shows its totals then, so that a counter that a scrape has shown is found again
 * after a crash. Changes that come while it is being written are written together.
 */
export function createSlotStore({ callCenter, ledger, board, storage }: SlotStoreOptions) {
  let isChanged = false;
  let running: Promise<void> | undefined;

  async function storeAll(): Promise<void> {
    while (isChanged) {
      isChanged = false;
      const totals = ledger.totals();
      await storage.saveQueues(callCenter, ledger.toState());
      board.publish(totals);
    }
    running = undefined;
  }

  // What is known already, stored at the latest by the run before.
  board.publish(ledger.totals());
  return {
    /** Stores the ledger soon. */
    save: (): void => {
      isChanged = true;
      running ??= storeAll();
    },
    /** Resolves when everything is stored. */
    idle: () => running ?? Promise.resolve(),
  };
}
