import { transportFor } from '../cms/create-client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import { type CallCenterConfig, DEFAULT_QUEUES, type QueueSelection } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { createQueueClient, type QueueClient } from './client.ts';
import { type Queue, type QueueStatus, selectQueues } from './rows.ts';

/** A queue and what it shows now. */
export interface FetchedQueue {
  readonly vdn: number;
  readonly queue: Queue;
  /** Undefined when the CMS has no row for it. */
  readonly status: QueueStatus | undefined;
}

export interface FetchContext {
  readonly clock: Clock;
  readonly environment: ProxyEnvironment;
}

/**
 * A client for a few requests; nothing is sent yet.
 * @throws OperationError when a TLS file or the proxy of the environment cannot be used
 */
export function queueClientFor(config: CallCenterConfig, { clock, environment }: FetchContext): QueueClient {
  const onRequest = () => undefined;
  return createQueueClient({
    ...transportFor(config, { clock, environment, connections: 1, onRequest }),
    requestForm: (config.queues ?? DEFAULT_QUEUES).requestForm,
    onQueueRequest: onRequest,
  });
}

/**
 * The queues of a VDN that are selected, with what they show now.
 * @throws ApiError, or the reason of `signal` when it is aborted
 */
export async function fetchQueues(
  client: QueueClient,
  { id, queues: selection }: { readonly id: number; readonly queues: QueueSelection },
  signal: AbortSignal,
): Promise<readonly FetchedQueue[]> {
  const chosen = selectQueues((await client.queues(id, signal)).rows, selection);
  const ids = chosen.map((queue) => queue.id);
  const { rows } = await client.status(id, ids, signal);
  const statuses = new Map(rows.map((status) => [status.id, status]));
  return chosen.map((queue) => ({ vdn: id, queue, status: statuses.get(queue.id) }));
}
