import { Backfill, type BackfillJob, type BackfillState } from '../history/backfill.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { loadConfig } from '../config/load.ts';
import type { Config, Vdn } from '../config/schema.ts';
import { OperationError, UsageError } from '../core/errors.ts';
import { count } from '../core/format.ts';
import { isSameJob, parseState } from '../history/checkpoint.ts';
import { planHistory } from '../history/plan.ts';
import {
  fileOutput,
  loadState,
  type Output,
  removeState,
  saveState,
  stateFileOf,
  streamOutput,
} from '../history/output.ts';
import { historyAnswers } from '../history/fetch.ts';
import { HistoryText } from '../history/samples.ts';
import { type Progress, startProgress } from '../history/progress.ts';
import { formatRange, isRelative, parseRange, parseTime } from '../history/time-range.ts';
import { BACKFILL_USAGE, type BackfillFlags, jobOf, parseFlags } from './backfill-flags.ts';
import type { CommandIo } from './io.ts';
import { select, type Selection } from './selection.ts';

/** The state is saved this often; after a crash what was written since is cut off and fetched again. */
const CHECKPOINT_MS = 2000;

/** The stored state of the same job. Relative times keep the meaning that they had in the first run. */
async function resumeFrom(flags: BackfillFlags, job: BackfillJob, now: number): Promise<BackfillState> {
  const file = stateFileOf(flags.output);
  const stored = await loadState(file);
  if (stored === undefined) {
    throw new UsageError(`There is nothing to resume: ${file} does not exist; leave out --resume`);
  }
  const state = parseState(stored);
  if (state === undefined) {
    throw new OperationError(`${file} is damaged or was written by another version: start again with --force`);
  }
  const { range } = state.job;
  const isMoved = (text: string | undefined, edge: number): boolean =>
    text !== undefined && !isRelative(text) && parseTime(text, now) !== edge;
  if (!isSameJob(state.job, job) || isMoved(flags.from, range.from) || isMoved(flags.to, range.to)) {
    throw new UsageError(
      `${file} belongs to a backfill of ${formatRange(range)} with other flags or VDNs: repeat its command, or start again with --force`,
    );
  }
  return state;
}

/** The VDN as configured; one that only the API knows has no name. */
function describer({ vdnLabelNames }: Config, selections: readonly Selection[]) {
  const labels = Object.fromEntries(vdnLabelNames.map((name) => [name, '']));
  const known = selections.map(({ vdns }) => new Map(vdns === 'all' ? [] : vdns.map((vdn) => [vdn.id, vdn])));
  return (target: number, id: number): Vdn => known[target]?.get(id) ?? { id, name: '', labels };
}

/**
 * Runs a backfill to its end; returns the exit code. It can be resumed after every failure but those of the command
 * line.
 * @throws UsageError, ConfigError, OperationError
 */
export async function backfill(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(BACKFILL_USAGE);
    return 0;
  }
  const flags = parseFlags(args);
  const config = await loadConfig(flags.configFile, io.env);
  for (const warning of config.warnings) io.stderr.write(`Warning: ${warning}\n`);
  const selections = select(config, flags);
  const now = clock.now();
  let state: BackfillState | undefined;
  let job: BackfillJob;
  if (flags.resume) {
    const given = { from: flags.from ?? '-1d', to: flags.to ?? 'now' };
    state = await resumeFrom(flags, jobOf({ ...flags, ...given }, config, selections, now), now);
    job = state.job;
  } else {
    job = jobOf(flags, config, selections, now);
    if (parseRange(flags, now).isMoved) io.stderr.write(`Aligned to 5-minute windows: ${formatRange(job.range)}\n`);
    await refuseUnfinished(flags);
  }

  const plan = planHistory(job.targets, job.range);
  const output =
    flags.output === '-'
      ? streamOutput(io.stdout, 'the standard output')
      : await fileOutput(flags.output, { resumeAt: state?.bytes, force: flags.force });
  const text = new HistoryText({ ...job, labelNames: config.vdnLabelNames });
  const ccIdOf = (target: number) => selections[target]?.config.ccId;
  const describe = describer(config, selections);
  const work = new Backfill({ job, plan, text, output, describe, ccIdOf }, state);

  let done = 0;
  for (let index = 0; index < work.next; index++) done += plan.at(index).expected;
  if (state !== undefined) io.stderr.write(`Resuming ${flags.output}: ${formatRange(job.range)}\n`);
  const progress = startProgress({ title: 'Backfill', stream: io.stderr, clock, total: plan.expected, done });
  const answers = historyAnswers(
    {
      plan,
      callCenters: selections.map(({ config: callCenter }) => callCenter),
      clock,
      environment: io.env,
      random: Math.random,
      concurrency: flags.concurrency,
      progress,
    },
    work.next,
    io.signal,
  );
  const started = clock.monotonic();
  await run({ work, answers, output, flags, progress, clock, signal: io.signal });

  const took = formatDuration(Math.round((clock.monotonic() - started) / 1000) * 1000);
  const size = `${(output.bytes / 1e6).toFixed(1)} MB`;
  io.stderr.write(`Wrote ${flags.output}: ${count(work.windows, 'window')}, ${size}, in ${took}\n`);
  for (const line of work.report()) io.stderr.write(`${line}\n`);
  return work.isIncomplete ? 1 : 0;
}

/** An unfinished backfill is not overwritten unasked, even if its output is gone. */
async function refuseUnfinished({ output, force }: BackfillFlags): Promise<void> {
  if (output === '-' || force || (await loadState(stateFileOf(output))) === undefined) return;
  throw new UsageError(`${output} is an unfinished backfill: add --resume to go on, or --force to start again`);
}

interface Run {
  readonly work: Backfill;
  readonly answers: ReturnType<typeof historyAnswers>;
  readonly output: Output;
  readonly flags: BackfillFlags;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Takes every answer; leaves a state to resume from when it cannot. */
async function run({ work, answers, output, flags, progress, clock, signal }: Run): Promise<void> {
  const isFile = flags.output !== '-';
  const stateFile = stateFileOf(flags.output);
  let state = work.toState();
  let savedAt: number | undefined;
  const save = async (): Promise<void> => {
    if (!isFile) return;
    await output.sync();
    await saveState(stateFile, state);
    savedAt = clock.monotonic();
  };
  try {
    await save();
    if (output.bytes === 0) await work.start();
    state = work.toState();
    for await (const answer of answers) {
      await work.take(answer);
      state = work.toState();
      if (clock.monotonic() - (savedAt ?? 0) >= CHECKPOINT_MS) await save();
    }
    await work.end();
    if (isFile) await removeState(stateFile);
  } catch (error) {
    progress.stop();
    if (error !== signal.reason && !(error instanceof OperationError)) throw error;
    const what = error instanceof OperationError ? error.message : 'Interrupted';
    throw new OperationError(`${what}\n${await leave(save, () => savedAt !== undefined, flags.output)}`, {
      cause: error,
    });
  } finally {
    progress.stop();
    await output.close();
  }
}

/** Saves where an unfinished backfill stands, as far as that is possible, and says how to go on. */
async function leave(save: () => Promise<void>, isSaved: () => boolean, output: string): Promise<string> {
  if (output === '-') return 'What was written is not complete';
  try {
    await save();
  } catch {
    // The state of the last checkpoint is still there: more is fetched again.
  }
  if (!isSaved()) return `${output} is not complete: delete it`;
  return `${output} is not complete: repeat the command with --resume to go on, or delete it and ${stateFileOf(output)}`;
}
