import type { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

import type { Clock } from '../core/clock.ts';
import type { Handler } from './access-control.ts';
import type { Limits } from './limits.ts';
import type { LogRefusal } from './refusal-log.ts';

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
}

interface Connection {
  /** As it was accepted, below TLS. */
  readonly raw: Socket;
  /** Requests without a complete response, oldest first. The first one is being handled, the others wait. */
  readonly exchanges: Exchange[];
  /** Ends with the response to the last request. */
  isEnding: boolean;
}

export interface ConnectionsOptions {
  /** Handles one request at a time of each connection. */
  readonly handler: Handler;
  readonly limits: Pick<Limits, 'maxConnections' | 'maxWaitingRequests' | 'responseTimeout'>;
  readonly logRefusal: LogRefusal;
  readonly clock: Pick<Clock, 'sleep'>;
}

/**
 * The connections of one listen address: bounds how many there are and how many requests wait on each, and ends them
 * without cutting off a response. Node's own `closeIdleConnections` would cut off responses that are still being sent.
 */
export class Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Map<string, Connection>();
  readonly #bySocket = new WeakMap<Socket, Connection>();
  /** Without a request, the longest idle one first. */
  readonly #idle = new Set<Connection>();
  /** With a request, the longest busy one first. */
  readonly #busy = new Set<Connection>();
  #onEmpty: () => void = () => undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
  }

  /** Counts a connection that was accepted. At the limit the longest idle one is closed. */
  add(raw: Socket): void {
    const peer = peerOf(raw);
    if (peer === undefined) {
      raw.destroy();
      return;
    }
    if (this.#open.size >= this.#options.limits.maxConnections) this.#makeRoom();
    const connection: Connection = { raw, exchanges: [], isEnding: false };
    this.#open.set(peer, connection);
    this.#idle.add(connection);
    raw.once('close', () => {
      this.#remove(peer, connection);
    });
  }

  /** Lets requests come in on a connection: `socket` is the one that was added, or the TLS socket above it. */
  admit(socket: Socket): void {
    const peer = peerOf(socket);
    // A TLS socket does not say which connection it belongs to; the client's address and port do.
    const connection = peer === undefined ? undefined : this.#open.get(peer);
    if (connection === undefined) socket.destroy();
    else this.#bySocket.set(socket, connection);
  }

  /** Handles a request as soon as the responses to those before it are complete. */
  handle(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    const connection = this.#bySocket.get(socket);
    if (connection === undefined || socket.destroyed) {
      socket.destroy();
      stopParsing(socket);
      return;
    }
    const { exchanges } = connection;
    const { maxWaitingRequests } = this.#options.limits;
    if (exchanges.length > maxWaitingRequests) {
      this.#close(connection, `more than ${maxWaitingRequests} requests waiting`);
      stopParsing(socket);
      return;
    }
    exchanges.push({ req, res });
    if (exchanges.length === 1) this.#start(connection);
  }

  /**
   * Ends a connection whose input cannot be read any further. Requests that came before are still responded to.
   * @param response sent as it is, unless another response would come before it; undefined when the client is gone
   */
  fail(socket: Duplex, response: string | undefined): void {
    const connection = socket instanceof Socket ? this.#bySocket.get(socket) : undefined;
    const [current, next] = connection?.exchanges ?? [];
    const isOwnBody = current !== undefined && next === undefined && !current.req.complete && !current.res.headersSent;
    if (response === undefined || !socket.writable) socket.destroy();
    else if (connection === undefined || current === undefined || isOwnBody) {
      socket.end(response, () => {
        socket.destroy();
      });
    } else endAfterResponses(connection);
  }

  /** Ends idle connections at once, and the others after the response to their last request. */
  end(): void {
    for (const connection of this.#open.values()) {
      if (connection.exchanges.length === 0) connection.raw.destroy();
      else endAfterResponses(connection);
    }
  }

  /** Like {@link end}; after `graceMs` whatever is left is cut off. */
  async close(graceMs: number): Promise<void> {
    const grace = new AbortController();
    await new Promise<void>((resolve) => {
      this.#onEmpty = resolve;
      this.end();
      if (this.#open.size === 0) resolve();
      else void this.#options.clock.sleep(graceMs, grace.signal).then(resolve);
    });
    grace.abort();
    for (const { raw } of this.#open.values()) raw.destroy();
  }

  #start(connection: Connection): void {
    const [current] = connection.exchanges;
    if (current === undefined) return;
    const { req, res } = current;
    this.#idle.delete(connection);
    this.#busy.delete(connection);
    this.#busy.add(connection);
    if (connection.isEnding && connection.exchanges.length === 1) announceEnd(res);
    const deadline = setTimeout(() => connection.raw.destroy(), this.#options.limits.responseTimeout);
    res.once('close', () => {
      clearTimeout(deadline);
      this.#finish(connection, req.socket);
    });
    this.#options.handler(req, res);
  }

  /** The current response is complete, or was cut off. */
  #finish(connection: Connection, socket: Socket): void {
    connection.exchanges.shift();
    // Not writable after `Connection: close`: a request that came later is not handled.
    if (!socket.writable) return;
    if (connection.exchanges.length > 0) {
      this.#start(connection);
      return;
    }
    this.#busy.delete(connection);
    this.#idle.add(connection);
    if (connection.isEnding) socket.end();
  }

  #makeRoom(): void {
    // If all are busy, one that reads its response slowly is more likely an attack than a scrape.
    const [longestIdle] = this.#idle;
    const [longestBusy] = this.#busy;
    const connection = longestIdle ?? longestBusy;
    if (connection !== undefined) this.#close(connection, 'too many connections');
  }

  #close(connection: Connection, reason: string): void {
    const { raw } = connection;
    this.#options.logRefusal({ message: 'Closed a connection', reason, client: raw.remoteAddress });
    const peer = peerOf(raw);
    raw.destroy();
    // Before its `close` event, so that the count is right at once.
    if (peer !== undefined) this.#remove(peer, connection);
  }

  #remove(peer: string, connection: Connection): void {
    if (this.#open.get(peer) === connection) this.#open.delete(peer);
    this.#idle.delete(connection);
    this.#busy.delete(connection);
    connection.exchanges.length = 0;
    if (this.#open.size === 0) this.#onEmpty();
  }
}

function endAfterResponses(connection: Connection): void {
  connection.isEnding = true;
  const [current] = connection.exchanges;
  if (connection.exchanges.length === 1 && current?.res.headersSent === false) announceEnd(current.res);
}

/**
 * Node's parser goes on through all that it has read of a closed connection, up to 2,000 requests, and keeps them in
 * memory until the socket is gone. It stops when its (undocumented) callback says that no HTTP follows.
 */
function stopParsing(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, 'parser');
  const NO_HTTP_FOLLOWS = 2;
  if (typeof parser === 'object' && parser !== null) Reflect.set(parser, 'onIncoming', () => NO_HTTP_FOLLOWS);
}

function announceEnd(res: ServerResponse): void {
  res.setHeader('Connection', 'close');
}

/** Address and port of the client, which no other open connection to the same address has; undefined when it is gone. */
function peerOf({ remoteAddress, remotePort }: Socket): string | undefined {
  return remoteAddress === undefined ? undefined : `${remoteAddress} ${remotePort ?? ''}`;
}
