import { readFile } from 'node:fs/promises';
import { chunks } from '../cms/client.ts';
import { connectionsTo } from '../cms/connections.ts';
import {
  addWindow,
  GrowthCounter,
  type Intervals,
  intervalsOf,
  sampleRange,
  sampleSlices,
  selectorOf,
  type Sums,
} from '../history/counter-growth.ts';
import { verdictOf } from '../history/audit-report.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { loadConfig } from '../config/load.ts';
import { DEFAULT_TLS } from '../config/schema.ts';
import { OperationError, UsageError } from '../core/errors.ts';
import { type HistoryPlan, type HistoryTarget, planHistory } from '../history/plan.ts';
import { streamOutput } from '../history/output.ts';
import { fetchHistory } from '../history/fetch.ts';
import { type Progress, startProgress } from '../history/progress.ts';
import { createPrometheus, parseHeaders, type Prometheus, targetOf } from '../history/prometheus-client.ts';
import { formatRange, parseRange } from '../history/time-range.ts';
import { WINDOW_MS, windowAt, windowsBetween } from '../core/window.ts';
import { readFlags, required, wholeNumber } from './flags.ts';
import type { CommandIo } from './io.ts';
import { SELECTION_FLAGS, select, type Selection, targetsOf } from './selection.ts';
import { errorCode } from '../core/format.ts';

const AUDIT_USAGE = `Usage: aicc-cti-exporter audit --config.file=FILE --prometheus.url=URL --from=TIME --to=TIME [flags]

Compares the API's sums per VDN with what Prometheus counted; returns 1 when they differ.

  --config.file=FILE     configuration (required)
  --prometheus.url=URL   Prometheus, or anything with its query API (required);
                         http://user:password@host:9090/path is possible
  --prometheus.headers-file=FILE
                         headers for it, one a line, such as Authorization: Bearer TOKEN
  --from=TIME, --to=TIME the range: 2026-01-31T00:00:00Z, now, -31d, -1h30m (required)
  --call-center=NAME     this call center alone
  --vdn=IDS              these VDNs alone: 1,2,10-19
  --concurrency=N        requests to the API at once, 1 to 16 (default 2)
  --help
`;

/** Time limit for one connection to Prometheus. */
const CONNECT_TIMEOUT_MS = 10_000;

/** What is compared, and where. */
interface Comparison {
  readonly selections: readonly Selection[];
  readonly targets: readonly HistoryTarget[];
  readonly intervals: Intervals;
  readonly plan: HistoryPlan;
  readonly io: CommandIo;
  readonly clock: Clock;
}

/** Shows the progress of `work`, and stops showing it also after a failure. */
async function withProgress<T>(
  title: string,
  { io, clock, plan }: Comparison,
  work: (progress: Progress) => Promise<T>,
) {
  const progress = startProgress({ title, stream: io.stderr, clock, total: plan.expected, done: 0 });
  try {
    return await work(progress);
  } finally {
    progress.stop();
  }
}

/** The API's sums of the VDNs that have rows, by target. */
async function sumsOfApi(
  comparison: Comparison,
  concurrency: number,
  progress: Progress,
): Promise<Map<number, Sums>[]> {
  const { selections, targets, intervals, plan, io, clock } = comparison;
  const sums = targets.map(() => new Map<number, Sums>());
  const responses = fetchHistory(
    {
      plan,
      callCenters: selections.map(({ config }) => config),
      clock,
      environment: io.env,
      random: Math.random,
      concurrency,
      progress,
    },
    0,
    io.signal,
  );
  for await (const { step, result } of responses) {
    const { callCenter } = targets[step.target] ?? { callCenter: '' };
    if (result.failure !== undefined) {
      throw new OperationError(
        `${callCenter}: ${result.failure.message}\nWithout all rows nothing can be compared: try again`,
      );
    }
    for (const window of result.windows) addWindow(sums[step.target] ?? new Map<number, Sums>(), window, intervals);
  }
  return sums;
}

/** What Prometheus counted for the VDNs of each target. */
async function countedBy(
  prometheus: Prometheus,
  { targets, intervals, io }: Comparison,
  progress: Progress,
): Promise<Map<number, Sums>[]> {
  const counted: Map<number, Sums>[] = [];
  let done = 0;
  for (const { callCenter, vdns } of targets) {
    const totals = new Map<number, Sums>();
    for (const ids of vdns === 'all' ? [vdns] : chunks(vdns)) {
      const growth = new GrowthCounter(intervals);
      for (const slice of sampleSlices(sampleRange(intervals), ids)) {
        const series = await prometheus.samples(selectorOf(callCenter, ids), slice.from, slice.to, io.signal);
        for (const one of series) growth.add(one);
        const windows = windowsBetween(slice.from, Math.min(slice.to, intervals.to));
        done += Math.max(0, windows) * (ids === 'all' ? 1 : ids.length);
        progress.update(done);
      }
      for (const [vdn, sums] of growth.totals()) totals.set(vdn, sums);
    }
    counted.push(totals);
  }
  return counted;
}

/** The latest range whose last window can have been scraped: one that ended 5 minutes ago. */
function auditable(flags: { from?: string | undefined; to?: string | undefined }, now: number) {
  const range = parseRange({ from: flags.from, to: flags.to }, now);
  const to = Math.min(range.to, windowAt(now) - WINDOW_MS);
  return { range: { from: range.from, to }, isMoved: range.isMoved || to !== range.to };
}

async function headersOf(file: string | undefined): Promise<Record<string, string>> {
  if (file === undefined) return {};
  let text: string;
  try {
    text = await readFile(file, 'utf8');
  } catch (cause) {
    const reason = errorCode(cause) ?? String(cause);
    throw new UsageError(`--prometheus.headers-file: ${file} cannot be read: ${reason}`, { cause });
  }
  return parseHeaders(text, file);
}

/** @throws UsageError; OperationError when no window of the range can have been scraped */
function parseFlags(args: readonly string[], now: number) {
  const flags = readFlags(args, {
    ...SELECTION_FLAGS,
    'prometheus.url': { type: 'string' },
    'prometheus.headers-file': { type: 'string' },
    concurrency: { type: 'string', default: '2' },
  });
  const parsed = {
    configFile: required('config.file', flags['config.file']),
    url: required('prometheus.url', flags['prometheus.url']),
    concurrency: wholeNumber('concurrency', flags.concurrency, 1, 16),
    headersFile: flags['prometheus.headers-file'],
    selection: { callCenter: flags['call-center'], vdn: flags.vdn },
    ...auditable(flags, now),
  };
  if (parsed.range.from < parsed.range.to) return parsed;
  throw new OperationError('No window of the range ended at least 5 minutes ago');
}

/**
 * Compares; returns 0 when nothing differs, else 1.
 * @throws UsageError, ConfigError, OperationError; the reason of `io.signal` when it is aborted
 */
export async function audit(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(AUDIT_USAGE);
    return 0;
  }
  const flags = parseFlags(args, clock.now());
  const headers = await headersOf(flags.headersFile);
  const warnings = new Set<string>();
  const connections = connectionsTo({
    ...{ url: targetOf(flags.url).endpoint.href, tls: DEFAULT_TLS, proxyUrl: undefined, environment: io.env },
    ...{ connections: 1, connectTimeoutMs: CONNECT_TIMEOUT_MS, onCertificate: () => undefined },
  });
  try {
    const onWarning = (text: string) => warnings.add(text);
    const dispatcher = await connections.dispatcher();
    const prometheus = createPrometheus({ url: flags.url, headers, dispatcher, onWarning });
    const selections = select(await loadConfig(flags.configFile, io.env), flags.selection);
    const { range } = flags;
    if (flags.isMoved)
      io.stderr.write(`Aligned to 5-minute windows that can have been scraped: ${formatRange(range)}\n`);

    const targets = targetsOf(selections);
    const plan = planHistory(targets, range);
    const comparison = { selections, targets, intervals: intervalsOf(range), plan, io, clock };
    // Prometheus first: reading the API can take an hour, and a wrong URL of Prometheus should show before.
    const counted = await withProgress('Prometheus', comparison, (progress) =>
      countedBy(prometheus, comparison, progress),
    );
    const api = await withProgress('API', comparison, (progress) => sumsOfApi(comparison, flags.concurrency, progress));
    for (const warning of warnings) io.stderr.write(`Warning: ${warning}\n`);
    const { lines, isClean } = verdictOf(targets, comparison.intervals, api, counted);
    const stdout = streamOutput(io.stdout, 'the standard output');
    for (const line of lines) await stdout.write(`${line}\n`);
    await stdout.sync();
    return isClean ? 0 : 1;
  } finally {
    await connections.close();
  }
}
