import type { MatchedFaults } from './faults.ts';
import type { QueueQuery, RequestForm } from './queue-query.ts';
import type { QueueValues } from './queue-values.ts';
import type { Row, Shape } from './response-shapes.ts';
import { type Vdn, WINDOW_MS } from './traffic.ts';

/** How the interfaces of the queues behave where the documents leave it open or differ. */
export interface QueueOptions {
  /** Queues of each VDN; default 2 to 4. */
  readonly perVdn?: number;
  /** Default `flat`. */
  readonly form?: RequestForm;
  /** Where the rows are; default both, as the example shows. `servicequality` has them in `resultDesc` anyway. */
  readonly rows?: 'both' | 'resultDesc' | 'resultDatas';
  /** The slot of `servicequality`: the last that has ended (default), or the one that runs, as in older editions. */
  readonly slot?: 'ended' | 'running';
  /** A queue without calls has no row in `servicequality`. */
  readonly skipsEmpty?: boolean;
}

export interface QueueResponseOptions {
  readonly vdns: ReadonlyMap<number, Vdn>;
  readonly queueValues: QueueValues;
  readonly queues: QueueOptions;
}

/** The body of a successful response, and how many rows it has. */
export function makeQueueResponse(
  options: QueueResponseOptions,
  query: QueueQuery,
  shape: Shape,
  { now, faults }: { readonly now: number; readonly faults: MatchedFaults },
): { body: string; rows: number } {
  const vdn = options.vdns.get(query.vdn);
  const good = vdn === undefined ? [] : rowsOf(options, query, vdn, now);
  const rows = faults.has('rows') ? [...good, ...BAD_ROWS] : good;
  const written = rows.map((row) => (shape.numbers === 'string' ? withTexts(row) : row));
  const where = query.name === 'servicequality' ? 'resultDesc' : (options.queues.rows ?? 'both');
  const body = {
    ...(where === 'resultDesc' ? {} : { result: '0', resultDatas: written }),
    resultCode: shape.resultCode,
    ...(where === 'resultDatas' ? { resultDesc: 'success' } : { resultDesc: written }),
  };
  return { body: JSON.stringify(body), rows: rows.length };
}

/** Rows that a client must not use. */
const BAD_ROWS: readonly Row[] = [
  { id: 'many', skillId: 99_999_999, queueSize: 1000, statStartTime: 0, inCallNum: 1000 },
  { id: -1, skillId: 'many', queueSize: -1, statStartTime: 1, inCallNum: -1 },
];

const withTexts = (row: Row): Row =>
  Object.fromEntries(Object.entries(row).map(([key, value]) => [key, String(value)]));

function rowsOf(
  { queueValues, queues: options }: QueueResponseOptions,
  query: QueueQuery,
  vdn: Vdn,
  now: number,
): Row[] {
  const all = queueValues.queuesOf(vdn);
  if (query.name === 'skills') return all.map(({ id, name, mediaType }) => ({ id, name, mediaType }));
  const asked = all.filter(({ id }) => query.queues.includes(id));
  if (query.name === 'totalskillstatusex3') {
    return asked.map(({ id, name, capacity }) => {
      const { waiting, longestWait, signedIn, available, callId } = queueValues.live(vdn, id, now);
      return {
        ...{ skillId: id, queueSize: waiting, loggedOnAgents: signedIn, queueTime: longestWait },
        ...{ availAgents: available, skillDescrip: name, callId, maxQueueSize: capacity },
      };
    });
  }
  const running = Math.floor(now / WINDOW_MS) * WINDOW_MS;
  const start = options.slot === 'running' ? running : running - WINDOW_MS;
  return asked
    .map(({ id }) => ({ id, values: queueValues.slot(vdn, id, start, now) }))
    .filter(({ values }) => options.skipsEmpty !== true || values.calls > 0)
    .map(({ id, values }) => ({
      ...{ in15sCallNum: values.answeredWithin15s, skillId: id, wait15sLostNum: values.lostWithin15s },
      ...{ callLostNum: values.lost, in20sCallNum: values.answeredWithin20s, statStartTime: start },
      ...{ wait20sLostNum: values.lostWithin20s, inCallNum: values.calls, connectedNum: values.answered },
    }));
}
