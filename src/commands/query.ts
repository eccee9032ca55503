import { type QueryResult, rangeUpTo } from '../cms/client.ts';
import type { PreparedRequest } from '../cms/signed-request.ts';
import { createClientFor } from '../cms/create-client.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { loadConfig } from '../config/load.ts';
import { readSecret } from '../config/secret.ts';
import { type ApiError, OperationError } from '../core/errors.ts';
import { planHistory } from '../history/plan.ts';
import { streamOutput } from '../history/output.ts';
import {
  QUERY_OUTPUTS,
  type QueryOutput,
  type QueryRow,
  renderCsv,
  renderJson,
  renderTable,
} from '../history/render.ts';
import { describeRequest, explainRefusal } from '../history/signature-debug.ts';
import { formatRange, parseRange } from '../history/time-range.ts';
import { latestEnded, type WindowRange, windowsBetween } from '../core/window.ts';
import {
  type CommandIo,
  oneOf,
  QUESTION_FLAGS,
  readFlags,
  required,
  select,
  type Selection,
  targetsOf,
} from './flags.ts';

export const QUERY_USAGE = `Usage: aicc-cti-exporter query --config.file=FILE [flags]

Asks the API now, and shows the newest window of each VDN or all windows of a range.

  --config.file=FILE     configuration (required)
  --call-center=NAME     this call center alone
  --vdn=IDS              these VDNs alone: 1,2,10-19
  --from=TIME, --to=TIME a range: 2026-01-31T00:00:00Z, now, -1h30m (default: the newest window)
  --output=OUTPUT        table (default), json or csv
  --debug-signature      show on stderr what is signed and sent, and what may be wrong when it is refused
  --help
`;

/** The newest window may not have settled yet; the exporter looks back as far. */
const LATEST_WINDOWS = 3;

/** Windows that are shown at most: they are held in memory to be aligned. */
const MAX_WINDOWS = 1_000_000;

/** Asks once, without retries. */
async function ask(
  selection: Selection,
  range: WindowRange,
  { io, clock, debug }: { io: CommandIo; clock: Clock; debug: boolean },
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
      // One page is signed like the other.
      if (debug && !isShown)
        io.stderr.write(`${config.name}: POST ${config.url}${prepared.path}\n${describeRequest(prepared)}`);
      isShown = true;
    },
  });
  const plan = planHistory(targetsOf([selection]), range);
  const results: QueryResult[] = [];
  try {
    for (let index = 0; index < plan.length; index++) {
      const result = await client.query(plan.at(index).query, io.signal);
      results.push(result);
      if (result.failure !== undefined && result.failure.reason !== 'incomplete') break;
    }
  } finally {
    await client.close();
  }
  const failure = results.at(-1)?.failure;
  if (debug && failure?.status === 401) {
    const lines = explainRefusal({ config, skewMs, secretKey: await readSecret(config.secretKey) });
    io.stderr.write(
      `The signature was refused. What can be seen from here:\n${lines.map((line) => `  ${line}\n`).join('')}`,
    );
  }
  return results;
}

/** The rows to show: every window, or the newest of each VDN and a row for each VDN without one. */
function rowsOf({ config, vdns }: Selection, results: readonly QueryResult[], isLatest: boolean): QueryRow[] {
  const known = new Map(vdns === 'all' ? [] : vdns.map((vdn) => [vdn.id, vdn]));
  const row = (window: QueryResult['windows'][number]): QueryRow => {
    const vdn = known.get(window.vdn) ?? { id: window.vdn, name: '', labels: {} };
    return { callCenter: config.name, vdn, window };
  };
  const windows = results.flatMap((result) => result.windows);
  if (!isLatest) return windows.sort((a, b) => a.start - b.start || a.vdn - b.vdn).map(row);
  const newest = new Map<number, QueryRow>(
    [...known.values()].map((vdn) => [vdn.id, { callCenter: config.name, vdn, window: undefined }]),
  );
  for (const window of windows.sort((a, b) => a.start - b.start)) newest.set(window.vdn, row(window));
  return [...newest.values()].sort((a, b) => a.vdn.id - b.vdn.id);
}

function render(output: QueryOutput, rows: readonly QueryRow[], isLatest: boolean): string {
  if (output === 'json') return renderJson(rows);
  if (output === 'csv') return renderCsv(rows);
  const isOneMoment = isLatest || new Set(rows.map(({ window }) => window?.start)).size === 1;
  return renderTable(rows, isOneMoment);
}

/**
 * Asks the API and writes what it said; returns 1 when a request failed, with what came nevertheless.
 * @throws UsageError, ConfigError, OperationError
 */
export async function query(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(QUERY_USAGE);
    return 0;
  }
  const flags = readFlags(args, {
    ...QUESTION_FLAGS,
    output: { type: 'string', default: 'table' },
    'debug-signature': { type: 'boolean', default: false },
  });
  const configFile = required('config.file', flags['config.file']);
  const output = oneOf('output', flags.output, QUERY_OUTPUTS);
  const isLatest = flags.from === undefined && flags.to === undefined;
  const now = clock.now();
  const range = isLatest
    ? rangeUpTo(latestEnded(now), LATEST_WINDOWS)
    : parseRange({ from: flags.from, to: flags.to }, now);
  const config = await loadConfig(configFile, io.env);
  const selections = select(config, { callCenter: flags['call-center'], vdn: flags.vdn });
  refuseLarge(selections, range);

  const rows: QueryRow[] = [];
  const failures: string[] = [];
  for (const selection of selections) {
    const results = await ask(selection, range, { io, clock, debug: flags['debug-signature'] });
    rows.push(...rowsOf(selection, results, isLatest));
    const { name } = selection.config;
    for (const { failure, rejected } of results) {
      if (failure !== undefined) failures.push(describe(name, failure));
      for (const { reason, detail } of rejected) io.stderr.write(`${name}: row not used (${reason}): ${detail}\n`);
    }
  }
  if (!isLatest && rows.length === 0 && failures.length === 0)
    io.stderr.write(`The API has no rows from ${formatRange(range)}\n`);
  if (rows.some(({ window }) => window !== undefined) || failures.length === 0) {
    const stdout = streamOutput(io.stdout, 'the standard output');
    await stdout.write(render(output, rows, isLatest));
    await stdout.sync();
  }
  if (failures.length > 0) throw new OperationError(failures.join('\n'));
  return 0;
}

function refuseLarge(selections: readonly Selection[], range: WindowRange): void {
  const vdns = selections.reduce((sum, selection) => sum + (selection.vdns === 'all' ? 1 : selection.vdns.length), 0);
  if (windowsBetween(range.from, range.to) * vdns <= MAX_WINDOWS) return;
  throw new OperationError('The range has more than a million windows: choose fewer VDNs or days, or use backfill');
}

function describe(callCenter: string, { message, hint }: ApiError): string {
  return `${callCenter}: ${message}\n${hint}`;
}
