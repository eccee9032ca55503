import type { Vdn } from '../config/schema.ts';
import { Gaps, type GapsState } from './gaps.ts';
import type { HistoryPlan, HistoryTarget } from './plan.ts';
import type { Output } from './output.ts';
import type { HistoryResponse } from './fetch.ts';
import { type Account, continueAccounts, type HistoryFormat, type HistoryText } from './samples.ts';
import { NO_TOTALS } from '../ledger/vdn-account.ts';
import type { WindowRange } from '../core/window.ts';
import { count } from '../core/format.ts';

/** What is written depends on this and on the responses of the API alone. */
export interface BackfillJob {
  readonly targets: readonly HistoryTarget[];
  readonly range: WindowRange;
  readonly format: HistoryFormat;
  readonly extraLabels: readonly (readonly [name: string, value: string])[];
}

/** The state of a backfill between two steps. Plain data: it is stored as JSON. */
export interface BackfillState {
  readonly version: 1;
  readonly job: BackfillJob;
  /** Index of the next step. */
  readonly next: number;
  /** Length of what is written, in bytes. */
  readonly bytes: number;
  readonly windows: number;
  /** Of the VDNs of the current group. */
  readonly accounts: readonly (readonly [vdn: number, account: Account])[];
  readonly gaps: GapsState;
  /** Rows that were not used, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Queries whose rows did not add up to the count of the API. */
  readonly incomplete: number;
}

export interface BackfillOptions {
  readonly job: BackfillJob;
  readonly plan: HistoryPlan;
  readonly text: HistoryText;
  readonly output: Output;
  readonly describe: (target: number, vdn: number) => Vdn;
  readonly ccIdOf: (target: number) => number | undefined;
}

/** Turns responses into samples, step by step. */
export class Backfill {
  readonly #options: BackfillOptions;
  readonly #accounts: Map<number, Account>;
  readonly #gaps: Gaps;
  readonly #rejected: Map<string, number>;
  #next: number;
  #windows: number;
  #incomplete: number;

  constructor(options: BackfillOptions, state?: BackfillState) {
    this.#options = options;
    this.#accounts = new Map(state?.accounts);
    this.#gaps = new Gaps(state?.gaps);
    this.#rejected = new Map(Object.entries(state?.rejected ?? {}));
    this.#next = state?.next ?? 0;
    this.#windows = state?.windows ?? 0;
    this.#incomplete = state?.incomplete ?? 0;
  }

  get next(): number {
    return this.#next;
  }

  get windows(): number {
    return this.#windows;
  }

  get isIncomplete(): boolean {
    return this.#incomplete > 0;
  }

  /** Writes what comes before the first step. */
  async start(): Promise<void> {
    await this.#options.output.write(this.#options.text.head());
  }

  /** Writes the samples of the next step. @throws OperationError when the output takes no more */
  async take({ step, result }: HistoryResponse): Promise<void> {
    const { job, text, output, describe, ccIdOf } = this.#options;
    const { target, query } = step;
    if (step.isFirstOfGroup) {
      this.#accounts.clear();
      // Every listed VDN is expected from the start; with `all` it is known from its first row on.
      const ids = query.vdns === 'all' ? [] : query.vdns;
      for (const vdn of ids) this.#accounts.set(vdn, { totals: NO_TOTALS, upTo: job.range.from });
    }
    const stretches = continueAccounts(
      result.windows,
      this.#accounts,
      (vdn, gap) => {
        this.#gaps.add(target, vdn, gap);
      },
      (vdn) => describe(target, vdn),
    );
    const callCenter = job.targets[target]?.callCenter ?? '';
    for (const piece of text.samples(callCenter, ccIdOf(target), stretches)) await output.write(piece);
    if (step.isLastOfGroup) this.#endGroup(target);

    this.#windows += result.windows.length;
    for (const { reason } of result.rejected) this.#rejected.set(reason, (this.#rejected.get(reason) ?? 0) + 1);
    if (result.failure !== undefined) this.#incomplete++;
    this.#next++;
  }

  #endGroup(target: number): void {
    const { range } = this.#options.job;
    for (const [vdn, { totals, upTo }] of this.#accounts) {
      if (totals.windows === 0) this.#gaps.addSilent(target, vdn, range);
      else if (upTo < range.to) this.#gaps.add(target, vdn, { from: upTo, to: range.to });
    }
  }

  /** Writes what comes after the last step. */
  async end(): Promise<void> {
    await this.#options.output.write(this.#options.text.end());
    await this.#options.output.sync();
  }

  /** The current state. Call it only between two steps. */
  toState(): BackfillState {
    return {
      version: 1,
      job: this.#options.job,
      next: this.#next,
      bytes: this.#options.output.bytes,
      windows: this.#windows,
      accounts: [...this.#accounts],
      gaps: this.#gaps.toState(),
      rejected: Object.fromEntries(this.#rejected),
      incomplete: this.#incomplete,
    };
  }

  /** Gaps, unused rows and incomplete queries, as lines for the user. */
  report(): string[] {
    const lines = this.#gaps.report(this.#options.job.targets);
    for (const [reason, rows] of this.#rejected) lines.push(`Not used: ${count(rows, 'row')} (${reason})`);
    if (this.#incomplete > 0) {
      const queries = count(this.#incomplete, 'query', 'queries');
      lines.push(`Incomplete: ${queries} brought fewer rows than the API counted, read three times`);
    }
    return lines;
  }
}
