import pLimit from 'p-limit';
import type { ApiClient, Query, QueryResult } from '../cms/client.ts';
import { planQueries } from '../cms/query-plan.ts';
import type { VdnWindow } from '../cms/rows.ts';
import { momentOf } from '../core/clock.ts';
import type { ApiError } from '../core/errors.ts';
import type { WindowRange } from '../core/window.ts';
import { type ApplyContext, applyResponses } from './apply-responses.ts';

/** What a poll and a catch-up need of their call center. */
export interface PollContext extends ApplyContext {
  readonly client: ApiClient;
  /** Requests in progress at once. */
  readonly concurrency: number;
}

/** What a poll requests. */
export interface PollRequest {
  readonly vdns: readonly number[] | 'all';
  readonly range: WindowRange;
  /** The newest window that is due. */
  readonly latest: number;
}

export interface PollOutcome {
  /** The first failure; undefined when every page of every request came. */
  readonly failure: ApiError | undefined;
  /** VDNs whose requests failed, ascending; `all` when a request for all did. */
  readonly failed: readonly number[] | 'all';
  /** The longest wait that a failure requested. */
  readonly retryAfterMs: number | undefined;
  /** The rows that came. */
  readonly rows: readonly VdnWindow[];
}

/**
 * One poll: fetches the windows of every VDN and applies the responses together.
 * Rejects only when `signal` is aborted; failures are part of the outcome.
 */
export async function poll(
  context: PollContext,
  { vdns, range, latest }: PollRequest,
  signal: AbortSignal,
): Promise<PollOutcome> {
  const { telemetry, clock, logger } = context;
  const sent = momentOf(clock);
  const queries: Query[] = vdns === 'all' ? [{ vdns, range }] : planQueries(vdns, range);
  const responses = await fetchAll(context, queries, signal);
  await applyResponses(context, responses, latest, sent);

  const failures = responses.flatMap(({ query, result: { failure } }) =>
    failure === undefined ? [] : [{ query, failure }],
  );
  const [first] = failures;
  telemetry.poll({
    durationSeconds: (clock.monotonic() - sent.monotonic) / 1000,
    endedAt: clock.now() / 1000,
    failure: first?.failure.reason,
  });
  const rows = responses.flatMap(({ result }) => result.windows);
  const counts = { queries: queries.length, failed: failures.length, rows: rows.length };
  logger.debug({ from: iso(range.from), to: iso(range.to), ...counts }, 'Polled');
  return {
    failure: first?.failure,
    failed: vdnsOf(failures.map(({ query }) => query)),
    retryAfterMs: Math.max(0, ...failures.map(({ failure }) => failure.retryAfterMs ?? 0)) || undefined,
    rows,
  };
}

/** Sends the queries; when one is told to wait (Retry-After), those that were not sent yet fail with it. */
async function fetchAll({ client, concurrency }: PollContext, queries: readonly Query[], signal: AbortSignal) {
  const limit = pLimit(concurrency);
  let refusal: ApiError | undefined;
  const fetch = async (query: Query): Promise<QueryResult> => {
    if (refusal !== undefined) return { windows: [], rejected: [], failure: refusal };
    const result = await client.query(query, signal);
    if (result.failure?.retryAfterMs !== undefined) refusal = result.failure;
    return result;
  };
  return Promise.all(queries.map((query) => limit(async () => ({ query, result: await fetch(query) }))));
}

/** The VDNs of some queries, ascending. */
function vdnsOf(queries: readonly Query[]): readonly number[] | 'all' {
  const ids = new Set<number>();
  for (const { vdns } of queries) {
    if (vdns === 'all') return vdns;
    for (const id of vdns) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}

/** A time for log lines: ISO 8601, UTC. */
export function iso(ms: number): string {
  return new Date(ms).toISOString();
}
