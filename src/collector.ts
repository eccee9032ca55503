import pLimit from 'p-limit';
import { type ApiClient, chunks, type Query, type QueryResult } from './api/client.ts';
import type { RejectionReason, VdnWindow } from './api/rows.ts';
import type { Clock } from './clock.ts';
import type { ApiError } from './errors.ts';
import type { CatchUp, Ledger } from './ledger.ts';
import type { Logger } from './log.ts';
import type { Store } from './store.ts';
import type { CallCenterTelemetry } from './telemetry.ts';
import type { Totals } from './vdn-ledger.ts';
import { WINDOW_MS, type WindowRange } from './window.ts';

export interface CollectorOptions {
  readonly client: ApiClient;
  readonly ledger: Ledger;
  readonly store: Store;
  readonly telemetry: CallCenterTelemetry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Makes the ledger outlive the process; resolves when that is done or has failed for good. */
  readonly persist: (ledger: Ledger) => Promise<void>;
  /** Clock of the API minus ours, as far as it is known. */
  readonly skewMs: () => number;
  /** Makes what is new in the store visible; the poll is reported after that, so that both are seen together. */
  readonly onChange: () => Promise<void>;
}

/** What is asked for in a poll. */
export interface PollRequest {
  readonly vdns: readonly number[] | 'all';
  readonly range: WindowRange;
  /** The newest window that was due. */
  readonly latest: number;
}

export interface PollOutcome {
  /** The first failure; undefined when every page of every request came. */
  readonly failure: ApiError | undefined;
  /** VDNs whose requests failed; `all` when a request for all did. */
  readonly failed: readonly number[] | 'all';
}

/** Fetches windows of one call center and hands them to its ledger and store. Knows what, not when. */
export class Collector {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** One poll: every VDN asked for, in chunks. Rejects only when `signal` is aborted. */
  async poll({ vdns, range, latest }: PollRequest, signal: AbortSignal): Promise<PollOutcome> {
    const { client, telemetry, clock, concurrency } = this.#options;
    const started = clock.monotonic();
    const queries: Query[] = vdns === 'all' ? [{ vdns, range }] : chunks(vdns).map((ids) => ({ vdns: ids, range }));
    const limit = pLimit(concurrency);
    const results = await Promise.all(
      queries.map((query) => limit(async () => ({ query, result: await client.query(query, signal) }))),
    );

    const failures = results.filter(({ result }) => result.failure !== undefined);
    await this.#take(results, latest);
    const failure = failures[0]?.result.failure;
    telemetry.poll({
      durationSeconds: (clock.monotonic() - started) / 1000,
      endedAt: clock.now() / 1000,
      failure: failure?.reason,
    });
    const failed = failures.map(({ query }) => query.vdns);
    return { failure, failed: failed.some((ids) => ids === 'all') ? 'all' : failed.flat().map(Number) };
  }

  /**
   * Works off a catch-up, newest windows first, one request at a time: an API that has just come back is not hammered.
   * Stops at `deadline`; what is left is found again by the ledger.
   * @returns the failure that ended it, if one did
   */
  async catchUp(plan: CatchUp, latest: number, deadline: number, signal: AbortSignal): Promise<ApiError | undefined> {
    const { client, clock, ledger, logger } = this.#options;
    const total = plan.queries.length;
    const fields = { queries: total, from: iso(plan.queries.at(-1)?.range.from), to: iso(plan.queries[0]?.range.to) };
    if (total > 1) logger.info(fields, 'Catching up on missed windows');
    let counted = 0;
    let reported = clock.monotonic();
    for (const [done, query] of plan.queries.entries()) {
      if (clock.now() >= deadline) {
        logger.info({ done, queries: total, counted }, 'Catching up pauses for the next poll');
        return undefined;
      }
      const result = await client.query(query, signal);
      counted += await this.#take([{ query, result }], latest);
      if (result.failure !== undefined) return result.failure;
      if (clock.monotonic() - reported >= 30_000) {
        reported = clock.monotonic();
        logger.info({ done: done + 1, queries: total, counted }, 'Catching up');
      }
    }
    ledger.finish(plan, latest);
    if (total > 1) logger.info({ ...fields, counted }, 'Caught up');
    return undefined;
  }

  /** Books answers, stores the ledger, then shows the result: what was shown once is found again after a crash. */
  async #take(results: readonly { query: Query; result: QueryResult }[], latest: number): Promise<number> {
    const { ledger, store, telemetry, clock, persist, skewMs, onChange } = this.#options;
    const trustedNow = clock.now() + Math.min(0, skewMs());
    let changed = false;
    let counted = 0;
    for (const { query, result } of results) {
      const recorded = ledger.record(query, result, latest, trustedNow);
      changed ||= recorded.changed;
      counted += recorded.counted;
      for (const window of recorded.settled) {
        telemetry.settled(Math.max(0, clock.now() - (window.begin + WINDOW_MS)) / 1000);
      }
    }
    this.#reportRejected(results.flatMap(({ result }) => result.rejected));
    if (changed) {
      await persist(ledger);
      store.publish(totalsOf(ledger));
    }
    store.update(concat(results.map(({ result }) => result.windows)));
    await onChange();
    return counted;
  }

  #reportRejected(rows: readonly { reason: RejectionReason; detail: string }[]): void {
    const byReason = new Map<RejectionReason, { count: number; example: string }>();
    for (const { reason, detail } of rows) {
      this.#options.telemetry.rejected(reason);
      const known = byReason.get(reason);
      byReason.set(reason, { count: (known?.count ?? 0) + 1, example: known?.example ?? detail });
    }
    for (const [reason, { count, example }] of byReason) {
      this.#options.logger.warn({ reason, rows: count, example }, 'Rows of the API were rejected');
    }
  }
}

function* concat(lists: readonly (readonly VdnWindow[])[]): Generator<VdnWindow> {
  for (const list of lists) yield* list;
}

export function totalsOf(ledger: Ledger): ReadonlyMap<number, Totals> {
  return new Map([...ledger.ids()].map((id) => [id, ledger.totals(id)]));
}

function iso(ms: number | undefined): string | undefined {
  return ms === undefined ? undefined : new Date(ms).toISOString();
}
