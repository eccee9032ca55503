import type { Query } from '../cms/client.ts';
import { type Moment, momentOf, msUntil } from '../core/clock.ts';
import type { ApiError, FailureReason } from '../core/errors.ts';
import { WINDOW_MS } from '../core/window.ts';
import { createYield } from '../core/yield.ts';
import type { CatchUp } from '../ledger/catch-up-plan.ts';
import { applyResponses } from './apply-responses.ts';
import { iso, type PollContext } from './poll.ts';
import type { CatchUpOutcome } from './schedule.ts';

/** Failures caused by the query itself; other queries may succeed. */
const QUERY_FAILURES: readonly FailureReason[] = ['api', 'invalid', 'incomplete'];

/** A query is given up after this many failures in a row, so that it does not hold up the others. */
const MAX_TRIES = 3;

/** How often a long catch-up logs its progress. */
const REPORT_INTERVAL_MS = 30_000;

/**
 * Carries out one catch-up plan, newest windows first, one request at a time: an API that has just recovered gets little
 * load. It advances between the polls until every query got a response or was given up.
 */
export class CatchUpRun {
  readonly #context: PollContext;
  readonly #plan: CatchUp;
  /** The query that is next, or failed and is sent again. */
  #query: Query | undefined;
  #tries = 0;
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
      if (this.#query === undefined) this.#takeQuery(latest);
      if (this.#query === undefined) continue;
      const failure = await this.#send(this.#query, latest, signal);
      if (failure !== undefined) return { failure };
      this.#reportProgress();
    }
    return { outcome: this.#outcome };
  }

  /** Takes the next query of the plan, or finishes. The plan pauses now and then without a query. */
  #takeQuery(latest: number): void {
    const next = this.#plan.queries.next();
    if (next.done === true) {
      this.#finish(latest);
      return;
    }
    this.#query = next.value;
    if (next.value !== undefined && this.#done === 1)
      this.#context.logger.info(this.#fields, 'Catching up on missed windows');
  }

  /** Returns the failure of a query that is to be sent again. */
  async #send(query: Query, latest: number, signal: AbortSignal): Promise<ApiError | undefined> {
    const sent = momentOf(this.#context.clock);
    const result = await this.#context.client.query(query, signal);
    this.#counted += await applyResponses(this.#context, [{ query, result }], latest, sent);
    const { failure } = result;
    if (failure !== undefined) {
      const isOwn = QUERY_FAILURES.includes(failure.reason) && failure.retryAfterMs === undefined;
      if (++this.#tries < MAX_TRIES && !isOwn) return failure;
      this.#failed.push(query);
    }
    this.#query = undefined;
    this.#tries = 0;
    this.#done++;
    return undefined;
  }

  #finish(latest: number): void {
    const { ledger, logger } = this.#context;
    this.#outcome = this.#failed.length > 0 ? 'some queries failed' : 'complete';
    ledger.finish(this.#plan, latest, this.#failed);
    const outcome = { ...this.#fields, queries: this.#done, counted: this.#counted };
    const failed = this.#failed.length;
    if (failed > 0) logger.warn({ ...outcome, failed }, 'Catch-up finished with failed queries');
    else if (this.#done > 1) logger.info(outcome, 'Catch-up finished');
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
