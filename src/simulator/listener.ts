import { once } from 'node:events';
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { type Certificates, makeCertificates, type TlsOptions } from './certificates.ts';
import type { Cms } from './request-handler.ts';

export interface ListenerOptions {
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Undefined: plain HTTP. */
  readonly tls: TlsOptions | undefined;
}

/** The network side of the simulator. */
export interface Listener {
  /** Like `https://127.0.0.1:28443`, without a path. */
  readonly url: string;
  readonly port: number;
  readonly certificates: Certificates | undefined;
  /** Connections that were ever opened. */
  readonly connections: number;
  /** Ends delayed responses and destroys open connections. */
  close(): Promise<void>;
}

/** Serves `handle` on an address. Rejects when the address cannot be listened on. */
export async function listen(handle: Cms['handle'], { host, port, tls }: ListenerOptions): Promise<Listener> {
  const sockets = new Set<Socket>();
  const stopping = new AbortController();
  const onRequest: RequestListener = (request, response) => {
    const reset = (): void => {
      resetConnection(sockets, request);
    };
    // Rejects when the client disconnected, or when the simulator is closed while a response is delayed.
    handle(request, response, reset, stopping.signal).catch(() => response.destroy());
  };
  const certificates = tls === undefined ? undefined : await makeCertificates(tls);
  const server = createListener(certificates, tls?.requireClientCertificate === true, onRequest);
  let connections = 0;
  let closing: Promise<void> | undefined;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address() as AddressInfo;

  return {
    url: `${tls === undefined ? 'http' : 'https'}://${host.includes(':') ? `[${host}]` : host}:${address.port}`,
    port: address.port,
    certificates,
    get connections() {
      return connections;
    },
    close() {
      stopping.abort();
      return (closing ??= closeServer(server, sockets));
    },
  };
}

function createListener(
  certificates: Certificates | undefined,
  requireClientCertificate: boolean,
  onRequest: RequestListener,
): Server {
  if (certificates === undefined) return createServer(onRequest);
  const { server, caPem } = certificates;
  const clientAuth = requireClientCertificate ? { ca: caPem, requestCert: true } : {};
  return createTlsServer({ cert: server.certPem, key: server.keyPem, ...clientAuth }, onRequest);
}

/** Resets the TCP connection of a request: a TLS socket cannot be reset, the TCP socket below it can. */
function resetConnection(sockets: ReadonlySet<Socket>, request: IncomingMessage): void {
  for (const socket of sockets) if (socket.remotePort === request.socket.remotePort) socket.resetAndDestroy();
}

async function closeServer(server: Server, sockets: ReadonlySet<Socket>): Promise<void> {
  const closed = once(server, 'close');
  server.close();
  for (const socket of sockets) socket.destroy();
  await closed;
}
