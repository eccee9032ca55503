import type { ServerResponse } from 'node:http';
import type { FaultKind } from './faults.ts';
import type { InterfaceName } from './interfaces.ts';
import type { Query } from './query.ts';
import type { QueueQuery } from './queue-query.ts';

export interface RequestRecord {
  /** By the simulator's clock, in milliseconds since the epoch. */
  readonly at: number;
  readonly interface: InterfaceName;
  /** Of sysindex. */
  readonly query: Query | undefined;
  /** Of the interfaces for queues. */
  readonly queueQuery: QueueQuery | undefined;
  readonly faults: readonly FaultKind[];
  /** 0 when no response was sent. */
  status: number;
  /** Why the request was refused. */
  refusal: string | undefined;
  rows: number;
}

export interface Counters {
  requests: number;
  rows: number;
  /** Requests in progress now, and their maximum so far. */
  active: number;
  maxActive: number;
  /** Time spent on making responses, in milliseconds: the simulator's own share of a benchmark. */
  busyMs: number;
}

/** What was requested of the simulator, for tests and benchmarks. */
export interface RequestLog {
  readonly counters: Counters;
  /** The last thousand requests, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** Records a request. Its `status` is set when `response` is closed; the handler sets `refusal` and `rows`. */
  add(
    request: Pick<RequestRecord, 'interface' | 'query' | 'queueQuery' | 'faults'>,
    response: ServerResponse,
  ): RequestRecord;
}

const MAX_RECORDS = 1000;

export function createRequestLog(now: () => number): RequestLog {
  const counters: Counters = { requests: 0, rows: 0, active: 0, maxActive: 0, busyMs: 0 };
  const requests: RequestRecord[] = [];
  return {
    counters,
    requests,
    add(request, response) {
      const record: RequestRecord = { at: now(), ...request, status: 0, refusal: undefined, rows: 0 };
      requests.push(record);
      if (requests.length > MAX_RECORDS) requests.shift();
      counters.requests++;
      counters.active++;
      counters.maxActive = Math.max(counters.maxActive, counters.active);
      response.once('close', () => {
        counters.active--;
        record.status = response.headersSent ? response.statusCode : 0;
      });
      return record;
    },
  };
}
