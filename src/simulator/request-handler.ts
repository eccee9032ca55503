import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultInjector } from './fault-injector.ts';
import { type MatchedFaults, readFaults } from './faults.ts';
import { makePage, type PageOptions } from './page.ts';
import { type Query, type QueryRules, readQuery } from './query.ts';
import { checkRequest, type CheckRules } from './request-checks.ts';
import { type InterfaceName, interfaceAt, type QueueInterfaceName } from './interfaces.ts';
import { type QueueQuery, readQueueQuery } from './queue-query.ts';
import { makeQueueResponse, type QueueResponseOptions } from './queue-responses.ts';
import { createRateLimit } from './rate-limit.ts';
import { type Counters, createRequestLog, type RequestLog, type RequestRecord } from './request-log.ts';
import { CYCLE, type Shape, type ShapeName, SHAPES } from './response-shapes.ts';
import { applyTransportFaults, sendBody, sendJson, sendThrottled } from './transport-faults.ts';

const CONTROL_PATH = '/-/faults';
const MAX_BODY_BYTES = 1_000_000;

/** The name of a shape, `cycle` for a different one at each request, or the differences from the document's example. */
export type ShapeChoice = ShapeName | 'cycle' | Partial<Shape>;

export interface CmsOptions extends QueryRules, CheckRules, PageOptions, QueueResponseOptions {
  readonly now: () => number;
  readonly injector: FaultInjector;
  readonly shape: ShapeChoice;
  /** Faults can be read and set at `/-/faults`. */
  readonly control: boolean;
}

/** The CMS without its listener: checks requests as the document says and responds to them. */
export interface Cms {
  readonly counters: Readonly<Counters>;
  readonly requests: readonly RequestRecord[];
  shape: ShapeChoice;
  /** `reset` resets the connection. Rejects when the client disconnects or `signal` ends a delay. */
  readonly handle: (
    request: IncomingMessage,
    response: ServerResponse,
    reset: () => void,
    signal: AbortSignal,
  ) => Promise<void>;
}

/** A request on its way: what every interface needs of it. */
interface Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly body: Buffer;
  readonly faults: MatchedFaults;
  readonly record: RequestRecord;
  readonly reset: () => void;
}

/** The rows of a query as the body of a response. */
interface MadeResponse {
  readonly body: string;
  readonly rows: number;
}

export function createCms(options: CmsOptions): Cms {
  const { now, injector } = options;
  const log = createRequestLog(now);
  const { counters, requests } = log;
  const allowServiceQuality = createRateLimit(now, 1000);

  const makeSysindex = (query: Query, faults: MatchedFaults): MadeResponse => {
    const shape = chooseShape(cms.shape, counters.requests);
    return makePage(options, query, { shape, at: now(), requestNumber: counters.requests, faults });
  };
  const makeQueues = (query: QueueQuery, faults: MatchedFaults): MadeResponse =>
    makeQueueResponse(options, query, chooseShape(cms.shape, counters.requests), { now: now(), faults });

  const handle: Cms['handle'] = async (request, response, reset, signal) => {
    const body = await readBody(request);
    if (options.control && request.url === CONTROL_PATH) {
      serveControl(injector, request, response, body);
      return;
    }
    const name = interfaceAt(request.url) ?? 'sysindex';
    const query = name === 'sysindex' ? readQuery(body, options) : readQueues(body, name, options);
    const record = startRecord(log, injector, { name, query, response });
    const faults = record.matched;
    response.sendDate = false;
    response.setHeader('Date', new Date(now() + (faults.get('clock')?.seconds ?? 0) * 1000).toUTCString());
    if (await applyTransportFaults(faults, response, reset, signal)) return;
    if (name === 'servicequality' && !allowServiceQuality()) {
      sendThrottled(response, 1);
      return;
    }
    const exchange = { request, response, body, faults, record: record.record, reset };
    if (typeof query === 'object' && 'vdn' in query) respond(options, counters, exchange, query, makeQueues);
    else respond(options, counters, exchange, query, makeSysindex);
  };

  const cms: Cms = { counters, requests, shape: options.shape, handle };
  return cms;
}

/** Sends the rows that `make` makes of a correct query, or the refusal of another one. */
function respond<AnyQuery extends object>(
  options: CmsOptions,
  counters: Counters,
  { request, response, body, faults, record, reset }: Exchange,
  query: AnyQuery | string,
  make: (query: AnyQuery, faults: MatchedFaults) => MadeResponse,
): void {
  const checked = checkRequest({ request, body, query, now: options.now() }, options, faults);
  if ('status' in checked) {
    record.refusal = checked.reason;
    if (checked.status === 405) response.setHeader('Allow', 'POST');
    sendJson(response, checked.status, checked.body);
    return;
  }
  const started = performance.now();
  const made = make(checked, faults);
  counters.busyMs += performance.now() - started;
  counters.rows += made.rows;
  record.rows = made.rows;
  sendBody(faults, response, made.body, reset);
}

/** Matches the faults of a request and records it. */
function startRecord(
  log: RequestLog,
  injector: FaultInjector,
  request: {
    readonly name: InterfaceName;
    readonly query: Query | QueueQuery | string;
    readonly response: ServerResponse;
  },
): { readonly record: RequestRecord; readonly matched: MatchedFaults } {
  const { name, query, response } = request;
  const queueQuery = typeof query === 'object' && 'vdn' in query ? query : undefined;
  const sysindex = typeof query === 'object' && !('vdn' in query) ? query : undefined;
  const matched = injector.match(queueQuery === undefined ? sysindex?.vdns : [queueQuery.vdn], name);
  const fields = { interface: name, query: sysindex, queueQuery, faults: [...matched.keys()] };
  return { record: log.add(fields, response), matched };
}

/** A query for queues, or the rule that it breaks. */
function readQueues(body: Buffer, name: QueueInterfaceName, options: CmsOptions): QueueQuery | string {
  const query = readQueueQuery(body, name, options, options.queues.form ?? 'flat');
  return typeof query === 'string' || options.vdns.has(query.vdn) ? query : 'vdn does not exist';
}

function chooseShape(choice: ShapeChoice, requestNumber: number): Shape {
  const shape = choice === 'cycle' ? CYCLE[requestNumber % CYCLE.length] : choice;
  return typeof shape === 'string' ? SHAPES[shape] : { ...SHAPES.example, ...shape };
}

/** Shows the faults as JSON; a POST replaces them. */
function serveControl(injector: FaultInjector, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  try {
    if (request.method === 'POST') injector.set(readFaults(JSON.parse(body.toString())));
    sendJson(response, 200, injector.faults);
  } catch (error) {
    sendJson(response, 400, { error: String(error) });
  }
}

/** The raw bytes of a request; rejects when there are too many. */
async function readBody(request: IncomingMessage): Promise<Buffer> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) throw new RangeError('The body of the request is too large');
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
