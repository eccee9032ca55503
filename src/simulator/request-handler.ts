import type { IncomingMessage, ServerResponse } from 'node:http';
import type { FaultInjector } from './fault-injector.ts';
import { type MatchedFaults, readFaults } from './faults.ts';
import { makePage, type PageOptions } from './page.ts';
import { type Query, type QueryRules, readQuery } from './query.ts';
import { checkRequest, type CheckRules } from './request-checks.ts';
import { type Counters, createRequestLog, type RequestRecord } from './request-log.ts';
import { CYCLE, type Shape, type ShapeName, SHAPES } from './response-shapes.ts';
import { applyTransportFaults, sendBody, sendJson } from './transport-faults.ts';

const CONTROL_PATH = '/-/faults';
const MAX_BODY_BYTES = 1_000_000;

/** The name of a shape, `cycle` for a different one at each request, or the differences from the document's example. */
export type ShapeChoice = ShapeName | 'cycle' | Partial<Shape>;

export interface CmsOptions extends QueryRules, CheckRules, PageOptions {
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

export function createCms(options: CmsOptions): Cms {
  const { now, injector } = options;
  const log = createRequestLog(now);
  const { counters, requests } = log;

  const makeTimedPage = (query: Query, faults: MatchedFaults): { body: string; rows: number } => {
    const started = performance.now();
    const shape = chooseShape(cms.shape, counters.requests);
    const page = makePage(options, query, { shape, at: now(), requestNumber: counters.requests, faults });
    counters.busyMs += performance.now() - started;
    counters.rows += page.rows;
    return page;
  };

  const handle: Cms['handle'] = async (request, response, reset, signal) => {
    const body = await readBody(request);
    if (options.control && request.url === CONTROL_PATH) {
      serveControl(injector, request, response, body);
      return;
    }
    const query = readQuery(body, options);
    const known = typeof query === 'string' ? undefined : query;
    const faults = injector.match(known?.vdns);
    const record = log.add(known, [...faults.keys()], response);
    response.sendDate = false;
    response.setHeader('Date', new Date(now() + (faults.get('clock')?.seconds ?? 0) * 1000).toUTCString());
    if (await applyTransportFaults(faults, response, reset, signal)) return;

    const checked = checkRequest({ request, body, query, now: now() }, options, faults);
    if ('status' in checked) {
      record.refusal = checked.reason;
      if (checked.status === 405) response.setHeader('Allow', 'POST');
      sendJson(response, checked.status, checked.body);
      return;
    }
    const page = makeTimedPage(checked, faults);
    record.rows = page.rows;
    sendBody(faults, response, page.body, reset);
  };

  const cms: Cms = { counters, requests, shape: options.shape, handle };
  return cms;
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
