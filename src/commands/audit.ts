import { EnvHttpProxyAgent } from 'undici';
import { chunks } from '../api/client.ts';
import {
  addWindow,
  AUDITED,
  compare,
  type Difference,
  GrowthCounter,
  sampleRange,
  sampleSlices,
  selectorOf,
  type Sums,
} from '../audit.ts';
import { type Clock, systemClock } from '../clock.ts';
import { loadConfig } from '../config/load.ts';
import { OperationError } from '../errors.ts';
import { count } from '../gaps.ts';
import { type HistoryTarget, planHistory } from '../history.ts';
import { streamOutput } from '../history-output.ts';
import { historyAnswers } from '../history-source.ts';
import { startProgress } from '../progress.ts';
import { createPrometheus, type Prometheus } from '../prometheus-api.ts';
import { formatRange, parseRange } from '../time.ts';
import { WINDOW_MS, windowAt, type WindowRange } from '../window.ts';
import { type CommandIo, readFlags, required, select, type Selection, wholeNumber } from './flags.ts';

export const AUDIT_USAGE = `Usage: aicc-cti-exporter audit --config.file=FILE --prometheus.url=URL --from=TIME --to=TIME [flags]

Compares the API's sums per VDN with what Prometheus counted; returns 1 when they differ.

  --config.file=FILE     configuration (required)
  --prometheus.url=URL   Prometheus, or anything with its query API (required);
                         http://user:password@host:9090/path is possible
  --from=TIME, --to=TIME the range: 2026-01-31T00:00:00Z, now, -31d, -1h30m (required)
  --call-center=NAME     this call center alone
  --vdn=IDS              these VDNs alone: 1,2,10-19
  --concurrency=N        requests to the API at once, 1 to 16 (default 2)
  --help
`;

/** The API's sums of the VDNs that have rows, by target. */
async function sumsOfApi(
  selections: readonly Selection[],
  targets: readonly HistoryTarget[],
  range: WindowRange,
  options: { io: CommandIo; clock: Clock; concurrency: number },
): Promise<Map<number, Sums>[]> {
  const { io, clock, concurrency } = options;
  const plan = planHistory(targets, range);
  const progress = startProgress({ title: 'Audit', stream: io.stderr, clock, total: plan.expected, done: 0 });
  const sums = targets.map(() => new Map<number, Sums>());
  const answers = historyAnswers(
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
  try {
    for await (const { step, result } of answers) {
      const { callCenter } = targets[step.target] ?? { callCenter: '' };
      if (result.failure !== undefined) throw new OperationError(`${callCenter}: ${result.failure.message}`);
      for (const window of result.windows) {
        const ofTarget = sums[step.target];
        ofTarget?.set(window.vdn, addWindow(ofTarget.get(window.vdn), window));
      }
    }
  } catch (error) {
    throw error === io.signal.reason ? new OperationError('Interrupted', { cause: error }) : error;
  } finally {
    progress.stop();
  }
  return sums;
}

/** What Prometheus counted for a call center's VDNs. */
async function countedBy(
  prometheus: Prometheus,
  { callCenter, vdns }: HistoryTarget,
  range: WindowRange,
  signal: AbortSignal,
): Promise<Map<number, Sums>> {
  const totals = new Map<number, Sums>();
  for (const ids of vdns === 'all' ? [vdns] : chunks(vdns)) {
    const growth = new GrowthCounter(range);
    for (const slice of sampleSlices(sampleRange(range), ids)) {
      const series = await prometheus.samples(selectorOf(callCenter, ids), slice.from, slice.to, signal);
      for (const one of series) growth.add(one);
    }
    for (const [vdn, sums] of growth.totals()) totals.set(vdn, sums);
  }
  return totals;
}

function lineOf(callCenter: string, { vdn, metric, api, counted }: Difference): string {
  const found = counted === undefined ? 'no series' : String(counted);
  const off = (counted ?? 0) - api;
  return `${callCenter} VDN ${vdn}: ${metric}: API ${api}, Prometheus ${found} (${off > 0 ? '+' : ''}${off})`;
}

/** The latest range whose last window can have been scraped: one that ended 5 minutes ago. */
function auditable(flags: { from: string | undefined; to: string | undefined }, now: number) {
  const range = parseRange(flags, now);
  const to = Math.min(range.to, windowAt(now) - WINDOW_MS);
  return { range: { from: range.from, to }, isMoved: range.isMoved || to !== range.to };
}

/**
 * Compares; returns 0 when nothing differs, else 1.
 * @throws UsageError, ConfigError, OperationError
 */
export async function audit(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(AUDIT_USAGE);
    return 0;
  }
  const flags = readFlags(args, {
    'config.file': { type: 'string' },
    'prometheus.url': { type: 'string' },
    'call-center': { type: 'string' },
    vdn: { type: 'string' },
    from: { type: 'string' },
    to: { type: 'string' },
    concurrency: { type: 'string', default: '2' },
  });
  const configFile = required('config.file', flags['config.file']);
  const url = required('prometheus.url', flags['prometheus.url']);
  const concurrency = wholeNumber('concurrency', flags.concurrency, 1, 16);
  const { range, isMoved } = auditable({ from: flags.from, to: flags.to }, clock.now());
  if (range.from >= range.to) throw new OperationError('No window of the range ended at least 5 minutes ago');
  const dispatcher = new EnvHttpProxyAgent();
  const prometheus = createPrometheus({ url, dispatcher });
  const config = await loadConfig(configFile, io.env);
  const selections = select(config, { callCenter: flags['call-center'], vdn: flags.vdn });
  if (isMoved) io.stderr.write(`Aligned to 5-minute windows that can have been scraped: ${formatRange(range)}\n`);

  const targets = selections.map(({ config: { name }, vdns }) => ({
    callCenter: name,
    vdns: vdns === 'all' ? vdns : vdns.map(({ id }) => id),
  }));
  const stdout = streamOutput(io.stdout, 'the standard output');
  try {
    const api = await sumsOfApi(selections, targets, range, { io, clock, concurrency });
    let differing = 0;
    let compared = 0;
    const whole: Record<string, number> = {};
    for (const [index, target] of targets.entries()) {
      const sums = api[index] ?? new Map<number, Sums>();
      const counted = await countedBy(prometheus, target, range, io.signal);
      const differences = compare(sums, counted);
      for (const difference of differences) await stdout.write(`${lineOf(target.callCenter, difference)}\n`);
      differing += new Set(differences.map(({ vdn }) => vdn)).size;
      compared += new Set([...sums.keys(), ...counted.keys()]).size;
      for (const one of sums.values()) for (const field of AUDITED) whole[field] = (whole[field] ?? 0) + one[field];
    }
    const about = AUDITED.map((field) => `${field} ${(whole[field] ?? 0).toLocaleString('en-US')}`).join(', ');
    const verdict =
      differing === 0 ? 'OK: the API and Prometheus agree' : `${differing} of ${count(compared, 'VDN')} differ`;
    await stdout.write(`${verdict}: ${formatRange(range)}, ${count(compared, 'VDN')}, ${about}\n`);
    await stdout.sync();
    return differing === 0 ? 0 : 1;
  } finally {
    await dispatcher.close();
  }
}
