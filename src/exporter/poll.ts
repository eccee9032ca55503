import pLimit from 'p-limit';
import type { ApiClient, Query, QueryResult } from '../cms/client.ts';
import { planQueries } from '../cms/query-plan.ts';
import type { RejectionReason, VdnWindow } from '../cms/rows.ts';
import type { Clock } from '../core/clock.ts';
import type { ApiError, FailureReason } from '../core/errors.ts';
import type { CatchUp } from '../ledger/catch-up-plan.ts';
import { createYield } from '../core/yield.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Clocks } from '../ledger/trusted-clock.ts';
import type { Logger } from '../core/log.ts';
import type { SnapshotStore } from '../exposition/snapshot-store.ts';
import type { CallCenterTelemetry } from '../exposition/call-center-metrics.ts';
import type { Totals } from '../ledger/vdn-account.ts';
import { WINDOW_MS, type WindowRange } from '../core/window.ts';

export interface CollectorOptions {
  readonly client: ApiClient;
  readonly ledger: Ledger;
  readonly store: SnapshotStore;
  readonly telemetry: CallCenterTelemetry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Requests under way at once. */
  readonly concurrency: number;
  /** Makes the ledger outlive the process; resolves when that is done or has failed for good. */
  readonly persist: (ledger: Ledger) => Promise<void>;
  /** What time it is by the API, whatever became of our clock since it said so; undefined before. */
  readonly apiNow: () => number | undefined;
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
  /** The longest wait that a failure asked for. */
  readonly retryAfterMs: number | undefined;
}

/** How far a catch-up has come: it goes on between the polls until every query was answered or given up. */
export interface CatchUpProgress {
  readonly plan: CatchUp;
  /** What is asked for now, and how often that failed. */
  query: Query | undefined;
  tries: number;
  /** Queries that were answered or given up. */
  done: number;
  counted: number;
  isFinished: boolean;
  /** Queries that failed for a reason of their own. */
  readonly failed: Query[];
}

/** Failures that come from what was asked for; the other queries may fare better. */
const OWN_FAULT: readonly FailureReason[] = ['api', 'invalid', 'incomplete'];

/** A query that fails this often in a row does not hold up the others any longer. */
const MAX_TRIES = 3;

/** Fetches windows of one call center and hands them to its ledger and store. Knows what, not when. */
export class Collector {
  readonly #options: CollectorOptions;

  constructor(options: CollectorOptions) {
    this.#options = options;
  }

  /** One poll: every VDN, in queries of one page each. Rejects only when `signal` is aborted. */
  async poll({ vdns, range, latest }: PollRequest, signal: AbortSignal): Promise<PollOutcome> {
    const { client, telemetry, clock, concurrency } = this.#options;
    const started = clock.monotonic();
    const queries: Query[] = vdns === 'all' ? [{ vdns, range }] : planQueries(vdns, range);
    const limit = pLimit(concurrency);
    let refusal: ApiError | undefined;
    const ask = async (query: Query): Promise<QueryResult> => {
      // Asked to wait: what has not been sent yet is not sent.
      if (refusal !== undefined) return { windows: [], rejected: [], failure: refusal };
      const result = await client.query(query, signal);
      if (result.failure?.retryAfterMs !== undefined) refusal = result.failure;
      return result;
    };
    const results = await Promise.all(queries.map((query) => limit(async () => ({ query, result: await ask(query) }))));

    const failures = results.filter(({ result }) => result.failure !== undefined);
    await this.#take(results, latest);
    const failure = failures[0]?.result.failure;
    telemetry.poll({
      durationSeconds: (clock.monotonic() - started) / 1000,
      endedAt: clock.now() / 1000,
      failure: failure?.reason,
    });
    const rows = results.reduce((sum, { result }) => sum + result.windows.length, 0);
    const requests = { queries: queries.length, failed: failures.length };
    this.#options.logger.debug({ from: iso(range.from), to: iso(range.to), ...requests, rows }, 'Polled');
    const failed = failures.map(({ query }) => query.vdns);
    const waits = failures.map(({ result }) => result.failure?.retryAfterMs ?? 0);
    return {
      failure,
      failed: failed.some((ids) => ids === 'all')
        ? 'all'
        : [...new Set(failed.flat().map(Number))].sort((a, b) => a - b),
      retryAfterMs: Math.max(0, ...waits) || undefined,
    };
  }

  /**
   * Goes on with a catch-up, newest windows first, one request at a time: an API that has just come back is not
   * hammered. Stops at `deadline` or when every query is done.
   * @returns the failure that ended it, if one did; the query is tried again when it goes on
   */
  async catchUp(
    progress: CatchUpProgress,
    latest: number,
    deadline: number,
    signal: AbortSignal,
  ): Promise<ApiError | undefined> {
    const { client, clock, logger } = this.#options;
    const { plan, failed } = progress;
    const fields = { from: iso(plan.from), to: iso(plan.upTo + WINDOW_MS) };
    const yieldIfDue = createYield(clock);
    let reported = clock.monotonic();
    // By the monotonic clock, too: a clock that is set back must not hold up the next poll.
    const monotonicDeadline = clock.monotonic() + (deadline - clock.now());
    while (clock.now() < deadline && clock.monotonic() < monotonicDeadline) {
      if (progress.query === undefined) {
        await yieldIfDue();
        const next = plan.queries.next();
        if (next.done === true) {
          this.#finish(progress, latest, fields);
          return undefined;
        }
        if (next.value === undefined) continue;
        progress.query = next.value;
        if (progress.done === 1) logger.info(fields, 'Catching up on missed windows');
      }
      const { query } = progress;
      const result = await client.query(query, signal);
      progress.counted += await this.#take([{ query, result }], latest);
      if (result.failure !== undefined) {
        const { reason, retryAfterMs } = result.failure;
        const isGivenUp = ++progress.tries >= MAX_TRIES || (OWN_FAULT.includes(reason) && retryAfterMs === undefined);
        if (!isGivenUp) return result.failure;
        failed.push(query);
      }
      progress.query = undefined;
      progress.tries = 0;
      progress.done++;
      if (clock.monotonic() - reported >= 30_000) {
        reported = clock.monotonic();
        const { done, counted } = progress;
        logger.info({ ...fields, now_at: iso(query.range.from), queries: done, counted }, 'Catching up');
      }
    }
    return undefined;
  }

  #finish(progress: CatchUpProgress, latest: number, fields: Readonly<Record<string, string>>): void {
    const { plan, failed, done, counted } = progress;
    const { ledger, logger } = this.#options;
    progress.isFinished = true;
    ledger.finish(plan, latest, failed);
    const outcome = { ...fields, queries: done, counted };
    if (failed.length > 0) logger.warn({ ...outcome, failed: failed.length }, 'Caught up, but for some queries');
    else if (done > 1) logger.info(outcome, 'Caught up');
  }

  /** Books answers, stores the ledger, then shows the result: what was shown once is found again after a crash. */
  async #take(results: readonly { query: Query; result: QueryResult }[], latest: number): Promise<number> {
    const { ledger, store, telemetry, clock, persist, onChange } = this.#options;
    const clocks = this.#clocks();
    const yieldIfDue = createYield(clock);
    let changed = false;
    let counted = 0;
    for (const { query, result } of results) {
      await yieldIfDue();
      const recorded = ledger.record(query, result, latest, clocks);
      changed ||= recorded.changed;
      counted += recorded.counted;
      for (const window of recorded.settled) {
        telemetry.settled(Math.max(0, clock.now() - (window.start + WINDOW_MS)) / 1000);
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

  #clocks(): Clocks {
    const { clock, apiNow } = this.#options;
    return { now: clock.now(), apiNow: apiNow(), monotonic: clock.monotonic() };
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

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
