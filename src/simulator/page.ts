import type { Dataset } from './dataset.ts';
import type { Fault, MatchedFaults } from './faults.ts';
import { badRows } from './invalid-rows.ts';
import { type Query, windowStarts } from './query.ts';
import { arrange, type Row, type Shape, writeResponse, writeRow } from './response-shapes.ts';
import type { Vdn } from './traffic.ts';

export interface PageOptions {
  readonly vdns: ReadonlyMap<number, Vdn>;
  readonly dataset: Dataset;
  /** Maximum rows of a page, whatever the query's `limit` says. */
  readonly maxLimit: number;
}

/** What a page depends on besides its query. */
export interface PageRequest {
  readonly shape: Shape;
  /** The simulated time, in milliseconds since the epoch. */
  readonly at: number;
  /** How many requests there were so far: the shape `unstable` orders its rows by it. */
  readonly requestNumber: number;
  readonly faults: MatchedFaults;
}

/** The body of a successful response to `query`, and how many rows it has. The faults `rows` and `count` apply. */
export function makePage(
  { vdns, dataset, maxLimit }: PageOptions,
  query: Query,
  { shape, at, requestNumber, faults }: PageRequest,
): { body: string; rows: number } {
  const requested = query.vdns === undefined ? [...vdns.values()] : [...new Set(query.vdns)].map((id) => vdns.get(id));
  const known = requested.filter((vdn) => vdn !== undefined);
  const listing = dataset.list(known, windowStarts(query, shape.inclusiveEnd), at);
  const { places, rowAt } = arrange(shape, listing.length, requestNumber);
  const end = Math.min(places, query.offset + Math.min(query.limit, maxLimit));
  const rows: Row[] = [];
  for (let place = query.offset; place < end; place++) {
    const slot = listing.at(rowAt(place));
    const values = dataset.served(slot, at) ?? dataset.truth(slot);
    rows.push(writeRow(shape, query.ccId, slot.vdn.id, slot.start, values));
  }
  const bad = faults.get('rows');
  const isLastPage = end === places && query.offset <= Math.max(0, places - 1);
  if (bad !== undefined && isLastPage) rows.push(...badRows(query, bad.rows));
  return { body: writeBody(shape, rows, listing.length, faults.get('count')), rows: rows.length };
}

function writeBody(shape: Shape, rows: readonly Row[], count: number, wrongCount: Fault | undefined): string {
  if (wrongCount === undefined) return writeResponse(shape, rows, count);
  const counted: Shape = { ...shape, resultDesc: 'object', count: shape.count === 'string' ? 'string' : 'number' };
  return writeResponse(counted, rows, Math.max(0, count + (wrongCount.by ?? 1)));
}
