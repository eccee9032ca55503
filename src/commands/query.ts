import { type Query, type QueryResult, rangeUpTo } from '../cms/client.ts';
import { pageQueries } from '../cms/query-plan.ts';
import type { VdnWindow } from '../cms/rows.ts';
import type { PreparedRequest } from '../cms/signed-request.ts';
import { createClientFor } from '../cms/create-client.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { loadConfig } from '../config/load.ts';
import { readSecret } from '../config/secret.ts';
import { formatIds, printable } from '../core/format.ts';
import { type ApiError, OperationError, UsageError } from '../core/errors.ts';
import { type HistoryPlan, planHistory } from '../history/plan.ts';

import { type QueryRow, renderCsv, renderJson, renderTable } from '../history/render.ts';
import { QUERY_OUTPUTS, type QueryOutput } from '../history/table.ts';
import { describeRequest, explainRefusal } from '../history/signature-debug.ts';
import { formatRange, parseRange } from '../history/time-range.ts';
import { latestEnded, type WindowRange, windowsBetween } from '../core/window.ts';
import { oneOf, readFlags, required } from './flags.ts';
import { queryQueues } from './query-queues.ts';
import type { CommandIo } from './io.ts';
import { printLines } from './print.ts';
import { SELECTION_FLAGS, select, type Selection, targetsOf } from './selection.ts';

const QUERY_USAGE = `Usage: aicc-cti-exporter query --config.file=FILE [flags]

Fetches from the API and prints the newest window of each VDN, or all windows of a range, or the skill queues now.

  --config.file=FILE     configuration (required)
  --call-center=NAME     limit to one call center
  --vdn=IDS              limit to these VDNs: 1,2,10-19
  --from=TIME, --to=TIME a range: 2026-01-31T00:00:00Z, now, -1h30m (default: the newest window)
  --queues               the skill queues now, instead of windows
  --output=OUTPUT        table (default), json or csv
  --debug-signature      print on stderr what is signed and sent, and possible reasons of a 401
  --help
`;

/** Windows to fetch for the newest one, which may not have settled yet. As many as `lookback_windows` allows by default. */
const LATEST_WINDOWS = 3;

/** Maximum windows to print: they are held in memory to be aligned. */
const MAX_WINDOWS = 1_000_000;

interface Session {
  readonly io: CommandIo;
  readonly clock: Clock;
  readonly isLatest: boolean;
  readonly isDebug: boolean;
}

/** Fetches the windows of one selection, without retries. Stops at the first failure but `incomplete`. */
async function fetchWindows(
  selection: Selection,
  range: WindowRange,
  { io, clock, isDebug }: Session,
): Promise<readonly QueryResult[]> {
  const { config } = selection;
  let skewMs: number | undefined;
  let isShown = false;
  const client = createClientFor(config, {
    clock,
    environment: io.env,
    connections: 1,
    onRequest: (report) => {
      skewMs = report.skewMs;
    },
    onPrepared: (prepared: PreparedRequest) => {
      // All requests are signed in the same way: show one.
      if (isDebug && !isShown)
        io.stderr.write(`${config.name}: POST ${config.url}${prepared.path}\n${describeRequest(prepared)}`);
      isShown = true;
    },
  });
  const plan = planHistory(targetsOf([selection]), range);
  const results: QueryResult[] = [];
  try {
    for (const each of pagesOf(plan)) {
      const result = await client.query(each, io.signal);
      results.push(result);
      if (result.failure !== undefined && result.failure.reason !== 'incomplete') break;
    }
  } finally {
    await client.close();
  }
  if (isDebug && results.at(-1)?.failure?.status === 401) {
    const lines = explainRefusal({ config, skewMs, secretKey: await readSecret(config.secretKey) });
    io.stderr.write(`The signature was refused. Possible reasons:\n${lines.map((line) => `  ${line}\n`).join('')}`);
  }
  return results;
}

/** Queries that each fit in one page, none of them made before it is sent. */
function* pagesOf(plan: HistoryPlan): Generator<Query> {
  for (let index = 0; index < plan.length; index++) yield* pageQueries(plan.at(index).query);
}

/** The rows to print: every window, or the newest of each VDN and a row for each VDN without one. */
function rowsOf({ config, vdns }: Selection, results: readonly QueryResult[], isLatest: boolean): QueryRow[] {
  const known = new Map(vdns === 'all' ? [] : vdns.map((vdn) => [vdn.id, vdn]));
  const row = (window: VdnWindow): QueryRow => {
    const vdn = known.get(window.vdn) ?? { id: window.vdn, name: '' };
    return { callCenter: config.name, vdn, window };
  };
  const windows = results.flatMap((result) => result.windows).sort((a, b) => a.start - b.start || a.vdn - b.vdn);
  if (!isLatest) return windows.map(row);
  const newest = new Map<number, QueryRow>(
    [...known.values()].map((vdn) => [vdn.id, { callCenter: config.name, vdn, window: undefined }]),
  );
  for (const window of windows) newest.set(window.vdn, row(window));
  return [...newest.values()].sort((a, b) => a.vdn.id - b.vdn.id);
}

/** Says which VDNs have no rows, the usual sign of a wrong id. */
function warnOfSilence(rows: readonly QueryRow[], io: CommandIo): void {
  const silent = rows.filter(({ window }) => window === undefined);
  for (const callCenter of new Set(silent.map((row) => row.callCenter))) {
    const ids = silent.filter((row) => row.callCenter === callCenter).map(({ vdn }) => vdn.id);
    io.stderr.write(
      `${callCenter}: no rows in the last ${LATEST_WINDOWS} windows for VDN ${formatIds(ids, 200)}: check the ids and cc_id\n`,
    );
  }
}

function render(output: QueryOutput, rows: readonly QueryRow[], isLatest: boolean): Iterable<string> {
  if (output === 'json') return renderJson(rows);
  if (output === 'csv') return renderCsv(rows);
  const isOneMoment = isLatest || new Set(rows.map(({ window }) => window?.start)).size === 1;
  return renderTable(rows, isOneMoment);
}

/** Rows and failures of all selections. Rows that were not used are named on stderr. */
async function collect(selections: readonly Selection[], range: WindowRange, session: Session) {
  const rows: QueryRow[] = [];
  const failures: string[] = [];
  for (const selection of selections) {
    const { name } = selection.config;
    const results = await fetchWindows(selection, range, session);
    const found = rowsOf(selection, results, session.isLatest);
    for (const row of found) rows.push(row);
    const ofCenter = results.flatMap(({ failure }) => (failure === undefined ? [] : [describe(name, failure)]));
    for (const failure of ofCenter) failures.push(failure);
    for (const { reason, detail } of results.flatMap(({ rejected }) => rejected))
      session.io.stderr.write(`${name}: row not used (${reason}): ${printable(detail)}\n`);
    if (session.isLatest && ofCenter.length === 0) warnOfSilence(found, session.io);
  }
  return { rows, failures };
}

/**
 * Fetches windows and prints them. Returns 0; when a request failed, prints what came and throws.
 * @throws UsageError, ConfigError, OperationError
 */
export async function query(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(QUERY_USAGE);
    return 0;
  }
  const flags = readFlags(args, {
    ...SELECTION_FLAGS,
    output: { type: 'string', default: 'table' },
    queues: { type: 'boolean', default: false },
    'debug-signature': { type: 'boolean', default: false },
  });
  const configFile = required('config.file', flags['config.file']);
  const output = oneOf('output', flags.output, QUERY_OUTPUTS);
  const isLatest = flags.from === undefined && flags.to === undefined;
  if (flags.queues && !isLatest)
    throw new UsageError('--queues: queues are known for now only; leave --from and --to out');
  const now = clock.now();
  const range = isLatest
    ? rangeUpTo(latestEnded(now), LATEST_WINDOWS)
    : parseRange({ from: flags.from, to: flags.to }, now);
  const config = await loadConfig(configFile, io.env);
  const selections = select(config, { callCenter: flags['call-center'], vdn: flags.vdn });
  if (flags.queues) return queryQueues(selections, output, io, clock);
  refuseLarge(selections, range);

  const session = { io, clock, isLatest, isDebug: flags['debug-signature'] };
  const { rows, failures } = await collect(selections, range, session);
  if (!isLatest && rows.length === 0 && failures.length === 0)
    io.stderr.write(`The API has no rows from ${formatRange(range)}\n`);
  if (rows.some(({ window }) => window !== undefined) || failures.length === 0) {
    await printLines(render(output, rows, isLatest), io.stdout);
  }
  if (failures.length > 0) throw new OperationError(failures.join('\n'));
  return 0;
}

/** @throws OperationError */
function refuseLarge(selections: readonly Selection[], range: WindowRange): void {
  const vdns = selections.reduce((sum, selection) => sum + (selection.vdns === 'all' ? 1 : selection.vdns.length), 0);
  if (windowsBetween(range.from, range.to) * vdns <= MAX_WINDOWS) return;
  throw new OperationError('The range has more than a million windows: choose fewer VDNs or days, or use backfill');
}

function describe(callCenter: string, { message, hint }: ApiError): string {
  return `${callCenter}: ${message}\n${hint}`;
}
