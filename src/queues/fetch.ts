import { transportFor } from '../cms/create-client.ts';
import type { ProxyEnvironment } from '../cms/proxy.ts';
import { type CallCenterConfig, DEFAULT_QUEUES, MAX_QUEUES } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { createQueueClient, type QueueClient } from './client.ts';
import type { Queue, QueueStatus } from './rows.ts';

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
  { id, queues: selection }: { readonly id: number; readonly queues: 'all' | readonly number[] },
  signal: AbortSignal,
): Promise<readonly FetchedQueue[]> {
  const { rows } = await client.queues(id, signal);
  const chosen = rows.filter((queue) => selection === 'all' || selection.includes(queue.id));
  chosen.sort((a, b) => a.id - b.id);
  const statuses = new Map<number, QueueStatus>();
  for (let i = 0; i < chosen.length; i += MAX_QUEUES) {
    const ids = chosen.slice(i, i + MAX_QUEUES).map((queue) => queue.id);
    for (const status of (await client.status(id, ids, signal)).rows) statuses.set(status.id, status);
  }
  return chosen.map((queue) => ({ vdn: id, queue, status: statuses.get(queue.id) }));
}
