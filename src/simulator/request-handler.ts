import type { IncomingMessage, ServerResponse } from 'node:http';
import { arrange, CYCLE, type Shape, type ShapeName, SHAPES, writeResponse, writeRow } from './response-shapes.ts';
import { badRows } from './invalid-rows.ts';
import type { FaultInjector } from './fault-injector.ts';
import { type Fault, type FaultKind, readFaults } from './faults.ts';
import type { History } from './dataset.ts';
import { type Query, readQuery, windowStarts } from './query.ts';
import { applyTransportFaults, sendBody, sendJson } from './transport-faults.ts';
import { refuseSignature } from './signature.ts';
import type { Vdn } from './traffic.ts';

export const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';
const CONTROL_PATH = '/-/faults';
const CONTENT_TYPE = /^application\/json;\s*charset=utf-8$/i;
const MAX_BODY_BYTES = 1_000_000;
const MAX_LOG = 1000;

/** The name of a shape, `cycle` for a different one at each request, or the differences from the document's example. */
export type ShapeChoice = ShapeName | 'cycle' | Partial<Shape>;

export interface RequestRecord {
  /** By the simulator's clock, in milliseconds since the epoch. */
  readonly at: number;
  readonly query: Query | undefined;
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
  /** Requests under way now, and their maximum so far. */
  active: number;
  maxActive: number;
  /** Time spent on making responses, in milliseconds: the simulator's own share of a benchmark. */
  busyMs: number;
}

export interface CmsOptions {
  readonly now: () => number;
  readonly vdns: ReadonlyMap<number, Vdn>;
  readonly history: History;
  readonly injector: FaultInjector;
  readonly shape: ShapeChoice;
  readonly ccId: number;
  readonly ccIds: readonly number[];
  readonly accessKey: string;
  readonly secretKey: string;
  readonly maxClockSkewMs: number;
  readonly checkSignatures: boolean;
  readonly maxLimit: number;
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
  const { now, vdns, history, injector } = options;
  const counters: Counters = { requests: 0, rows: 0, active: 0, maxActive: 0, busyMs: 0 };
  const requests: RequestRecord[] = [];

  const shapeNow = (): Shape => {
    const name = cms.shape === 'cycle' ? CYCLE[counters.requests % CYCLE.length] : cms.shape;
    return typeof name === 'string' ? SHAPES[name] : { ...SHAPES.example, ...name };
  };

  /** Why a request is refused: an HTTP status and a text. */
  const refuse = (request: IncomingMessage, body: Buffer): { status: number; text: string } | undefined => {
    if (request.url !== SYSINDEX_PATH) return { status: 404, text: 'There is no such resource' };
    if (request.method !== 'POST') return { status: 405, text: 'Only POST is supported' };
    if (options.checkSignatures) {
      const received = { method: request.method, path: request.url, headers: request.headers, body };
      const text = refuseSignature(received, { ...options, now: now() });
      if (text !== undefined) return { status: 401, text };
    }
    if (CONTENT_TYPE.test(request.headers['content-type'] ?? '')) return undefined;
    return { status: 415, text: 'The content type is not application/json;charset=UTF-8' };
  };

  const respond = (query: Query, matched: ReadonlyMap<FaultKind, Fault>): { body: string; rows: number } => {
    const format = shapeNow();
    const at = now();
    const requested =
      query.vdns === undefined ? [...vdns.values()] : [...new Set(query.vdns)].map((id) => vdns.get(id));
    const known = requested.filter((vdn) => vdn !== undefined);
    const listing = history.list(known, windowStarts(query, format.inclusiveEnd), at);
    const { places, rowAt } = arrange(format, listing.length, counters.requests);
    const end = Math.min(places, query.offset + Math.min(query.limit, options.maxLimit));
    const rows = [];
    for (let place = query.offset; place < end; place++) {
      const slot = listing.at(rowAt(place));
      const values = history.served(slot, at) ?? history.truth(slot);
      rows.push(writeRow(format, query.ccId, slot.vdn.id, slot.start, values));
    }
    const bad = matched.get('rows');
    if (bad !== undefined && end === places && query.offset <= Math.max(0, places - 1))
      rows.push(...badRows(query, bad.rows));
    const wrong = matched.get('count');
    if (wrong === undefined) return { body: writeResponse(format, rows, listing.length), rows: rows.length };
    const counted: Shape = { ...format, resultDesc: 'object', count: format.count === 'string' ? 'string' : 'number' };
    const count = Math.max(0, listing.length + (wrong.by ?? 1));
    return { body: writeResponse(counted, rows, count), rows: rows.length };
  };

  /** Records a request; the record is completed with its response. */
  const recordRequest = (
    query: Query | undefined,
    faults: readonly FaultKind[],
    response: ServerResponse,
  ): RequestRecord => {
    const record: RequestRecord = { at: now(), query, faults, status: 0, refusal: undefined, rows: 0 };
    requests.push(record);
    if (requests.length > MAX_LOG) requests.shift();
    counters.requests++;
    counters.active++;
    counters.maxActive = Math.max(counters.maxActive, counters.active);
    response.once('close', () => {
      counters.active--;
      record.status = response.headersSent ? response.statusCode : 0;
    });
    return record;
  };

  const handle: Cms['handle'] = async (request, response, reset, signal) => {
    const body = await readBody(request);
    if (options.control && request.url === CONTROL_PATH) {
      control(request, response, body);
      return;
    }
    const query = readQuery(body, options);
    const matched = injector.match(typeof query === 'string' ? undefined : query.vdns);
    const record = recordRequest(typeof query === 'string' ? undefined : query, [...matched.keys()], response);
    response.sendDate = false;
    response.setHeader('Date', new Date(now() + (matched.get('clock')?.seconds ?? 0) * 1000).toUTCString());
    if (await applyTransportFaults(matched, response, reset, signal)) return;

    const refused = matched.has('unauthorized')
      ? { status: 401, text: 'The signature does not match' }
      : refuse(request, body);
    if (refused !== undefined) {
      record.refusal = refused.text;
      if (refused.status === 405) response.setHeader('Allow', 'POST');
      sendJson(response, refused.status, { errorCode: String(refused.status), errorMsg: refused.text });
      return;
    }
    const code = matched.get('code');
    if (code !== undefined) {
      sendJson(response, 200, { resultCode: code.code ?? '0100001', resultDesc: 'Failed to invoke the interface' });
      return;
    }
    if (typeof query === 'string') {
      record.refusal = query;
      sendJson(response, 200, { resultCode: '0100002', resultDesc: `Invalid parameter: ${query}` });
      return;
    }
    const started = performance.now();
    const { body: text, rows } = respond(query, matched);
    counters.busyMs += performance.now() - started;
    counters.rows += rows;
    record.rows = rows;
    sendBody(matched, response, text, reset);
  };

  const control = (request: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    try {
      if (request.method === 'POST') injector.set(readFaults(JSON.parse(body.toString())));
      sendJson(response, 200, injector.faults);
    } catch (error) {
      sendJson(response, 400, { error: String(error) });
    }
  };

  const cms: Cms = { counters, requests, shape: options.shape, handle };
  return cms;
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
