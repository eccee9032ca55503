import type { Clock } from '../core/clock.ts';
import { ApiError, OperationError } from '../core/errors.ts';
import { printable } from '../core/format.ts';
import { csvLines, jsonLines, type OutputRecord, type QueryOutput, tableLines, UNKNOWN } from '../history/table.ts';
import { type FetchedQueue, fetchQueues, queueClientFor } from '../queues/fetch.ts';
import type { QueueStatus } from '../queues/rows.ts';
import type { CommandIo } from './io.ts';
import { printLines } from './print.ts';
import type { Selection } from './selection.ts';

interface QueueRow extends FetchedQueue {
  readonly callCenter: string;
}

const COLUMNS = [
  { key: 'waiting_calls', title: 'WAITING', field: 'waiting' },
  { key: 'longest_wait_seconds', title: 'LONGEST WAIT', field: 'longestWait' },
  { key: 'agents_available', title: 'AVAILABLE', field: 'available' },
  { key: 'agents_signed_in', title: 'SIGNED IN', field: 'signedIn' },
  { key: 'capacity_calls', title: 'CAPACITY', field: 'capacity' },
] as const satisfies readonly { readonly field: Exclude<keyof QueueStatus, 'id'>; key: string; title: string }[];

/**
 * Fetches the queues of the selected VDNs and prints what they show now. Returns 0; when a request failed, prints what
 * came and throws.
 * @throws OperationError
 */
export async function queryQueues(
  selections: readonly Selection[],
  output: QueryOutput,
  io: CommandIo,
  clock: Clock,
): Promise<number> {
  const rows: QueueRow[] = [];
  const failures: string[] = [];
  for (const selection of selections) {
    const failure = await collect(selection, rows, io, clock);
    if (failure !== undefined) failures.push(`${selection.config.name}: ${failure.message}\n${failure.hint}`);
  }
  if (rows.length === 0 && failures.length === 0)
    throw new OperationError('No queues: add queues to the call center or its VDNs, and check the ids in include');
  if (rows.length > 0) await printLines(render(output, rows), io.stdout);
  if (failures.length > 0) throw new OperationError(failures.join('\n'));
  return 0;
}

/** Adds the queues of a call center to `rows`, up to the first failure. */
async function collect(
  { config, vdns }: Selection,
  rows: QueueRow[],
  io: CommandIo,
  clock: Clock,
): Promise<ApiError | undefined> {
  const chosen = new Set(vdns === 'all' ? [] : vdns.map(({ id }) => id));
  const asked =
    config.vdns === 'all' ? [] : config.vdns.filter(({ id, queues }) => chosen.has(id) && queues.length > 0);
  const client = queueClientFor(config, { clock, environment: io.env });
  try {
    for (const vdn of asked) {
      for (const row of await fetchQueues(client, vdn, io.signal)) rows.push({ ...row, callCenter: config.name });
    }
    return undefined;
  } catch (error) {
    if (error instanceof ApiError) return error;
    throw error;
  } finally {
    await client.close();
  }
}

function toRecord({ callCenter, vdn, queue, status }: QueueRow): OutputRecord {
  return {
    call_center: callCenter,
    vdn,
    queue: queue.id,
    name: printable(queue.name),
    media_type: queue.mediaType ?? null,
    ...Object.fromEntries(COLUMNS.map(({ key, field }) => [key, status?.[field] ?? null])),
  };
}

function render(output: QueryOutput, rows: readonly QueueRow[]): Iterable<string> {
  const [first] = rows;
  if (output === 'json') return jsonLines(rows.map(toRecord));
  if (output === 'csv') return csvLines(first === undefined ? [] : Object.keys(toRecord(first)), rows.map(toRecord));
  const header = ['CALL CENTER', 'VDN', 'QUEUE', 'NAME', ...COLUMNS.map(({ title }) => title)];
  const cells = rows.map(({ callCenter, vdn, queue, status }) => [
    ...[printable(callCenter), String(vdn), String(queue.id), printable(queue.name)],
    ...COLUMNS.map(({ field }) => String(status?.[field] ?? UNKNOWN)),
  ]);
  return tableLines(4, () => [header, ...cells]);
}
