/** The report of an audit: which counters differ, when, and what to check. Pure. */
import { AUDITED, compare, type Difference, type Intervals, type Sums, total } from './counter-growth.ts';
import { OperationError } from '../core/errors.ts';
import { count, formatIds } from '../core/format.ts';
import type { HistoryTarget } from './plan.ts';
import { formatRange } from './time-range.ts';

/** Maximum time ranges that are listed. */
const MAX_STRETCHES = 10;

interface Finding {
  readonly callCenter: string;
  readonly difference: Difference;
}

function keyOf({ callCenter, difference: { vdn } }: Finding): string {
  return JSON.stringify([callCenter, vdn]);
}

/** `headquarters VDN 2: aicc_cti_inbound_calls_total: API 8894, Prometheus 8895 (+1)` */
function lineOf({ callCenter, difference: { vdn, metric, api, counted } }: Finding): string {
  const found = counted === undefined ? 'no series' : String(counted);
  const off = (counted ?? 0) - api;
  return `${callCenter} VDN ${vdn}: ${metric}: API ${api}, Prometheus ${found} (${off > 0 ? '+' : ''}${off})`;
}

/** The times at which both sides differ, with the VDNs. Adjacent intervals are joined. */
function stretches(findings: readonly Finding[], intervals: Intervals): string[] {
  const byInterval = Array.from({ length: intervals.length }, (_, interval) =>
    findings.filter(({ difference }) => difference.intervals.includes(interval)),
  );
  const runs: { from: number; to: number; findings: Finding[] }[] = [];
  for (const [interval, differing] of byInterval.entries()) {
    if (differing.length === 0) continue;
    const from = intervals.from + interval * intervals.width;
    const to = Math.min(intervals.to, from + intervals.width);
    const run = runs.at(-1);
    if (run?.to === from) {
      run.to = to;
      run.findings.push(...differing);
    } else runs.push({ from, to, findings: [...differing] });
  }
  const lines = runs.slice(0, MAX_STRETCHES).map((run) => `  ${formatRange(run)}: ${vdnsOf(run.findings)}`);
  const rest = runs.length - lines.length;
  return rest > 0 ? [...lines, `  and ${rest} more`] : lines;
}

/** `headquarters VDN 2, 4-7; branch VDN 1` */
function vdnsOf(findings: readonly Finding[]): string {
  const centers = new Map<string, Set<number>>();
  for (const { callCenter, difference } of findings) {
    centers.set(callCenter, (centers.get(callCenter) ?? new Set()).add(difference.vdn));
  }
  return [...centers]
    .map(([callCenter, ids]) => `${callCenter} VDN ${formatIds([...ids].sort((a, b) => a - b))}`)
    .join('; ');
}

/** Kinds of differences, each with what to check. */
const KINDS: readonly { readonly is: (windows: Difference | undefined) => boolean; readonly hint: string }[] = [
  {
    is: (windows) => windows !== undefined && windows.counted === undefined,
    hint: 'Prometheus has no series: check the scrape job, the labels call_center and vdn, and the retention',
  },
  {
    is: (windows) => windows?.counted !== undefined && windows.counted < windows.api,
    hint: 'Prometheus has fewer windows: was the exporter down beyond catch_up, started later, without --storage.path, or not scraped then?',
  },
  {
    is: (windows) => windows?.counted !== undefined && windows.counted > windows.api,
    hint: 'Prometheus has more windows: does the API not keep rows so long, or was history imported over what was scraped?',
  },
  {
    is: (windows) => windows === undefined,
    hint: 'As many windows with other values: were rows corrected later (aicc_cti_windows_revised_total) or samples changed?',
  },
];

/** The times of the differences, and what to check for each kind. */
function explain(findings: readonly Finding[], intervals: Intervals): string[] {
  if (findings.length === 0) return [];
  const windows = new Map(
    findings.filter(({ difference }) => difference.field === 'windows').map((one) => [keyOf(one), one.difference]),
  );
  const kinds = KINDS.flatMap(({ is, hint }) => {
    const ofKind = findings.filter((one) => is(windows.get(keyOf(one))));
    return ofKind.length === 0 ? [] : [`${hint} (${vdnsOf(ofKind)})`];
  });
  return ['They differ in:', ...stretches(findings, intervals), ...kinds];
}

/** Sums of the VDNs of each target. */
type Side = readonly ReadonlyMap<number, Sums>[];

/**
 * Compares both sides.
 * @returns the lines to print, and whether there is nothing that differs
 * @throws OperationError when neither side has anything
 */
export function verdictOf(
  targets: readonly HistoryTarget[],
  intervals: Intervals,
  api: Side,
  counted: Side,
): { lines: string[]; isClean: boolean } {
  const none = new Map<number, Sums>();
  const pairs = targets.map(({ callCenter }, index) => ({
    callCenter,
    said: api[index] ?? none,
    found: counted[index] ?? none,
  }));
  const compared = pairs.reduce((sum, { said, found }) => sum + new Set([...said.keys(), ...found.keys()]).size, 0);
  if (compared === 0) {
    throw new OperationError(
      `Nothing to compare: neither the API nor Prometheus has anything of these VDNs from ${formatRange(intervals)}`,
    );
  }
  const findings = pairs.flatMap(({ callCenter, said, found }) =>
    compare(said, found).map((difference) => ({ callCenter, difference })),
  );
  const differing = new Set(findings.map(keyOf)).size;
  const sums = api.flatMap((vdns) => [...vdns.values()]);
  const about = AUDITED.map((field) => {
    const sum = sums.reduce((all, one) => all + total(one[field]), 0);
    return `${field} ${sum.toLocaleString('en-US')}`;
  });
  const verdict =
    differing === 0
      ? 'OK: the API and Prometheus agree'
      : `${differing} of ${count(compared, 'VDN')} ${differing === 1 ? 'differs' : 'differ'}`;
  const lines = [
    ...findings.map(lineOf),
    `${verdict}: ${formatRange(intervals)}, ${count(compared, 'VDN')}, ${about.join(', ')}`,
    ...explain(findings, intervals),
  ];
  return { lines, isClean: differing === 0 };
}
