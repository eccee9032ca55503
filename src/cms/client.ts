import { MAX_VDNS } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { formatApiTime, WINDOW_MS, type WindowRange, windowsBetween } from '../core/window.ts';
import { type Answer, type Expectation, parseRow, type RejectionReason, type VdnWindow } from './rows.ts';
import { post, type TransportOptions } from './request.ts';

/** Most VDNs that the API accepts in one request (sysindex document, `vdn`). */
export const MAX_VDNS_PER_REQUEST = 100;

/** The API's default `limit`. A larger one is not documented, and a server that caps it would look like the last page. */
const PAGE_SIZE = 100;

/** A server may give fewer rows than `limit`, but one that gives a few at a time would keep a poll busy for hours. */
const SMALLEST_PAGE = 10;

export interface Query {
  /** 1..100 ids, or `all` to leave the choice to the API. */
  readonly vdns: readonly number[] | 'all';
  /** Aligned to windows, at most 31 days. */
  readonly range: WindowRange;
}

export interface QueryResult {
  /** One per (VDN, window), the last seen where the API repeated itself. What came before a failure is here too. */
  readonly windows: readonly VdnWindow[];
  readonly rejected: readonly { readonly reason: RejectionReason; readonly detail: string }[];
  /** Undefined when every page came and `count` was met. */
  readonly failure: ApiError | undefined;
}

export interface ApiClient {
  /** Fetches every page. Rejects only when `signal` is aborted; failures are part of the result. */
  query(query: Query, signal: AbortSignal): Promise<QueryResult>;
  close(): Promise<void>;
}

export interface ApiClientOptions extends TransportOptions {
  /** Ends the connections that `dispatcher` makes. */
  readonly close: () => Promise<void>;
  readonly ccId: number | undefined;
  /** How one request is sent; default {@link post}. */
  readonly send?: typeof post;
}

/** What one reading of all pages gathers; a second reading goes on with the same one. */
class RowSet {
  readonly windows = new Map<string, VdnWindow>();
  readonly rejected = new Map<string, { reason: RejectionReason; detail: string }>();
  /** Every distinct row, used or not: what `count` counts. */
  readonly seen = new Set<string>();
  readonly #expected: Expectation;

  constructor(expected: Expectation) {
    this.#expected = expected;
  }

  add(row: unknown): void {
    const parsed = parseRow(row, this.#expected);
    if ('window' in parsed) {
      const { vdn, start, ccId } = parsed.window;
      const key = `${vdn}/${start}`;
      const other = this.windows.get(key)?.ccId;
      if (ccId === undefined || other === undefined || ccId === other) {
        this.seen.add(key);
        this.windows.set(key, parsed.window);
        return;
      }
      // Without cc_id in the config a VDN may come from two call centers. Always the same one is used, whatever the order.
      this.seen.add(`${key} ${Math.max(ccId, other)}`);
      this.rejected.set(`${key} ${Math.max(ccId, other)}`, {
        reason: 'wrong_cc_id',
        detail: `vdn ${vdn}: ccId is ${ccId} and ${other}, set cc_id`,
      });
      if (ccId < other) this.windows.set(key, parsed.window);
    } else if ('rejected' in parsed) {
      // A bad row beside a good one of the same VDN and window (of another ccId, say) is a row of its own.
      const key = `${parsed.rejected} ${rawKey(row)}`;
      this.seen.add(key);
      this.rejected.set(key, { reason: parsed.rejected, detail: parsed.detail });
    } else {
      this.seen.add(rawKey(row));
    }
  }
}

/** Identity of a row that is not used: its VDN and time as far as they are there. */
function rawKey(row: unknown): string {
  const part = (name: string) => {
    const value: unknown = typeof row === 'object' && row !== null ? (row as Record<string, unknown>)[name] : row;
    return typeof value === 'string' || typeof value === 'number' ? String(value).slice(0, 40) : typeof value;
  };
  return `${part('vdn')}/${part('beginTime')}`;
}

/** Builds a client of one call center. */
export function createApiClient(options: ApiClientOptions): ApiClient {
  const { send = post } = options;

  async function page(query: Query, offset: number, signal: AbortSignal): Promise<Answer> {
    const payload = {
      ...(options.ccId === undefined ? {} : { ccId: options.ccId }),
      ...(query.vdns === 'all' ? {} : { vdn: query.vdns }),
      beginDate: formatApiTime(query.range.from),
      endDate: formatApiTime(query.range.to),
      limit: PAGE_SIZE,
      offset,
    };
    return send(payload, options, signal);
  }

  /** Reads pages until the API has no more; returns its `count`, if it gave one. */
  async function readAll(query: Query, rows: RowSet, signal: AbortSignal): Promise<number | undefined> {
    const vdns = query.vdns === 'all' ? MAX_VDNS : query.vdns.length;
    // A row for each VDN and window, and one that starts at the end of the range; twice, should the API repeat itself.
    const mostRows = 2 * vdns * (windowsBetween(query.range.from, query.range.to) + 1) + PAGE_SIZE;
    const mostPages = Math.ceil(mostRows / SMALLEST_PAGE);
    let count: number | undefined;
    const isSecond = rows.seen.size > 0;
    for (let offset = 0, pages = 0; offset < mostRows && pages < mostPages; pages++) {
      const answer = await page(query, offset, signal);
      const before = rows.seen.size;
      for (const row of answer.rows) rows.add(row);
      offset += answer.rows.length;
      count = answer.count ?? count;
      // Without a count, a page of nothing new is the first one again: a server that does not know limit and offset.
      // A second reading begins with rows that are known.
      const isEnd = answer.rows.length < PAGE_SIZE || (!isSecond && rows.seen.size === before);
      const isLast = count === undefined ? isEnd : rows.seen.size >= count;
      if (isLast || answer.rows.length === 0) break;
    }
    return count;
  }

  async function query(query: Query, signal: AbortSignal): Promise<QueryResult> {
    const ids = query.vdns === 'all' ? undefined : new Set(query.vdns);
    const rows = new RowSet({ vdns: ids, ccId: options.ccId, range: query.range });
    let failure: ApiError | undefined;
    try {
      let count = await readAll(query, rows, signal);
      // Rows move between pages when new ones arrive meanwhile: read once more before calling it incomplete.
      if (count !== undefined && rows.seen.size < count) {
        count = (await readAll(query, rows, signal)) ?? count;
      }
      if (count !== undefined && rows.seen.size < count) {
        failure = new ApiError(`${options.url}: ${rows.seen.size} different rows came where ${count} were announced`, {
          reason: 'incomplete',
          hint: 'The rows that came are used; if it lasts, ask the vendor why count and rows differ',
        });
      }
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      failure = error;
    }
    return { windows: [...rows.windows.values()], rejected: [...rows.rejected.values()], failure };
  }

  return {
    query,
    close: () => options.close(),
  };
}

/** Ids in groups of at most {@link MAX_VDNS_PER_REQUEST}, in their order. */
export function chunks(ids: readonly number[]): number[][] {
  const parts: number[][] = [];
  for (let i = 0; i < ids.length; i += MAX_VDNS_PER_REQUEST) parts.push(ids.slice(i, i + MAX_VDNS_PER_REQUEST));
  return parts;
}

/** The range of `count` windows that ends with the window `last`. */
export function rangeUpTo(last: number, count: number): WindowRange {
  return { from: last - (count - 1) * WINDOW_MS, to: last + WINDOW_MS };
}
