import { createServer } from 'node:http';
import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { isDeepStrictEqual } from 'node:util';

import type { Clock } from '../core/clock.ts';
import { Authenticator } from './basic-auth.ts';
import { bcryptThread } from './bcrypt-worker.ts';
import { guarded } from './access-control.ts';
import type { Handler } from './access-control.ts';
import type { Limits } from './limits.ts';
import { rateLimiter } from './rate-limit.ts';
import { tlsFront } from './tls-front.ts';
import type { WebConfig } from './web-config.ts';

export interface Logger {
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** How often a refusal is logged that has the same reason as one before. */
const REFUSAL_LOG_INTERVAL_MS = 60_000;

/**
 * Serves HTTP on the connections that the listeners take. The listeners know nothing of the web config, so that
 * everything in it, TLS included, can change while they stay open:
 *
 *     listener -> connect() -> [TLS handshake] -> node:http -> [web config: limit, headers, users] -> handler
 */
export class Connections {
  readonly #options: { handler: Handler; logger: Logger; clock: Clock; limits: Limits };
  readonly #http: Server;
  readonly #bcrypt = bcryptThread();
  readonly #authenticator = new Authenticator(this.#bcrypt.compare);
  readonly #refusalsLogged = new Map<string, number>();

  #config: WebConfig;
  #handle: Handler;
  #enter: (socket: Socket) => void;
  #closing: (() => void) | undefined;

  /** As the listeners gave them. */
  readonly #plain = new Set<Socket>();
  /** As node:http has them: TLS sockets after the handshake, or the plain ones. */
  readonly #served = new Set<Socket>();
  /** Those of them that are owed a response. */
  readonly #busy = new Map<Socket, ServerResponse>();
  /** Those of them that end with the next response. */
  readonly #last = new WeakSet<Socket>();

  constructor(options: { handler: Handler; logger: Logger; clock: Clock; limits: Limits }, config: WebConfig) {
    this.#options = options;
    this.#http = this.#httpServer();
    this.#config = config;
    this.#handle = this.#guard(config);
    this.#enter = this.#entrance(config);
  }

  get scheme(): 'http' | 'https' {
    return this.#config.tls === undefined ? 'http' : 'https';
  }

  /** From now on for every request, also on connections that are open; these end if the TLS settings are others now. */
  use(config: WebConfig): void {
    const sameTls = isDeepStrictEqual(config.tls?.settings, this.#config.tls?.settings);
    this.#handle = this.#guard(config);
    if (!sameTls) this.#enter = this.#entrance(config);
    this.#config = config;
    if (!sameTls) this.#endServed();
  }

  connect(socket: Socket): void {
    this.#plain.add(socket);
    socket.on('close', () => this.#plain.delete(socket));
    // node:http and node:tls have their own listeners while they own it; this is for the time between.
    socket.on('error', () => undefined);
    this.#enter(socket);
  }

  /** Says in the log that a connection was refused, once a minute for each reason. */
  refused(address: string | undefined, reason: string): void {
    const { clock, logger } = this.#options;
    const now = clock.monotonic();
    const logged = this.#refusalsLogged.get(reason);
    if (logged !== undefined && now - logged < REFUSAL_LOG_INTERVAL_MS) return;
    this.#refusalsLogged.set(reason, now);
    logger.warn({ client: address, reason }, 'Refused a connection');
  }

  /** Idle connections end at once, the others after their response, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    const grace = new AbortController();
    await new Promise<void>((resolve) => {
      this.#closing = resolve;
      this.#endServed();
      if (this.#served.size === 0) resolve();
      else void this.#options.clock.sleep(graceMs, grace.signal).then(resolve);
    });
    grace.abort();
    for (const socket of [...this.#served, ...this.#plain]) socket.destroy();
    this.#http.close();
    await this.#bcrypt.close();
  }

  #httpServer(): Server {
    const { limits } = this.#options;
    const server = createServer(limits, (req, res) => {
      // A pipelined request waits for the response before it: a client that sends many and reads none gets no further.
      if (res.socket === null)
        res.once('socket', () => {
          this.#serve(req, res);
        });
      else this.#serve(req, res);
    });
    server.timeout = limits.socketTimeout;
    server.on('connection', (socket) => {
      this.#served.add(socket);
      socket.on('close', () => {
        this.#served.delete(socket);
        if (this.#served.size === 0) this.#closing?.();
      });
      if (this.#closing !== undefined) socket.destroy();
    });
    // It never listens itself, but this is what starts its watch over headersTimeout and requestTimeout.
    server.emit('listening');
    return server;
  }

  #guard({ headers, users, rateLimit }: WebConfig): Handler {
    const { handler, clock, logger } = this.#options;
    return guarded(handler, {
      headers,
      users,
      allow: rateLimit === undefined ? undefined : rateLimiter(rateLimit, clock),
      authenticator: this.#authenticator,
      failed: (err) => {
        logger.error({ err }, 'Cannot check a password');
      },
    });
  }

  #entrance({ tls }: WebConfig): (socket: Socket) => void {
    const serve = (socket: Socket): void => void this.#http.emit('connection', socket);
    if (tls === undefined) return serve;
    const { limits, logger } = this.#options;
    return tlsFront({
      tls: tls.settings,
      material: tls.material,
      handshakeTimeout: limits.handshakeTimeout,
      accept: serve,
      refused: (socket, reason) => {
        this.refused(socket.remoteAddress, reason);
      },
      renewed: (notAfter) => {
        logger.info({ not_after: notAfter }, 'Read the TLS certificate, key and client CA again');
      },
      notRenewed: (problems) => {
        logger.error({ problems }, 'Cannot use the new TLS certificate, key or client CA; the old ones stay');
      },
    });
  }

  #serve(req: IncomingMessage, res: ServerResponse): void {
    const { socket } = req;
    this.#busy.set(socket, res);
    if (this.#closing !== undefined || this.#last.has(socket)) res.setHeader('Connection', 'close');
    const deadline = setTimeout(() => socket.destroy(), this.#options.limits.responseTimeout);
    res.on('close', () => {
      clearTimeout(deadline);
      if (this.#busy.get(socket) !== res) return;
      this.#busy.delete(socket);
      if (this.#closing !== undefined || this.#last.has(socket)) socket.end();
    });
    this.#handle(req, res);
  }

  #endServed(): void {
    for (const socket of this.#served) {
      const response = this.#busy.get(socket);
      this.#last.add(socket);
      if (response === undefined) socket.destroy();
      else if (!response.headersSent) response.setHeader('Connection', 'close');
    }
  }
}
