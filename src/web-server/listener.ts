import { createServer as createHttpServer } from 'node:http';
import type { Server as HttpServer, ServerOptions } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import type { Server as HttpsServer } from 'node:https';
import { Socket } from 'node:net';
import type { Server } from 'node:net';
import type { Duplex } from 'node:stream';
import type { SecureContextOptions, TLSSocket } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';

import { certificateProblem } from './client-certificate.ts';
import type { Connections } from './connections.ts';
import type { Limits } from './limits.ts';
import { boundAddress } from './listen-address.ts';
import { describeClientError } from './malformed-request.ts';
import type { LogRefusal } from './refusal-log.ts';
import type { WebTls } from './web-config-tls.ts';

export interface ListenerOptions {
  readonly connections: Connections;
  readonly limits: Limits;
  readonly logRefusal: LogRefusal;
  /** Called before each TLS handshake. */
  readonly beforeHandshake: () => void;
}

/**
 * One listen address. `#bound` holds the socket from start to stop; the HTTP or HTTPS server that accepts on it is
 * replaced where Node cannot change it. So a reload never closes the socket, and no connection is refused meanwhile.
 */
export class Listener {
  readonly #options: ListenerOptions;
  readonly #bound: Server;
  /** Every server so far, the one that accepts last. Closing one of them would close the socket. */
  readonly #servers: (HttpServer | HttpsServer)[] = [];
  #tls: WebTls | undefined;

  /** @param bound see {@link bind} */
  constructor(bound: Server, tls: WebTls | undefined, options: ListenerOptions) {
    this.#options = options;
    this.#bound = bound;
    this.#tls = tls;
    this.#listen();
  }

  get url(): string {
    return `${this.#tls === undefined ? 'http' : 'https'}://${boundAddress(this.#bound)}`;
  }

  /** New connections use other TLS settings. Older ones end: idle ones at once, the others after their responses. */
  use(tls: WebTls | undefined): void {
    const before = this.#tls;
    this.#tls = tls;
    // Node takes the client auth type only when it creates a server.
    if (tls !== undefined && isDeepStrictEqual(tls.settings.clientAuth, before?.settings.clientAuth)) {
      this.renew(tls.material.options);
    } else this.#listen();
    this.#options.connections.end();
  }

  /** New connections use another certificate, key or client CA. */
  renew(options: SecureContextOptions): void {
    const server = this.#servers.at(-1);
    if (server !== undefined && 'setSecureContext' in server) server.setSecureContext(options);
  }

  /** Stops accepting; idle connections end at once, the others after their responses, or after `graceMs`. */
  async close(graceMs: number): Promise<void> {
    this.#bound.close();
    await this.#options.connections.close(graceMs);
    for (const server of this.#servers) server.close();
  }

  /** Starts a server that takes over the bound socket from the server before it. */
  #listen(): void {
    const server = this.#tls === undefined ? this.#createPlain() : this.#createSecure(this.#tls);
    const { connections, limits, logRefusal } = this.#options;
    server.timeout = limits.socketTimeout;
    server.on('request', (req, res) => {
      connections.handle(req, res);
    });
    server.on('clientError', (error: NodeJS.ErrnoException, socket) => {
      const problem = describeClientError(error);
      if (problem !== undefined) logRefusal({ ...problem, message: 'Refused a request', client: clientOf(socket) });
      connections.fail(socket, problem?.response);
    });
    server.listen(this.#bound);
    this.#servers.push(server);
  }

  #createPlain(): HttpServer {
    const { connections, limits } = this.#options;
    const server = createHttpServer(httpOptions(limits));
    server.on('connection', (socket) => {
      connections.add(socket);
      connections.admit(socket);
    });
    return server;
  }

  #createSecure({ settings, material }: WebTls): HttpsServer {
    const { connections, limits, beforeHandshake } = this.#options;
    const server = createHttpsServer({
      ...httpOptions(limits),
      ...material.options,
      handshakeTimeout: limits.handshakeTimeout,
      requestCert: settings.clientAuth.request,
      // The other types check the certificate after the handshake: OpenSSL knows only these two.
      rejectUnauthorized: settings.clientAuth.require && settings.clientAuth.verify,
    });
    server.prependListener('connection', (socket) => {
      beforeHandshake();
      if (socket instanceof Socket) connections.add(socket);
    });
    server.on('secureConnection', (socket) => {
      this.#admitSecure(socket);
    });
    server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
      // Node's typing has an Error here; it is a code or null.
      const unauthorized: unknown = socket.authorizationError;
      this.#refuse(socket, typeof unauthorized === 'string' ? unauthorized : (error.code ?? 'TLS handshake failed'));
    });
    return server;
  }

  #admitSecure(socket: TLSSocket): void {
    const problem = this.#tls === undefined ? 'TLS is off' : certificateProblem(this.#tls.settings, socket);
    if (problem === undefined) this.#options.connections.admit(socket);
    else this.#refuse(socket, problem);
  }

  #refuse(socket: Socket, reason: string): void {
    this.#options.logRefusal({ message: 'Refused a connection', reason, client: socket.remoteAddress });
    socket.destroy();
  }
}

function httpOptions(limits: Limits): ServerOptions {
  const { headersTimeout, requestTimeout, connectionsCheckingInterval, maxHeaderSize, keepAliveTimeout } = limits;
  const timeouts = { headersTimeout, requestTimeout, connectionsCheckingInterval, keepAliveTimeout };
  // The Host header is checked with the request, so that a refusal is logged.
  return { ...timeouts, maxHeaderSize, requireHostHeader: false };
}

function clientOf(socket: Duplex): string | undefined {
  return socket instanceof Socket ? socket.remoteAddress : undefined;
}
