import { MAX_VDNS } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { formatApiTime, WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { post, type TransportOptions } from './request.ts';
import { type RejectedRow, RowSet } from './row-set.ts';
import type { VdnWindow } from './rows.ts';

/** Maximum VDNs that the API accepts in one request (sysindex document, `vdn`). */
export const MAX_VDNS_PER_REQUEST = 100;

/** The API's default `limit`. A larger one is not documented; if a server capped it, a full page would look like the last. */
export const PAGE_SIZE = 100;

/** A server may send fewer rows than `limit`. With fewer than this, a query could keep a poll busy for hours. */
const MIN_PAGE_SIZE = 10;

export interface Query {
  /** 1 to 100 ids, or `all`: the query names no VDN. */
  readonly vdns: readonly number[] | 'all';
  /** Aligned to windows, at most 31 days. */
  readonly range: WindowRange;
}

export interface QueryResult {
  /** One per (VDN, window), the last one where the API repeats itself. Rows that came before a failure are included. */
  readonly windows: readonly VdnWindow[];
  readonly rejected: readonly RejectedRow[];
  /** Undefined when every (VDN, window) pair came, or `count` rows, or, without a `count`, every page. */
  readonly failure: ApiError | undefined;
}

export interface ApiClient {
  /** Fetches every page. Rejects only when `signal` is aborted; failures are part of the result. */
  query(query: Query, signal: AbortSignal): Promise<QueryResult>;
  close(): Promise<void>;
}

export interface ApiClientOptions extends TransportOptions {
  /** Closes the connections of `dispatcher`. */
  readonly close: () => Promise<void>;
  readonly ccId: number | undefined;
  /** How one request is sent; default {@link post}. */
  readonly send?: typeof post;
}

/** The JSON of one request (sysindex document, table 2). */
function payloadOf({ vdns, range }: Query, ccId: number | undefined, offset: number): object {
  return {
    ...(ccId === undefined ? {} : { ccId }),
    ...(vdns === 'all' ? {} : { vdn: vdns }),
    beginDate: formatApiTime(range.from),
    endDate: formatApiTime(range.to),
    limit: PAGE_SIZE,
    offset,
  };
}

/** Rows that a query may bring: one per VDN and window, and those that start at the end of the range. */
function maxRowsOf({ vdns, range }: Query): number {
  return (vdns === 'all' ? MAX_VDNS : vdns.length) * (windowsBetween(range.from, range.to) + 1);
}

/** Reads pages until the API has no more; returns its `count`, if it sent one. */
type ReadPages = (query: Query, rows: RowSet, signal: AbortSignal) => Promise<number | undefined>;

function pageReader(options: ApiClientOptions): ReadPages {
  const { send = post, ccId } = options;
  return async (query, rows, signal) => {
    const expectedRows = maxRowsOf(query);
    // Twice the rows, should the API repeat itself.
    const maxOffset = 2 * expectedRows + PAGE_SIZE;
    const maxPages = Math.ceil(maxOffset / MIN_PAGE_SIZE);
    let count: number | undefined;
    const isSecondReading = rows.size > 0;
    for (let offset = 0, pages = 0; offset < maxOffset && pages < maxPages; pages++) {
      const response = await send(payloadOf(query, ccId, offset), { ...options, expectedRows }, signal);
      const before = rows.size;
      for (const row of response.rows) rows.add(row, response.redact);
      offset += response.rows.length;
      count = response.count ?? count;
      if (response.rows.length === 0) break;
      // Without cc_id, more rows may be those of another call center: see RowSet.
      if (rows.isComplete && (ccId !== undefined || count === undefined)) break;
      // Without a count, a page without new rows is the first page again: the server ignores limit and offset.
      // A second reading starts with rows that are known.
      const isEnd = response.rows.length < PAGE_SIZE || (!isSecondReading && rows.size === before);
      if (count === undefined ? isEnd : rows.size >= count) break;
    }
    return count;
  };
}

/** Builds the client of one call center. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { ccId } = options;
  const readPages = pageReader(options);

  /** Throws ApiError when rows are missing after two readings. */
  async function readAll(query: Query, rows: RowSet, signal: AbortSignal): Promise<void> {
    let count = await readPages(query, rows, signal);
    const isShort = () => !rows.isComplete && count !== undefined && rows.size < count;
    // Rows move between pages when new ones arrive, or when the server orders them differently at each request.
    if (isShort()) count = (await readPages(query, rows, signal)) ?? count;
    if (!isShort()) return;
    throw new ApiError(`${options.url}: ${rows.size} different rows came where ${count} were announced`, {
      reason: 'incomplete',
      hint: 'The rows that came are used; if it lasts, ask the vendor why count and rows differ',
    });
  }

  return {
    async query(query, signal) {
      const vdns = query.vdns === 'all' ? undefined : new Set(query.vdns);
      const rows = new RowSet({ vdns, ccId, range: query.range });
      let failure: ApiError | undefined;
      try {
        await readAll(query, rows, signal);
      } catch (error) {
        if (!(error instanceof ApiError)) throw error;
        failure = error;
      }
      return { windows: rows.windows, rejected: rows.rejected, failure };
    },
    close: () => options.close(),
  };
}

/** Ids in groups of at most `size`, in their order. */
export function chunks(ids: readonly number[], size = MAX_VDNS_PER_REQUEST): number[][] {
  const parts: number[][] = [];
  for (let i = 0; i < ids.length; i += size) parts.push(ids.slice(i, i + size));
  return parts;
}

/** The range of `count` windows that ends with the window `last`. */
export function rangeUpTo(last: number, count: number): WindowRange {
  return { from: last - (count - 1) * WINDOW_MS, to: last + WINDOW_MS };
}
