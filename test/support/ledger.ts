import type { Query, QueryResult } from '../../src/cms/client.ts';
import { ApiError } from '../../src/core/errors.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import type { CatchUp } from '../../src/ledger/catch-up-plan.ts';
import type { Ledger } from '../../src/ledger/ledger.ts';
import type { Clocks } from '../../src/ledger/trusted-clock.ts';

/** Windows of the ledger's tests are numbered from here on. */
export const T0 = Date.UTC(2026, 10, 18, 8);
export const at = (index: number) => T0 + index * WINDOW_MS;

/** Decides whether a VDN has a row of a window. */
export type HasRow = (vdn: number, index: number) => boolean;

export const DOWN = new ApiError('Down', { reason: 'network', hint: 'None' });

/** Clocks at the start of a ledger. The monotonic clock says how much true time has passed since T0. */
export function startedAt(now: number, trueNow = now): Pick<Clocks, 'now' | 'monotonic'> {
  return { now, monotonic: trueNow - T0 };
}

/** Ten seconds after a window ended, by both clocks. */
export function soonAfter(index: number): Clocks {
  const now = at(index + 1) + 10_000;
  return { now, apiNow: now, monotonic: now - T0 };
}

/** A response with a row of each VDN for each window, where `has` says so. */
export function responseTo(query: Query, has: HasRow = () => true): QueryResult {
  const windows = [];
  for (const vdn of query.vdns === 'all' ? [1, 2] : query.vdns) {
    for (let start = query.range.from; start < query.range.to; start += WINDOW_MS) {
      if (has(vdn, (start - T0) / WINDOW_MS)) windows.push({ vdn, start, inbound: 1, answered: 1, outbound: 1 });
    }
  }
  return { windows, rejected: [], failure: undefined };
}

/** The same response with zeros in the rows where `isZero` says so. */
export function withZeros(result: QueryResult, isZero: HasRow): QueryResult {
  const zeros = { agentsOnline: 0, inbound: 0, answered: 0, outbound: 0 };
  const windows = result.windows.map((row) =>
    isZero(row.vdn, (row.start - T0) / WINDOW_MS) ? { ...row, ...zeros } : row,
  );
  return { ...result, windows };
}

/** A regular poll right after a window. */
export function poll(ledger: Ledger, index: number, has?: HasRow, vdns: Query['vdns'] = [1, 2]) {
  const query: Query = { vdns, range: ledger.regularRange(at(index)) };
  return ledger.record(query, responseTo(query, has), at(index), soonAfter(index));
}

export function* queriesOf(plan: CatchUp | undefined): Generator<Query> {
  for (const query of plan?.queries ?? []) if (query !== undefined) yield query;
}

/** A query in the form `1,2: 4..18`: the VDNs, the first window, and the one after the last. */
export function describeQuery({ vdns, range }: Query): string {
  return `${String(vdns)}: ${(range.from - T0) / WINDOW_MS}..${(range.to - T0) / WINDOW_MS}`;
}

/** A whole catch-up right after a window. Returns its queries as {@link describeQuery} writes them. */
export function catchUp(ledger: Ledger, index: number, has?: HasRow): string[] {
  const plan = ledger.catchUp(at(index));
  if (plan === undefined) return [];
  const sent: string[] = [];
  for (const query of queriesOf(plan)) {
    ledger.record(query, responseTo(query, has), at(index), soonAfter(index));
    sent.push(describeQuery(query));
  }
  ledger.finish(plan, at(index));
  return sent;
}
