import type { ApiClient, QueryResult } from '../cms/client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import { post } from '../cms/request.ts';
import { createClientFor } from '../cms/create-client.ts';
import type { Clock } from '../core/clock.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import { ApiError, OperationError } from '../core/errors.ts';
import { type HistoryPlan, type HistoryStep, inOrder } from './plan.ts';
import type { Progress } from './progress.ts';
import { withRetry } from '../cms/retry.ts';

/** Readings of a query whose rows do not add up to its count, before the rows that came are taken for all there are. */
const MAX_READINGS = 3;

export interface HistoryAnswer {
  readonly step: HistoryStep;
  /** Its failure is `incomplete` or undefined. */
  readonly result: QueryResult;
}

export interface HistorySourceOptions {
  readonly plan: HistoryPlan;
  /** In the order of the plan's targets. */
  readonly callCenters: readonly CallCenterConfig[];
  readonly clock: Clock;
  readonly environment: ProxyEnvironment;
  readonly random: () => number;
  /** Requests under way at once. */
  readonly concurrency: number;
  readonly progress: Progress;
}

/**
 * Fetches the steps of a plan from `start` on, patiently, and yields their answers in order; shows the progress.
 * @throws OperationError when a request failed for good; the reason of `signal` when it is aborted
 */
export async function* historyAnswers(
  options: HistorySourceOptions,
  start: number,
  signal: AbortSignal,
): AsyncGenerator<HistoryAnswer, void> {
  const { plan, progress, concurrency } = options;
  let done = 0;
  for (let index = 0; index < start; index++) done += plan.at(index).expected;
  // Rows of steps that are not complete yet: one step can take a minute.
  let rowsUnderWay = 0;
  const onRows = (rows: number): void => {
    rowsUnderWay += rows;
    progress.update(Math.min(plan.expected, done + rowsUnderWay));
  };
  const clients = options.callCenters.map((config) => clientOf(config, options, onRows));
  const fetch = async (index: number, either: AbortSignal): Promise<HistoryAnswer> => {
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
    for await (const answer of inOrder({ start, end: plan.length, concurrency }, fetch, signal)) {
      yield answer;
      done += answer.step.expected;
      rowsUnderWay = Math.max(0, rowsUnderWay - answer.result.windows.length);
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

function clientOf(config: CallCenterConfig, options: HistorySourceOptions, onRows: (rows: number) => void) {
  const { clock, environment, concurrency, random, progress } = options;
  const onRetry = (failure: ApiError, waitMs: number): void => {
    progress.log(`${config.name}: ${failure.message}; trying again in ${Math.ceil(waitMs / 1000)}s`);
  };
  const client = createClientFor(config, {
    clock,
    environment,
    connections: concurrency,
    onRequest: () => undefined,
    // With all VDNs a row is not a unit of the progress.
    send: withRetry(post, { random, onRetry, onRows: config.vdns === 'all' ? () => undefined : onRows }),
  });
  return { client, config };
}

async function read(client: ApiClient, { query }: HistoryStep, signal: AbortSignal): Promise<QueryResult> {
  for (let readings = 1; ; readings++) {
    const result = await client.query(query, signal);
    if (result.failure === undefined) return result;
    if (result.failure.reason !== 'incomplete') throw result.failure;
    if (readings >= MAX_READINGS) return result;
  }
}
