import { latestEnded, WINDOW_MS, windowAt } from '../core/window.ts';
import type { Clocks } from '../ledger/trusted-clock.ts';
import type { QueueSlot } from './rows.ts';
import { SlotAccount, type SlotAccountState, type SlotTotals, type TotalsByVdn } from './slot-account.ts';

/** The ledger as it is stored. */
export interface SlotLedgerState {
  readonly vdns: readonly (readonly [vdn: number, queues: readonly (readonly [id: number, SlotAccountState])[]])[];
}

/** What a response of `servicequality` did to the ledger. */
export interface RecordedSlots {
  readonly changed: boolean;
  /** Whether nothing more is expected of the latest slot that had ended, in any queue of the VDN. */
  readonly isComplete: boolean;
  /** Rows of a slot that had not ended. */
  readonly unfinished: number;
}

/** The clock that slots follow: that of the CMS, which made them; ours until it has sent a Date. */
export function slotClock({ now, apiNow }: Clocks): number {
  return apiNow ?? now;
}

/** Our clock or that of the CMS, whichever is behind. */
function earlier({ now, apiNow }: Clocks): number {
  return Math.min(now, apiNow ?? now);
}

/** Counts each slot of each queue once. Pure: no clock, no I/O. */
export class SlotLedger {
  readonly #vdns = new Map<number, Map<number, SlotAccount>>();
  /** Of the VDNs that did not change since they were asked for. */
  readonly #totals = new Map<number, ReadonlyMap<number, SlotTotals>>();

  /** @param vdns those to keep of the stored state */
  constructor(vdns: readonly number[], stored: SlotLedgerState = { vdns: [] }) {
    for (const [vdn, queues] of stored.vdns) {
      if (!vdns.includes(vdn)) continue;
      this.#vdns.set(vdn, new Map(queues.map(([id, state]) => [id, new SlotAccount(state)])));
    }
  }

  /** Sets which queues a VDN has. A new one counts from the slot that is running. Returns whether anything changed. */
  setQueues(vdn: number, ids: readonly number[], clocks: Clocks): boolean {
    const before = this.#vdns.get(vdn) ?? new Map<number, SlotAccount>();
    if (before.size === ids.length && ids.every((id) => before.has(id))) return false;
    const running = windowAt(earlier(clocks));
    this.#totals.delete(vdn);
    this.#vdns.set(vdn, new Map(ids.map((id) => [id, before.get(id) ?? new SlotAccount(running)])));
    return true;
  }

  /**
   * Counts the rows of a response for a VDN. Rows of a slot that had not ended when the request was sent do not count:
   * their values are not final.
   * @param clocks at the moment when the request was sent
   */
  record(vdn: number, rows: readonly QueueSlot[], clocks: Clocks): RecordedSlots {
    const accounts = this.#vdns.get(vdn) ?? new Map<number, SlotAccount>();
    const now = slotClock(clocks);
    let changed = false;
    let unfinished = 0;
    for (const { id, start, counts } of rows) {
      if (start + WINDOW_MS > now) unfinished++;
      else changed = accounts.get(id)?.record(start, counts) === true || changed;
    }
    const latest = latestEnded(now);
    const settled = latestEnded(earlier(clocks));
    const latestOfAny = latestEnded(Math.max(now, clocks.now));
    let isComplete = true;
    for (const account of accounts.values()) {
      isComplete &&= account.isDone(latest);
      changed = account.settle(settled, latestOfAny) || changed;
    }
    if (changed) this.#totals.delete(vdn);
    return { changed, isComplete, unfinished };
  }

  /** Those of a VDN that did not change are the same object as before. */
  totals(): TotalsByVdn {
    for (const [vdn, accounts] of this.#vdns) {
      if (this.#totals.has(vdn)) continue;
      this.#totals.set(vdn, new Map([...accounts].map(([id, { totals }]) => [id, totals])));
    }
    return new Map(this.#totals);
  }

  toState(): SlotLedgerState {
    return {
      vdns: [...this.#vdns].map(([vdn, accounts]) => [
        vdn,
        [...accounts].map(([id, account]) => [id, account.toState()] as const),
      ]),
    };
  }
}
