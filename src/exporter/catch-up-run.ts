import type { Query } from '../cms/client.ts';
import { pageQueries } from '../cms/query-plan.ts';
import { after, type Moment, momentOf, msUntil } from '../core/clock.ts';
import type { ApiError, FailureReason } from '../core/errors.ts';
import { WINDOW_MS } from '../core/window.ts';
import { createYield } from '../core/yield.ts';
import type { CatchUp } from '../ledger/catch-up-plan.ts';
import { applyResponses, type QueryResponse } from './apply-responses.ts';
import { iso, type PollContext } from './poll.ts';
import type { CatchUpOutcome } from './schedule.ts';

/** Failures caused by the query itself; other queries may succeed. */
const QUERY_FAILURES: readonly FailureReason[] = ['api', 'invalid', 'incomplete'];

/** A query is given up after this many failures in a row, so that it does not hold up the others. */
const MAX_TRIES = 3;

/** After this many queries in a row that the API refused, the rest of the batch is given up, too. */
const MAX_REFUSALS = 3;

/** Responses are applied, and so stored, together: at the end of a batch, and this often. */
const APPLY_INTERVAL_MS = 5_000;

/** How often a long catch-up logs its progress. */
const REPORT_INTERVAL_MS = 30_000;

/**
 * Carries out one catch-up plan, newest windows first, one request at a time: an API that has just recovered gets little
 * load. It advances between the polls until every query got a response or was given up.
 */
export class CatchUpRun {
  readonly #context: PollContext;
  readonly #plan: CatchUp;
  /** What is to be sent of one query of the plan, each for one page; the first may have failed and is sent again. */
  #batch: Query[] = [];
  #batches = 0;
  #tries = 0;
  #refusals = 0;
  #done = 0;
  #counted = 0;
  #reportedAt: number;
  readonly #failed: Query[] = [];
  #outcome: CatchUpOutcome | undefined;

  private constructor(context: PollContext, plan: CatchUp) {
    this.#context = context;
    this.#plan = plan;
    this.#reportedAt = context.clock.monotonic();
  }

  /**
   * Plans a catch-up; undefined when there is nothing to do.
   * @param latest the newest window that is due
   */
  static plan(context: PollContext, latest: number): CatchUpRun | undefined {
    const plan = context.ledger.catchUp(latest);
    return plan === undefined ? undefined : new CatchUpRun(context, plan);
  }

  /** The newest window that was due when the plan was made. */
  get plannedFor(): number {
    return this.#plan.latest;
  }

  /**
   * Continues until the deadline, the end, or a failure that other queries would meet, too. Rejects only when `signal` is
   * aborted.
   * @param latest the newest window that is due
   * @returns `outcome` when it has ended; `failure` when a failure stopped it: it sends the same query again next time
   */
  async advance(
    deadline: Moment,
    latest: number,
    signal: AbortSignal,
  ): Promise<{ readonly outcome?: CatchUpOutcome | undefined; readonly failure?: ApiError }> {
    const { clock } = this.#context;
    const yieldIfDue = createYield(clock);
    while (this.#outcome === undefined && msUntil(deadline, momentOf(clock)) > 0) {
      await yieldIfDue();
      if (this.#batch.length === 0) this.#takeBatch(latest);
      if (this.#batch.length === 0) continue;
      const failure = await this.#sendBatch(deadline, latest, signal);
      if (failure !== undefined) return { failure };
      this.#reportProgress();
    }
    return { outcome: this.#outcome };
  }

  /** Takes the next query of the plan, or finishes. The plan pauses now and then without a query. */
  #takeBatch(latest: number): void {
    const next = this.#plan.queries.next();
    if (next.done === true) {
      this.#finish(latest);
      return;
    }
    if (next.value === undefined) return;
    this.#batch = [...pageQueries(next.value)];
    this.#refusals = 0;
    if (++this.#batches === 2) this.#context.logger.info(this.#fields, 'Catching up on missed windows');
  }

  /** Sends what is left of the batch, and applies the responses. Returns a failure that other queries would meet, too. */
  async #sendBatch(deadline: Moment, latest: number, signal: AbortSignal): Promise<ApiError | undefined> {
    const { client, clock } = this.#context;
    const sent = momentOf(clock);
    const end = after(sent, Math.min(APPLY_INTERVAL_MS, msUntil(deadline, sent)));
    const responses: QueryResponse[] = [];
    let stop: ApiError | undefined;
    for (const query of [...this.#batch]) {
      const result = await client.query(query, signal);
      responses.push({ query, result });
      stop = this.#noteResult(result.failure);
      if (stop !== undefined || this.#batch.length === 0 || msUntil(end, momentOf(clock)) === 0) break;
    }
    this.#counted += await applyResponses(this.#context, responses, latest, sent);
    return stop;
  }

  /** Takes the first query off the batch unless it is sent again. Returns a failure that other queries would meet, too. */
  #noteResult(failure: ApiError | undefined): ApiError | undefined {
    const isRefused = failure !== undefined && QUERY_FAILURES.includes(failure.reason);
    const stop = isRefused && failure.retryAfterMs === undefined ? undefined : failure;
    if (stop !== undefined && ++this.#tries < MAX_TRIES) return stop;
    this.#refusals = isRefused ? this.#refusals + 1 : 0;
    const isGivenUp = this.#refusals >= MAX_REFUSALS;
    const done = isGivenUp ? this.#batch.splice(0) : this.#batch.splice(0, 1);
    if (failure !== undefined) this.#failed.push(...done);
    this.#tries = 0;
    this.#done++;
    return failure?.retryAfterMs === undefined ? undefined : stop;
  }

  #finish(latest: number): void {
    const { ledger, logger } = this.#context;
    this.#outcome = this.#failed.length > 0 ? 'some queries failed' : 'complete';
    ledger.finish(this.#plan, latest, this.#failed);
    const outcome = { ...this.#fields, queries: this.#done, counted: this.#counted };
    const failed = this.#failed.length;
    if (failed > 0) logger.warn({ ...outcome, failed }, 'Catch-up finished with failed queries');
    else if (this.#batches > 1) logger.info(outcome, 'Catch-up finished');
  }

  #reportProgress(): void {
    const { clock, logger } = this.#context;
    if (clock.monotonic() - this.#reportedAt < REPORT_INTERVAL_MS) return;
    this.#reportedAt = clock.monotonic();
    logger.info({ ...this.#fields, queries: this.#done, counted: this.#counted }, 'Catching up');
  }

  get #fields() {
    return { from: iso(this.#plan.from), to: iso(this.#plan.upTo + WINDOW_MS) };
  }
}
