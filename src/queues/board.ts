import type { VdnConfig } from '../config/schema.ts';
import type { QueueTargets } from '../config/targets.ts';
import { after, type Clock, type Moment, momentOf, msUntil } from '../core/clock.ts';
import { type Queue, type QueueStatus, selectQueues } from './rows.ts';
import type { SlotTotals, TotalsByVdn } from './slot-account.ts';

/** A VDN whose queues are requested. */
export type QueueVdn = Pick<VdnConfig, 'id' | 'queues' | 'targets' | 'queueTargets'>;

interface Shown {
  readonly status: QueueStatus;
  /** The values are too old from then on. */
  readonly until: Moment;
}

/** A queue with all that is known of it. */
export interface ShownQueue {
  readonly vdn: number;
  readonly id: number;
  /** Undefined while the CMS has not described it. */
  readonly queue: Queue | undefined;
  readonly status: QueueStatus | undefined;
  readonly totals: SlotTotals | undefined;
  readonly targets: QueueTargets;
}

/** What is known of the queues of a call center now. */
export class QueueBoard {
  readonly #vdns: readonly QueueVdn[];
  readonly #clock: Clock;
  /** Queues that the CMS described, by VDN. */
  readonly #queues = new Map<number, readonly Queue[]>();
  readonly #shown = new Map<number, Map<number, Shown>>();
  #totals: TotalsByVdn = new Map();
  readonly #versions = new Map<number, { readonly known: number; readonly live: number }>();

  /** @param previous of the call center before a change of the config: it goes on for the VDNs that both have */
  constructor(vdns: readonly QueueVdn[], clock: Clock, previous?: QueueBoard) {
    this.#vdns = vdns;
    this.#clock = clock;
    if (previous !== undefined) this.#adopt(previous);
  }

  #adopt(previous: QueueBoard): void {
    for (const { id } of this.#vdns) {
      const shown = previous.#shown.get(id);
      if (shown !== undefined) this.#shown.set(id, shown);
      const queues = previous.#queues.get(id);
      if (queues !== undefined) this.setQueues(id, queues);
    }
  }

  /** `known` changes with everything but the live values of a VDN, `live` with these, also with the time. */
  versionsOf(vdn: number): { readonly known: number; readonly live: number } {
    const now = momentOf(this.#clock);
    const shown = this.#shown.get(vdn);
    for (const [id, { until }] of shown ?? []) {
      if (msUntil(until, now) > 0) continue;
      shown?.delete(id);
      this.#changed(vdn, 'live');
    }
    return this.#versions.get(vdn) ?? { known: 0, live: 0 };
  }

  #changed(vdn: number, ...parts: readonly ('known' | 'live')[]): void {
    const { known, live } = this.#versions.get(vdn) ?? { known: 0, live: 0 };
    const next = { known: known + (parts.includes('known') ? 1 : 0), live: live + (parts.includes('live') ? 1 : 0) };
    this.#versions.set(vdn, next);
  }

  /** The queues to request, ascending: those selected that the VDN has; without a description of it, those selected by id. */
  idsOf(vdn: number): readonly number[] {
    const queues = this.#queues.get(vdn);
    if (queues !== undefined) return queues.map(({ id }) => id);
    const selection = this.#config(vdn)?.queues ?? [];
    return selection === 'all' ? [] : selection;
  }

  /** Takes in what the CMS says a VDN has. */
  setQueues(vdn: number, queues: readonly Queue[]): void {
    const selection = this.#config(vdn)?.queues ?? [];
    const chosen = selectQueues(queues, selection);
    this.#queues.set(vdn, chosen);
    const ids = new Set(chosen.map(({ id }) => id));
    const shown = this.#shown.get(vdn);
    for (const id of shown?.keys() ?? []) if (!ids.has(id)) shown?.delete(id);
    this.#changed(vdn, 'known', 'live');
  }

  /** Shows live values for `lifetimeMs`. A queue without a row keeps what it had until that is too old. */
  setStatuses(vdn: number, statuses: readonly QueueStatus[], lifetimeMs: number): void {
    const until = after(momentOf(this.#clock), lifetimeMs);
    const shown = this.#shown.get(vdn) ?? new Map<number, Shown>();
    for (const status of statuses) shown.set(status.id, { status, until });
    this.#shown.set(vdn, shown);
    this.#changed(vdn, 'live');
  }

  /**
   * Shows these totals. They must be stored already, so that a restart finds them again.
   * @param totals of a VDN that did not change: the same object as before
   */
  publish(totals: TotalsByVdn): void {
    for (const { id } of this.#vdns) if (totals.get(id) !== this.#totals.get(id)) this.#changed(id, 'known');
    this.#totals = totals;
  }

  /** Every queue, by VDN and id in the order of the config. */
  queues(): readonly ShownQueue[] {
    return this.#vdns.flatMap(({ id }) => this.queuesOf(id));
  }

  queuesOf(vdn: number): readonly ShownQueue[] {
    const config = this.#config(vdn);
    if (config === undefined) return [];
    const described = new Map(this.#queues.get(vdn)?.map((queue) => [queue.id, queue]));
    return this.idsOf(vdn).map((id) => ({
      ...{ vdn, id, queue: described.get(id) },
      status: this.#shown.get(vdn)?.get(id)?.status,
      totals: this.#totals.get(vdn)?.get(id),
      targets: config.queueTargets.get(id) ?? config.targets,
    }));
  }

  #config(vdn: number): QueueVdn | undefined {
    return this.#vdns.find(({ id }) => id === vdn);
  }
}
