import { Backfill, type BackfillJob, type BackfillState } from '../history/backfill.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { formatDuration } from '../core/duration.ts';
import { loadConfig } from '../config/load.ts';
import type { Config, Vdn } from '../config/schema.ts';
import { OperationError, UsageError } from '../core/errors.ts';
import { count } from '../core/format.ts';
import { isSameJob, parseState } from '../history/checkpoint.ts';
import { expectedBefore, planHistory } from '../history/plan.ts';
import {
  fileOutput,
  loadState,
  type Output,
  removeState,
  saveState,
  stateFileOf,
  streamOutput,
} from '../history/output.ts';
import { fetchHistory } from '../history/fetch.ts';
import { HistoryText } from '../history/samples.ts';
import { type Progress, startProgress } from '../history/progress.ts';
import { formatRange, isRelative, parseRange, parseTime } from '../history/time-range.ts';
import { BACKFILL_USAGE, type BackfillFlags, jobOf, parseFlags } from './backfill-flags.ts';
import type { CommandIo } from './io.ts';
import { select, type Selection } from './selection.ts';

/** The state is saved this often. After a crash, what was written since is cut off and fetched again. */
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

/** The job of this command, and where to resume it. */
interface Start {
  readonly job: BackfillJob;
  readonly state: BackfillState | undefined;
}

/** @throws UsageError, OperationError */
async function prepare(
  flags: BackfillFlags,
  config: Config,
  selections: readonly Selection[],
  { clock, io }: { readonly clock: Clock; readonly io: CommandIo },
): Promise<Start> {
  const now = clock.now();
  if (flags.resume) {
    const given = { from: flags.from ?? '-1d', to: flags.to ?? 'now' };
    const state = await resumeFrom(flags, jobOf({ ...flags, ...given }, config, selections, now), now);
    return { job: state.job, state };
  }
  const job = jobOf(flags, config, selections, now);
  if (parseRange(flags, now).isMoved) io.stderr.write(`Aligned to 5-minute windows: ${formatRange(job.range)}\n`);
  await refuseUnfinished(flags);
  return { job, state: undefined };
}

async function openOutput({ output, force }: BackfillFlags, resumeAt: number | undefined, io: CommandIo) {
  return output === '-' ? streamOutput(io.stdout, 'the standard output') : fileOutput(output, { resumeAt, force });
}

/**
 * Runs a backfill to its end; returns the exit code. It can be resumed after every failure except a wrong command line.
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
  const { job, state } = await prepare(flags, config, selections, { clock, io });
  const plan = planHistory(job.targets, job.range);
  const output = await openOutput(flags, state?.bytes, io);
  const text = new HistoryText({ ...job, labelNames: config.vdnLabelNames });
  const ccIdOf = (target: number) => selections[target]?.config.ccId;
  const describe = describer(config, selections);
  const work = new Backfill({ job, plan, text, output, describe, ccIdOf }, state);

  if (state !== undefined) io.stderr.write(`Resuming ${flags.output}: ${formatRange(job.range)}\n`);
  const done = expectedBefore(plan, work.next);
  const progress = startProgress({ title: 'Backfill', stream: io.stderr, clock, total: plan.expected, done });
  const callCenters = selections.map(({ config: callCenter }) => callCenter);
  const { concurrency } = flags;
  const { env: environment, signal } = io;
  const source = { plan, callCenters, clock, environment, random: Math.random, concurrency, progress };
  const started = clock.monotonic();
  await run({ work, responses: fetchHistory(source, work.next, signal), output, flags, progress, clock, signal });

  const took = formatDuration(Math.round((clock.monotonic() - started) / 1000) * 1000);
  const size = `${(output.bytes / 1e6).toFixed(1)} MB`;
  io.stderr.write(`Wrote ${flags.output}: ${count(work.windows, 'window')}, ${size}, in ${took}\n`);
  for (const line of work.report()) io.stderr.write(`${line}\n`);
  return work.isIncomplete ? 1 : 0;
}

/** An unfinished backfill is overwritten only with --force, even if its output is gone. */
async function refuseUnfinished({ output, force }: BackfillFlags): Promise<void> {
  if (output === '-' || force || (await loadState(stateFileOf(output))) === undefined) return;
  throw new UsageError(`${output} is an unfinished backfill: add --resume to go on, or --force to start again`);
}

interface Run {
  readonly work: Backfill;
  readonly responses: ReturnType<typeof fetchHistory>;
  readonly output: Output;
  readonly flags: BackfillFlags;
  readonly progress: Progress;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Takes every response. On a failure it saves a state to resume from. */
async function run({ work, responses, output, flags, progress, clock, signal }: Run): Promise<void> {
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
    for await (const response of responses) {
      await work.take(response);
      state = work.toState();
      if (clock.monotonic() - (savedAt ?? 0) >= CHECKPOINT_MS) await save();
    }
    await work.end();
    if (isFile) await removeState(stateFile);
  } catch (error) {
    progress.stop();
    if (error !== signal.reason && !(error instanceof OperationError)) throw error;
    const what = error instanceof OperationError ? error.message : 'Interrupted';
    throw new OperationError(`${what}\n${await saveForResume(save, () => savedAt !== undefined, flags.output)}`, {
      cause: error,
    });
  } finally {
    progress.stop();
    await output.close();
  }
}

/** Saves the state of an unfinished backfill if possible; returns what the user can do next. */
async function saveForResume(save: () => Promise<void>, isSaved: () => boolean, output: string): Promise<string> {
  if (output === '-') return 'What was written is not complete';
  try {
    await save();
  } catch {
    // The state of the last checkpoint is still there: only more has to be fetched again.
  }
  if (!isSaved()) return `${output} is not complete: delete it`;
  return `${output} is not complete: repeat the command with --resume to go on, or delete it and ${stateFileOf(output)}`;
}
