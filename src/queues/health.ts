import { backoff } from '../cms/backoff.ts';
import { after, type Clock, type Moment, momentOf } from '../core/clock.ts';
import type { ApiError, FailureReason } from '../core/errors.ts';
import { oneLine } from '../core/format.ts';
import type { Logger } from '../core/log.ts';
import { type QueueInterface, REFUSAL_CODES } from './interfaces.ts';

/** How one interface is doing. Times are milliseconds since the epoch. */
export interface InterfaceStatus {
  /** Whether the last request for every VDN succeeded. */
  readonly isUp: boolean;
  /** Whether the CMS does not offer it, or the access key may not use it. */
  readonly isRefused: boolean;
  readonly lastSuccessAt: number | undefined;
  readonly lastFailure: { readonly at: number; readonly message: string; readonly hint: string } | undefined;
  readonly requests: number;
  readonly failures: ReadonlyMap<FailureReason, number>;
  readonly rejectedRows: number;
}

export interface HealthOptions {
  readonly name: QueueInterface;
  readonly clock: Clock;
  readonly logger: Logger;
  /** 0 <= random() < 1. */
  readonly random: () => number;
  /** The shortest pause after failures. */
  readonly retryIntervalMs: number;
  /** VDNs that are requested. */
  readonly vdns: number;
}

/** How often a refused interface is tried. */
const REFUSED_RETRY_MS = 3_600_000;

/** So many failures in a row, of as many VDNs, are a problem of the CMS and not of one VDN. */
const FAILURES_TO_PAUSE = 3;

const REJECTED_LOG_INTERVAL_MS = 3_600_000;
const MAX_EXAMPLE = 200;
const PAST: Moment = { now: -Infinity, monotonic: -Infinity };

/** Follows one interface: whether it responds, how long to leave it alone, and what the log says about it. */
export class InterfaceHealth {
  readonly #options: HealthOptions;
  readonly #failing = new Set<number>();
  readonly #failures = new Map<FailureReason, number>();
  #failuresInRow = 0;
  #isRefused = false;
  #lastSuccessAt: number | undefined;
  #lastFailure: InterfaceStatus['lastFailure'];
  #requests = 0;
  #rejectedRows = 0;
  #rejectedLoggedAt = -Infinity;
  #pausedUntil = PAST;

  /** @param previous of the call center before a change of the config: its counts go on */
  constructor(options: HealthOptions, previous?: InterfaceStatus) {
    this.#options = options;
    if (previous === undefined) return;
    this.#requests = previous.requests;
    this.#rejectedRows = previous.rejectedRows;
    this.#failures = new Map(previous.failures);
    this.#lastSuccessAt = previous.lastSuccessAt;
  }

  get status(): InterfaceStatus {
    return {
      isUp: this.#lastSuccessAt !== undefined && this.#failing.size === 0 && !this.#isRefused,
      isRefused: this.#isRefused,
      lastSuccessAt: this.#lastSuccessAt,
      lastFailure: this.#lastFailure,
      requests: this.#requests,
      failures: this.#failures,
      rejectedRows: this.#rejectedRows,
    };
  }

  /** Nothing may be sent before this moment. */
  get pausedUntil(): Moment {
    return this.#pausedUntil;
  }

  /** Counts a request, whatever came of it. */
  countRequest(failure: FailureReason | undefined): void {
    this.#requests++;
    if (failure !== undefined) this.#failures.set(failure, (this.#failures.get(failure) ?? 0) + 1);
  }

  succeeded(vdn: number): void {
    const { clock, logger, name } = this.#options;
    if (this.#isRefused) logger.info({ interface: name }, 'The CMS offers the interface now');
    else if (this.#failing.delete(vdn) && this.#failing.size === 0)
      logger.info({ interface: name }, 'The interface responds again');
    this.#failing.delete(vdn);
    this.#isRefused = false;
    this.#failuresInRow = 0;
    this.#lastSuccessAt = clock.now();
  }

  failed(vdn: number, error: ApiError): void {
    const { clock } = this.#options;
    const { message, hint } = error;
    this.#lastFailure = { at: clock.now(), message, hint };
    if (REFUSAL_CODES.includes(error.resultCode ?? '')) this.#refused(error);
    else this.#failedOnce(vdn, error);
  }

  #refused({ resultCode: code, hint, message: error }: ApiError): void {
    const { clock, logger, name } = this.#options;
    this.#pausedUntil = after(momentOf(clock), REFUSED_RETRY_MS);
    if (this.#isRefused) return;
    this.#isRefused = true;
    this.#failing.clear();
    logger.warn({ interface: name, code, error, hint }, 'The CMS refuses the interface: it is tried once an hour');
  }

  #failedOnce(vdn: number, { reason, message, hint, retryAfterMs }: ApiError): void {
    const { logger, name, vdns, retryIntervalMs, random } = this.#options;
    if (this.#failing.size === 0)
      logger.warn({ interface: name, vdn, reason, error: message, hint }, 'A request failed');
    this.#failing.add(vdn);
    this.#failuresInRow++;
    const isOfCms = retryAfterMs !== undefined || this.#failuresInRow >= Math.min(FAILURES_TO_PAUSE, vdns);
    if (isOfCms) this.#pause(backoff(this.#failuresInRow, retryIntervalMs, random, retryAfterMs));
  }

  #pause(ms: number): void {
    const until = after(momentOf(this.#options.clock), ms);
    if (until.monotonic > this.#pausedUntil.monotonic) this.#pausedUntil = until;
  }

  /** Counts rows that were not used, and logs an example of them once an hour. */
  rejected(vdn: number, details: readonly string[]): void {
    const [example] = details;
    if (example === undefined) return;
    const { clock, logger, name } = this.#options;
    this.#rejectedRows += details.length;
    if (clock.monotonic() - this.#rejectedLoggedAt < REJECTED_LOG_INTERVAL_MS) return;
    this.#rejectedLoggedAt = clock.monotonic();
    const fields = { interface: name, vdn, rows: details.length, example: oneLine(example, MAX_EXAMPLE) };
    logger.warn(fields, 'Rows of the CMS were rejected');
  }
}
