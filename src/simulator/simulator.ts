import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { arrange, CYCLE, type Shape, type ShapeName, SHAPES, writeAnswer, writeRow } from './answer.ts';
import { badRows } from './bad-rows.ts';
import { type KeyPair, makeCertificates, type TlsOptions } from './certificates.ts';
import { createFaultBoard } from './fault-board.ts';
import { type Fault, type FaultKind, readFaults } from './faults.ts';
import { createHistory } from './history.ts';
import { type Query, readQuery, windowStarts } from './request.ts';
import { interfere, sendBody, sendJson } from './sabotage.ts';
import { refuseSignature } from './signature.ts';
import { createTiming, type TimingOptions } from './timing.ts';
import { createVdn, type Vdn, type VdnOptions, type WindowValues } from './traffic.ts';

export const SYSINDEX_PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';
const CONTROL_PATH = '/-/faults';
const CONTENT_TYPE = /^application\/json;\s*charset=utf-8$/i;
const MAX_BODY_BYTES = 1_000_000;
const MAX_LOG = 1000;

export interface SimulatorOptions extends TimingOptions {
  readonly host?: string | undefined;
  /** 0, the default, takes any free port. */
  readonly port?: number | undefined;
  /** HTTPS with a CA of its own; default plain HTTP. */
  readonly tls?: boolean | TlsOptions | undefined;
  readonly accessKey?: string | undefined;
  readonly secretKey?: string | undefined;
  /** False takes any or no Authorization header. */
  readonly checkSignatures?: boolean | undefined;
  /** Default 15 minutes. */
  readonly maxClockSkewMs?: number | undefined;
  /** The default call center, and all that are accepted. */
  readonly ccId?: number | undefined;
  readonly ccIds?: readonly number[] | undefined;
  /** Default 1 to 12. */
  readonly vdns?: readonly (number | VdnOptions)[] | undefined;
  readonly seed?: number | undefined;
  /** Traffic without day and night. */
  readonly flat?: boolean | undefined;
  readonly now?: (() => number) | undefined;
  /** Default 1000 days. */
  readonly retentionDays?: number | undefined;
  /** No page holds more rows than this, whatever is asked for. */
  readonly maxLimit?: number | undefined;
  readonly shape?: ShapeName | 'cycle' | Partial<Shape> | undefined;
  readonly faults?: readonly Fault[] | undefined;
  /** Lets faults be read and set at `/-/faults`. */
  readonly control?: boolean | undefined;
}

export interface RequestRecord {
  /** By the simulator's clock, in milliseconds since the epoch. */
  readonly at: number;
  readonly query: Query | undefined;
  readonly faults: readonly FaultKind[];
  /** 0 when no answer was begun. */
  status: number;
  /** Why the request was refused. */
  refusal: string | undefined;
  rows: number;
}

export interface Counters {
  requests: number;
  connections: number;
  rows: number;
  /** Requests that are being answered now, and the most there ever were. */
  active: number;
  mostActive: number;
  /** Time spent on making answers, in milliseconds: the simulator's own share of a benchmark. */
  busyMs: number;
}

export interface Simulator {
  /** Like `https://127.0.0.1:28443`, without a path. */
  readonly url: string;
  readonly port: number;
  /** With TLS: the CA to trust, a client certificate, and when the server's certificate expires (milliseconds). */
  readonly caPem: string | undefined;
  readonly client: KeyPair | undefined;
  readonly certificateNotAfter: number | undefined;
  readonly vdns: readonly number[];
  readonly faults: readonly Fault[];
  setFaults(faults: readonly Fault[]): void;
  setShape(shape: ShapeName | 'cycle' | Partial<Shape>): void;
  readonly counters: Readonly<Counters>;
  /** The last thousand requests, oldest first. */
  readonly requests: readonly RequestRecord[];
  /** The final values of a window, corrections included. Throws for a VDN that is not simulated. */
  truth(vdn: number, begin: number): WindowValues;
  /** What is served at a moment, default now; undefined while there is no row. */
  served(vdn: number, begin: number, now?: number): WindowValues | undefined;
  /** Stops at once; open connections are cut. */
  close(): Promise<void>;
}

/** Starts a stand-in for the CMS. Rejects when the address cannot be listened on. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  const { host = '127.0.0.1', port = 0, tls = false, seed = 1, now = () => Date.now() } = options;
  const { accessKey = 'demo-access-key', secretKey = 'demo-secret-key', ccId = 1 } = options;
  const rules = { defaultCcId: ccId, ccIds: [ccId, ...(options.ccIds ?? [])] };
  const board = createFaultBoard(now, seed);
  const history = createHistory({
    timing: createTiming(options),
    board,
    retentionMs: (options.retentionDays ?? 1000) * 86_400_000,
  });
  const vdns = new Map<number, Vdn>();
  for (const vdn of options.vdns ?? Array.from({ length: 12 }, (_, index) => index + 1)) {
    const created = createVdn(typeof vdn === 'number' ? { id: vdn } : vdn, seed, options.flat ?? false);
    vdns.set(created.id, created);
  }
  board.set(options.faults ?? []);
  let shape = options.shape ?? 'example';

  const counters: Counters = { requests: 0, connections: 0, rows: 0, active: 0, mostActive: 0, busyMs: 0 };
  const requests: RequestRecord[] = [];
  const sockets = new Set<Socket>();
  const stopping = new AbortController();

  const shapeNow = (): Shape => {
    const name = shape === 'cycle' ? CYCLE[counters.requests % CYCLE.length] : shape;
    return typeof name === 'string' ? SHAPES[name] : { ...SHAPES.example, ...name };
  };

  /** Why the CMS does not answer the question: an HTTP status and a text. */
  const refuse = (request: IncomingMessage, body: Buffer): { status: number; text: string } | undefined => {
    if (request.url !== SYSINDEX_PATH) return { status: 404, text: 'There is no such resource' };
    if (request.method !== 'POST') return { status: 405, text: 'Only POST is supported' };
    if (options.checkSignatures !== false) {
      const received = { method: request.method, path: request.url, headers: request.headers, body };
      const { maxClockSkewMs = 900_000 } = options;
      const text = refuseSignature(received, { accessKey, secretKey, now: now(), maxClockSkewMs });
      if (text !== undefined) return { status: 401, text };
    }
    if (CONTENT_TYPE.test(request.headers['content-type'] ?? '')) return undefined;
    return { status: 415, text: 'The content type is not application/json;charset=UTF-8' };
  };

  const answer = (query: Query, struck: ReadonlyMap<FaultKind, Fault>): { body: string; rows: number } => {
    const format = shapeNow();
    const at = now();
    const asked = query.vdns === undefined ? [...vdns.values()] : [...new Set(query.vdns)].map((id) => vdns.get(id));
    const known = asked.filter((vdn) => vdn !== undefined);
    const listing = history.list(known, windowStarts(query, format.inclusiveEnd), at);
    const { places, rowAt } = arrange(format, listing.length, counters.requests);
    const end = Math.min(places, query.offset + Math.min(query.limit, options.maxLimit ?? Infinity));
    const rows = [];
    for (let place = query.offset; place < end; place++) {
      const slot = listing.at(rowAt(place));
      const values = history.served(slot, at) ?? history.truth(slot);
      rows.push(writeRow(format, query.ccId, slot.vdn.id, slot.begin, values));
    }
    const bad = struck.get('rows');
    if (bad !== undefined && end === places) rows.push(...badRows(query, bad.rows));
    const wrong = struck.get('count');
    if (wrong === undefined) return { body: writeAnswer(format, rows, listing.length), rows: rows.length };
    const counted: Shape = { ...format, resultDesc: 'object', count: format.count === 'string' ? 'string' : 'number' };
    const count = Math.max(0, listing.length + (wrong.by ?? 1));
    return { body: writeAnswer(counted, rows, count), rows: rows.length };
  };

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const body = await readBody(request);
    if (body === undefined) {
      sendJson(response, 413, { error: 'The body is too large' });
      return;
    }
    if (options.control === true && request.url === CONTROL_PATH) {
      control(request, response, body);
      return;
    }
    const query = readQuery(body, rules);
    const struck = board.strike(typeof query === 'string' ? undefined : query.vdns);
    const record: RequestRecord = {
      at: now(),
      query: typeof query === 'string' ? undefined : query,
      faults: [...struck.keys()],
      status: 0,
      refusal: undefined,
      rows: 0,
    };
    requests.push(record);
    if (requests.length > MAX_LOG) requests.shift();
    counters.requests++;
    counters.active++;
    counters.mostActive = Math.max(counters.mostActive, counters.active);
    response.once('close', () => {
      counters.active--;
      record.status = response.headersSent ? response.statusCode : 0;
    });

    response.sendDate = false;
    response.setHeader('Date', new Date(now() + (struck.get('clock')?.seconds ?? 0) * 1000).toUTCString());
    const reset = (): void => {
      // A TLS socket cannot be reset, the TCP socket below it can.
      for (const socket of sockets) if (socket.remotePort === request.socket.remotePort) socket.resetAndDestroy();
    };
    if (await interfere(struck, response, reset, stopping.signal)) return;

    const refused = struck.has('unauthorized')
      ? { status: 401, text: 'The signature does not match' }
      : refuse(request, body);
    if (refused !== undefined) {
      record.refusal = refused.text;
      if (refused.status === 405) response.setHeader('Allow', 'POST');
      sendJson(response, refused.status, { errorCode: String(refused.status), errorMsg: refused.text });
      return;
    }
    const code = struck.get('code');
    if (code !== undefined) {
      sendJson(response, 200, { resultCode: code.code ?? '0100001', resultDesc: 'Failed to invoke the interface' });
      return;
    }
    if (typeof query === 'string') {
      record.refusal = query;
      sendJson(response, 200, { resultCode: '0100002', resultDesc: `Invalid parameter: ${query}` });
      return;
    }
    const begun = performance.now();
    const { body: text, rows } = answer(query, struck);
    counters.busyMs += performance.now() - begun;
    counters.rows += rows;
    record.rows = rows;
    sendBody(struck, response, text, reset);
  };

  const control = (request: IncomingMessage, response: ServerResponse, body: Buffer): void => {
    try {
      if (request.method === 'POST') board.set(readFaults(JSON.parse(body.toString())));
      sendJson(response, 200, board.faults);
    } catch (error) {
      sendJson(response, 400, { error: String(error) });
    }
  };

  const listener: RequestListener = (request, response) => {
    handle(request, response).catch(() => {
      // The client went away, or the simulator is being closed while an answer is held back.
      response.destroy();
    });
  };

  const certificates = tls === false ? undefined : await makeCertificates(tls === true ? {} : tls);
  const server: Server =
    certificates === undefined
      ? createServer(listener)
      : createTlsServer(
          {
            cert: certificates.server.certPem,
            key: certificates.server.keyPem,
            ca: certificates.caPem,
            requestCert: typeof tls === 'object' && tls.requireClientCertificate === true,
            rejectUnauthorized: true,
          },
          listener,
        );
  server.on('connection', (socket: Socket) => {
    counters.connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;

  const slot = (id: number, begin: number): { vdn: Vdn; begin: number } => {
    const vdn = vdns.get(id);
    if (vdn === undefined) throw new RangeError(`VDN ${id} is not simulated`);
    return { vdn, begin };
  };

  return {
    url: `${tls === false ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    caPem: certificates?.caPem,
    client: certificates?.client,
    certificateNotAfter: certificates?.notAfter,
    vdns: [...vdns.keys()],
    get faults() {
      return board.faults;
    },
    setFaults: (faults) => {
      board.set(faults);
    },
    setShape: (next) => {
      shape = next;
    },
    counters,
    requests,
    truth: (vdn, begin) => history.truth(slot(vdn, begin)),
    served: (vdn, begin, at = now()) => history.served(slot(vdn, begin), at),
    async close() {
      stopping.abort();
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** The raw bytes of a request; undefined when there are too many. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const pieces: Buffer[] = [];
  let size = 0;
  for await (const piece of request as AsyncIterable<Buffer>) {
    size += piece.length;
    if (size > MAX_BODY_BYTES) return undefined;
    pieces.push(piece);
  }
  return Buffer.concat(pieces);
}
