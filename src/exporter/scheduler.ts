import type { PollConfig } from '../config/schema.ts';
import { type Clock, sleepUntil } from '../core/clock.ts';
import type { CatchUpProgress, Collector, PollOutcome } from './poll.ts';
import { catchUpBackoff, MAX_BACKOFF_MS, capRetryAfter, backoff } from '../cms/backoff.ts';
import type { ApiError } from '../core/errors.ts';
import type { Ledger } from '../ledger/ledger.ts';
import type { Logger } from '../core/log.ts';
import type { SnapshotStore } from '../exposition/snapshot-store.ts';
import { dueAfter, latestDue, WINDOW_MS } from '../core/window.ts';

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
}

export interface SchedulerOptions {
  readonly vdns: readonly number[] | 'all';
  readonly poll: PollConfig;
  readonly collector: Collector;
  readonly ledger: Ledger;
  readonly store: SnapshotStore;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  /** Of the scheduler that this one replaces. */
  readonly status?: PollStatus | undefined;
}

/** Decides when the collector of one call center polls, and for what. */
export class Scheduler {
  readonly #options: SchedulerOptions;
  #failures = 0;
  /** VDNs whose last request failed. */
  #failed: readonly number[] | 'all' = [];
  #polledLatest: number | undefined;
  #catchUpFailedIn: number | undefined;
  #progress: CatchUpProgress | undefined;
  #pausedUntil = -Infinity;
  /** Catch-ups in a row that ended with queries given up, and until when there is no other. */
  #incomplete = 0;
  #catchUpPausedUntil = -Infinity;
  #status: PollStatus = {
    polls: 0,
    lastPollAt: undefined,
    lastSuccessAt: undefined,
    nextPollAt: undefined,
    lastFailure: undefined,
    isFailing: false,
  };

  constructor(options: SchedulerOptions) {
    this.#options = options;
    if (options.status !== undefined) this.#status = { ...options.status, nextPollAt: undefined };
  }

  get status(): PollStatus {
    return this.#status;
  }

  /** Polls until `signal` is aborted; never two polls at once. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.#options;
    while (!signal.aborted) {
      try {
        const wait = await this.#step(signal);
        this.#status = { ...this.#status, nextPollAt: clock.now() + wait };
        await sleepUntil(clock, clock.now() + wait, signal);
      } catch (error) {
        if (error === signal.reason) return;
        // A mistake of ours: say so, and keep the other call centers and later polls going.
        logger.error({ err: error instanceof Error ? error.stack : String(error) }, 'The poll ended unexpectedly');
        await sleepUntil(clock, clock.now() + MAX_BACKOFF_MS, signal);
      }
    }
  }

  /** Polls what is due and returns the milliseconds to the next step. */
  async #step(signal: AbortSignal): Promise<number> {
    const { collector, ledger, clock, poll, vdns } = this.#options;
    const latest = latestDue(clock.now(), poll.settleDelayMs);
    // Not only when it is later: after the clock was set back, the windows it shows now are asked for, too.
    const isNewWindow = latest !== this.#polledLatest;
    const targets = isNewWindow ? vdns : this.#unfinished(latest);
    if (targets === 'all' || targets.length > 0) {
      const isRepeat = !isNewWindow && this.#failures === 0;
      const range = isRepeat ? { from: latest, to: latest + WINDOW_MS } : ledger.regularRange(latest);
      this.#note(await collector.poll({ vdns: targets, range, latest }, signal), latest);
    }

    const isAnswering = this.#failures === 0 || this.#isPartial;
    if (
      isAnswering &&
      this.#catchUpFailedIn !== latest &&
      Math.max(this.#pausedUntil, this.#catchUpPausedUntil) <= clock.monotonic()
    ) {
      await this.#catchUp(latest, signal);
    }
    return this.#wait(latest);
  }

  /** Some VDNs fail, others are well. */
  get #isPartial(): boolean {
    const { vdns } = this.#options;
    return this.#failed !== 'all' && vdns !== 'all' && this.#failed.length < vdns.length;
  }

  async #catchUp(latest: number, signal: AbortSignal): Promise<void> {
    const { collector, ledger, logger } = this.#options;
    // After the clock was set back the ledger sees for itself what has to be asked for again.
    if (this.#progress !== undefined && latest < this.#progress.plan.latest) this.#progress = undefined;
    if (this.#progress === undefined) {
      const plan = ledger.catchUp(latest);
      if (plan === undefined) return;
      this.#progress = { plan, query: undefined, tries: 0, done: 0, counted: 0, isFinished: false, failed: [] };
    }
    const progress = this.#progress;
    const failure = await collector.catchUp(progress, latest, this.#nextStep(latest), signal);
    if (progress.isFinished) {
      this.#progress = undefined;
      this.#incomplete = progress.failed.length > 0 ? this.#incomplete + 1 : 0;
      if (this.#incomplete > 0)
        this.#catchUpPausedUntil = this.#options.clock.monotonic() + catchUpBackoff(this.#incomplete);
    }
    if (failure === undefined) return;
    this.#catchUpFailedIn = latest;
    this.#pauseFor(failure.retryAfterMs);
    const { reason, message, hint } = failure;
    logger.warn({ reason, error: message, hint }, 'Catching up failed; it goes on after the next window');
  }

  /** Sends nothing before the API wants to be asked again. */
  #pauseFor(retryAfterMs: number | undefined): void {
    const until = this.#options.clock.monotonic() + capRetryAfter(retryAfterMs);
    this.#pausedUntil = Math.max(this.#pausedUntil, until);
  }

  /** VDNs that did not answer, or have no row of the latest window yet. */
  #unfinished(latest: number): readonly number[] | 'all' {
    const { store, vdns, clock } = this.#options;
    if (this.#failed === 'all') return 'all';
    const known = vdns === 'all' ? [...store.fresh(clock.now())] : vdns;
    if (vdns === 'all' && known.length === 0) return 'all';
    const failed = new Set(this.#failed);
    return known.filter((id) => failed.has(id) || (store.newest(id) ?? -Infinity) < latest);
  }

  #note({ failure, failed, retryAfterMs }: PollOutcome, latest: number): void {
    const now = this.#options.clock.now();
    this.#polledLatest = latest;
    this.#failed = failed;
    this.#status = { ...this.#status, polls: this.#status.polls + 1, lastPollAt: now };
    if (failure !== undefined) {
      this.#pauseFor(retryAfterMs);
      this.#fail(failure);
    } else {
      if (this.#failures > 0) this.#options.logger.info({ failures: this.#failures }, 'The API answers again');
      else if (this.#status.lastSuccessAt === undefined) this.#options.logger.info('First poll succeeded');
      this.#failures = 0;
      this.#status = { ...this.#status, lastSuccessAt: now, isFailing: false };
    }
  }

  #fail(failure: ApiError): void {
    const { clock, logger } = this.#options;
    this.#failures++;
    const { hint, reason } = failure;
    // Of many VDNs one that the CMS refuses takes those with it that shared its request: say where to look.
    const failed = this.#failed;
    const message =
      this.#isPartial && failed !== 'all' ? `${failure.message} (VDNs ${toRuns(failed)})` : failure.message;
    this.#status = { ...this.#status, isFailing: true, lastFailure: { at: clock.now(), message, hint, reason } };
    logger.warn({ reason, error: message, hint, failures: this.#failures }, 'The poll failed');
  }

  /** When the next poll is due if nothing fails. */
  #nextStep(latest: number): number {
    const { clock, poll } = this.#options;
    // The clock was set back meanwhile: the windows that it shows now are asked for at once.
    if (latestDue(clock.now(), poll.settleDelayMs) < latest) return clock.now();
    const due = dueAfter(latest, poll.settleDelayMs);
    const unfinished = this.#unfinished(latest);
    const isMissing = unfinished === 'all' || unfinished.length > 0;
    return isMissing ? Math.min(due, clock.now() + poll.retryIntervalMs) : due;
  }

  #wait(latest: number): number {
    const { clock, poll, random } = this.#options;
    const now = clock.now();
    const due = Math.max(0, dueAfter(latest, poll.settleDelayMs) - now);
    let wait = Math.max(0, this.#nextStep(latest) - now);
    if (this.#failures > 0) {
      wait = backoff(this.#failures, poll.retryIntervalMs, random);
      // VDNs that are well do not wait for those that are not.
      if (this.#isPartial) wait = Math.min(wait, due);
    }
    return Math.max(wait, this.#pausedUntil - clock.monotonic());
  }
}

/** `1-100,205`: ids in their order, runs joined. */
function toRuns(ids: readonly number[]): string {
  const runs: [first: number, last: number][] = [];
  for (const id of [...ids].sort((a, b) => a - b)) {
    const run = runs.at(-1);
    if (run?.[1] === id - 1) run[1] = id;
    else runs.push([id, id]);
  }
  const text = runs.map(([first, last]) => (first === last ? String(first) : `${first}-${last}`)).join(',');
  return text.length > 200 ? `${text.slice(0, 200)}...` : text;
}
