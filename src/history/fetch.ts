import type { ApiClient, Query, QueryResult } from '../cms/client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import { pageQueries } from '../cms/query-plan.ts';
import { post } from '../cms/request.ts';
import { createClientFor } from '../cms/create-client.ts';
import type { Clock } from '../core/clock.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import { ApiError, OperationError } from '../core/errors.ts';
import { expectedBefore, type HistoryPlan, type HistoryStep, inOrder } from './plan.ts';
import type { Progress } from './progress.ts';
import { withRetry } from '../cms/retry.ts';

/** How often a query is read whose rows do not add up to its count. After that the rows that came are used. */
const MAX_READINGS = 3;

export interface HistoryResponse {
  readonly step: HistoryStep;
  /** Its failure is `incomplete` or undefined. */
  readonly result: QueryResult;
}

export interface FetchHistoryOptions {
  readonly plan: HistoryPlan;
  /** In the order of the plan's targets. */
  readonly callCenters: readonly CallCenterConfig[];
  readonly clock: Clock;
  readonly environment: ProxyEnvironment;
  readonly random: () => number;
  /** Requests in progress at once. */
  readonly concurrency: number;
  readonly progress: Progress;
}

/**
 * Fetches the steps of a plan from `start` on, with retries, and yields the responses in order; shows the progress.
 * @throws OperationError when a request failed for good; the reason of `signal` when it is aborted
 */
export async function* fetchHistory(
  options: FetchHistoryOptions,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<HistoryResponse, void> {
  const { plan, progress, concurrency } = options;
  let done = expectedBefore(plan, start);
  // Rows of steps that are not complete yet: one step can take a minute.
  let rowsInProgress = 0;
  const onRows = (rows: number): void => {
    rowsInProgress += rows;
    progress.update(Math.min(plan.expected, done + rowsInProgress));
  };
  const clients = options.callCenters.map((config) => clientOf(config, options, onRows));
  const fetch = async (index: number, either: AbortSignal): Promise<HistoryResponse> => {
    const step = plan.at(index);
    const { client, config } = at(clients, step.target);
    try {
      return { step, result: await read(client, step, either) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      throw new OperationError(`${config.name}: ${error.message}\n${error.hint}`, { cause: error });
    }
  };

  try {
    for await (const response of inOrder({ start, end: plan.length, concurrency }, fetch, signal)) {
      yield response;
      done += response.step.expected;
      rowsInProgress = Math.max(0, rowsInProgress - response.result.windows.length);
      progress.update(done);
    }
  } finally {
    await Promise.all(clients.map(({ client }) => client.close()));
  }
}

function at<T>(list: readonly T[], index: number): T {
  const item = list[index];
  if (item === undefined) throw new RangeError(`There is no item ${index}`);
  return item;
}

function clientOf(config: CallCenterConfig, options: FetchHistoryOptions, onRows: (rows: number) => void) {
  const { clock, environment, concurrency, random, progress } = options;
  const onRetry = (failure: ApiError, waitMs: number): void => {
    progress.log(`${config.name}: ${failure.message}; trying again in ${Math.ceil(waitMs / 1000)}s`);
  };
  const client = createClientFor(config, {
    clock,
    environment,
    connections: concurrency,
    onRequest: () => undefined,
    // With all VDNs the progress does not count rows.
    send: withRetry(post, { random, onRetry, onRows: config.vdns === 'all' ? () => undefined : onRows }),
  });
  return { client, config };
}

/** Reads a step in queries that each fit in one page, one after the other, and joins their results. */
async function read(client: ApiClient, { query }: HistoryStep, signal: AbortSignal): Promise<QueryResult> {
  const results: QueryResult[] = [];
  for (const page of pageQueries(query)) results.push(await readQuery(client, page, signal));
  return {
    windows: results.flatMap(({ windows }) => windows),
    rejected: results.flatMap(({ rejected }) => rejected),
    failure: results.find(({ failure }) => failure !== undefined)?.failure,
  };
}

async function readQuery(client: ApiClient, query: Query, signal: AbortSignal): Promise<QueryResult> {
  for (let readings = 1; ; readings++) {
    const result = await client.query(query, signal);
    if (result.failure === undefined) return result;
    if (result.failure.reason !== 'incomplete') throw result.failure;
    if (readings >= MAX_READINGS) return result;
  }
}
