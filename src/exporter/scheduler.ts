import { MAX_BACKOFF_MS } from '../cms/backoff.ts';
import type { PollConfig } from '../config/schema.ts';
import { after, momentOf, type Moment, sleepUntil } from '../core/clock.ts';
import type { ApiError } from '../core/errors.ts';
import { formatIds } from '../core/format.ts';
import { WINDOW_MS } from '../core/window.ts';
import { CatchUpRun } from './catch-up-run.ts';
import { poll, type PollContext, type PollOutcome } from './poll.ts';
import { ReportingVdns } from './reporting-vdns.ts';
import { afterCatchUp, afterCatchUpFailure, afterPoll, decide, type Decision, INITIAL_STATE } from './schedule.ts';

/** How a call center is doing, for people. Times are milliseconds since the epoch. */
export interface PollStatus {
  readonly polls: number;
  readonly lastPollAt: number | undefined;
  readonly lastSuccessAt: number | undefined;
  readonly nextPollAt: number | undefined;
  /** The failure of the last poll, kept with its time after the API has recovered. */
  readonly lastFailure:
    { readonly at: number; readonly message: string; readonly hint: string; readonly reason: string } | undefined;
  readonly isFailing: boolean;
  /** Configured VDNs without a single row so far, after some windows: probably wrong ids or a wrong cc_id. */
  readonly silentVdns: readonly number[];
}

export interface SchedulerOptions extends PollContext {
  readonly vdns: readonly number[] | 'all';
  readonly poll: PollConfig;
  /** Whether a line is open at a time; a closed one has no rows. Default: always. */
  readonly isOpen?: (vdn: number, at: number) => boolean;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  /** Of the scheduler that this one replaces. */
  readonly status?: PollStatus | undefined;
}

/** Characters of ids in a message. */
const MAX_IDS_CHARS = 200;

const INITIAL_STATUS: PollStatus = {
  polls: 0,
  lastPollAt: undefined,
  lastSuccessAt: undefined,
  nextPollAt: undefined,
  lastFailure: undefined,
  isFailing: false,
  silentVdns: [],
};

/** Polls one call center and catches up between the polls, as {@link decide} says. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #state = INITIAL_STATE;
  #catchUp: CatchUpRun | undefined;
  #status: PollStatus;
  readonly #reporting: ReportingVdns;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    const { vdns, status = INITIAL_STATUS } = options;
    this.#reporting = new ReportingVdns(vdns === 'all' ? [] : vdns, status.silentVdns);
    this.#status = { ...status, silentVdns: this.#reporting.silent, nextPollAt: undefined };
  }

  get status(): PollStatus {
    return this.#status;
  }

  /** Runs until `signal` is aborted; never two polls at once. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        await this.#step(signal);
      } catch (error) {
        if (error === signal.reason) return;
        // A bug: log it, and keep later polls and the other call centers working.
        logger.error({ err: error instanceof Error ? error.stack : String(error) }, 'The poll ended unexpectedly');
        await sleepUntil(clock, after(momentOf(clock), MAX_BACKOFF_MS), signal);
      }
    }
  }

  async #step(signal: AbortSignal): Promise<void> {
    const { clock, poll: settings } = this.#options;
    const decision = decide(this.#state, settings, momentOf(clock));
    switch (decision.step) {
      case 'poll':
        await this.#poll(decision, signal);
        break;
      case 'catch up':
        await this.#advanceCatchUp(decision.latest, decision.until, signal);
        break;
      case 'sleep':
        this.#status = { ...this.#status, nextPollAt: decision.until.now };
        await sleepUntil(clock, decision.until, signal);
    }
  }

  async #poll({ kind, latest }: Extract<Decision, { step: 'poll' }>, signal: AbortSignal): Promise<void> {
    const { ledger, clock, poll: settings, random } = this.#options;
    const vdns = kind === 'regular' ? this.#options.vdns : this.#state.unfinished;
    const range = kind === 'missing' ? { from: latest, to: latest + WINDOW_MS } : ledger.regularRange(latest);
    const outcome = await poll(this.#options, { vdns, range, latest }, signal);
    this.#noteRows(outcome, vdns, latest, kind === 'regular');
    const isPartial = this.#isPartial(outcome);
    const unfinished = this.#unfinished(outcome, latest);
    this.#report(outcome, isPartial);
    this.#state = afterPoll(this.#state, settings, { outcome, latest, isPartial, unfinished, random }, momentOf(clock));
  }

  #isPartial({ failed }: PollOutcome): boolean {
    const { vdns } = this.#options;
    return failed !== 'all' && vdns !== 'all' && failed.length > 0 && failed.length < vdns.length;
  }

  /** VDNs whose request failed, or that usually report and have no row of the latest window yet. */
  #unfinished({ failed }: PollOutcome, latest: number): readonly number[] | 'all' {
    return failed === 'all' ? 'all' : [...new Set([...failed, ...this.#reporting.missing(latest)])];
  }

  /** Finds out which VDNs report, and logs once which never did. */
  #noteRows({ rows, failed }: PollOutcome, vdns: readonly number[] | 'all', latest: number, isRegular: boolean): void {
    const { ledger, logger, isOpen = () => true } = this.#options;
    const hasFailed = new Set(failed === 'all' ? [] : failed);
    const isExpected = (id: number) => !hasFailed.has(id) && isOpen(id, latest);
    const answered = vdns === 'all' || failed === 'all' ? [] : vdns.filter(isExpected);
    const before = new Set(this.#reporting.silent);
    this.#reporting.update({ latest, answered, rows }, isRegular, (id) => ledger.totals(id).windows > 0);
    const silentVdns = this.#reporting.silent;
    this.#status = { ...this.#status, silentVdns };
    const silent = silentVdns.filter((id) => !before.has(id));
    const now = new Set(silentVdns);
    const arrived = [...before].filter((id) => !now.has(id));
    if (silent.length > 0) logger.warn(`No rows so far for VDN ${formatSorted(silent)}: check the ids and cc_id`);
    if (arrived.length > 0) logger.info(`The first rows came for VDN ${formatSorted(arrived)}`);
  }

  /** Updates the status and logs a change of it. */
  #report({ failure, failed }: PollOutcome, isPartial: boolean): void {
    const { clock, logger } = this.#options;
    const { failures } = this.#state;
    const now = clock.now();
    this.#status = { ...this.#status, polls: this.#status.polls + 1, lastPollAt: now };
    if (failure === undefined) {
      if (failures > 0) logger.info({ failures }, 'The API responds again');
      else if (this.#status.lastSuccessAt === undefined) logger.info('First poll succeeded');
      this.#status = { ...this.#status, lastSuccessAt: now, isFailing: false };
      return;
    }
    const { hint, reason } = failure;
    const message = failureMessage(failure, isPartial ? failed : 'all');
    this.#status = { ...this.#status, isFailing: true, lastFailure: { at: now, message, hint, reason } };
    logger.warn({ reason, error: message, hint, failures: failures + 1 }, 'The poll failed');
  }

  /** Continues the present catch-up or starts one; ends at the next poll at the latest. */
  async #advanceCatchUp(latest: number, until: Moment, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    // After the clock was set back, the ledger plans anew what has to be requested again.
    if (this.#catchUp !== undefined && latest < this.#catchUp.plannedFor) this.#catchUp = undefined;
    this.#catchUp ??= CatchUpRun.plan(this.#options, latest);
    if (this.#catchUp === undefined) {
      this.#state = afterCatchUp(this.#state, 'nothing to do', momentOf(clock));
      return;
    }
    const { failure, outcome } = await this.#catchUp.advance(until, latest, signal);
    if (outcome !== undefined) {
      this.#state = afterCatchUp(this.#state, outcome, momentOf(clock));
      this.#catchUp = undefined;
    }
    if (failure !== undefined) {
      this.#state = afterCatchUpFailure(this.#state, failure.retryAfterMs, momentOf(clock));
      const { reason, message, hint } = failure;
      logger.warn({ reason, error: message, hint }, 'Catch-up failed and continues after the next window');
    }
  }
}

/** Of many VDNs, one that the CMS refuses fails those that share its request: name them. */
function failureMessage({ message }: ApiError, failed: readonly number[] | 'all'): string {
  return failed === 'all' ? message : `${message} (VDNs ${formatSorted(failed)})`;
}

function formatSorted(ids: readonly number[]): string {
  return formatIds(
    [...ids].sort((a, b) => a - b),
    MAX_IDS_CHARS,
  );
}
