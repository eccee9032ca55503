import { once } from 'node:events';
import {
  createServer as createHttpServer,
  type IncomingMessage,
  request as httpRequest,
  type RequestListener,
} from 'node:http';
import { createServer as createHttpsServer, type ServerOptions } from 'node:https';
import { type AddressInfo, connect, createServer as createTcpServer, type Server, type Socket } from 'node:net';

export interface LocalServer {
  readonly port: number;
  /** Like `https://127.0.0.1:4711`. */
  readonly url: string;
  /** Connections that were ever opened. */
  connections(): number;
  /** Connections that are open now. */
  open(): number;
  close(): Promise<void>;
}

async function listen(server: Server, scheme: string): Promise<LocalServer> {
  const sockets = new Set<Socket>();
  let connections = 0;
  server.on('connection', (socket: Socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.once('close', () => sockets.delete(socket));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `${scheme}://127.0.0.1:${port}`,
    connections: () => connections,
    open: () => sockets.size,
    async close() {
      const closed = once(server, 'close');
      server.close();
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}

/** Any HTTP server; HTTPS with `tls`. */
export async function serveHttp(listener: RequestListener, tls?: ServerOptions): Promise<LocalServer> {
  return tls === undefined
    ? listen(createHttpServer(listener), 'http')
    : listen(createHttpsServer(tls, listener), 'https');
}

/** A TCP server that sends only what the test sends. */
export async function serveTcp(onSocket: (socket: Socket) => void): Promise<LocalServer> {
  const server = createTcpServer((socket) => {
    onSocket(socket);
    socket.resume();
  });
  return listen(server, 'http');
}

/** Responds to every request with these rows, in the shape of the document's example. */
export function respondingWith(rows: readonly unknown[], count: unknown = rows.length): RequestListener {
  return (request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'application/json;charset=UTF-8');
    response.end(JSON.stringify({ resultCode: '0', resultDesc: { data: rows, count } }));
  };
}

export interface Proxy extends LocalServer {
  /** `host:port` of every CONNECT, refused ones included, and the credentials that came with it. */
  readonly tunnels: { readonly target: string; readonly credentials: string | undefined }[];
  /** URL and credentials of every request in absolute form, which is how `http://` is forwarded. */
  readonly forwarded: { readonly target: string; readonly credentials: string | undefined }[];
}

/**
 * An HTTP proxy that responds to everything with `status`, or, by default, opens tunnels and forwards requests. With
 * `tunnelPort` it is like Squid, which refuses tunnels to any other port.
 */
export async function serveProxy(status = 200, tunnelPort?: number): Promise<Proxy> {
  const tunnels: Proxy['tunnels'] = [];
  const forwarded: Proxy['forwarded'] = [];
  const server = createHttpServer((request, response) => {
    const { 'proxy-authorization': credentials, ...headers } = request.headers;
    forwarded.push({ target: request.url ?? '', credentials });
    if (status !== 200 || !URL.canParse(request.url ?? '')) {
      response.writeHead(status === 200 ? 400 : status).end('no');
      return;
    }
    const onResponse = (upstream: IncomingMessage) => {
      response.writeHead(upstream.statusCode ?? 502, upstream.headers);
      upstream.pipe(response);
    };
    request.pipe(httpRequest(request.url ?? '', { method: request.method, headers, agent: false }, onResponse));
  });
  server.on('connect', (request, socket: Socket) => {
    const target = request.url ?? '';
    tunnels.push({ target, credentials: request.headers['proxy-authorization'] });
    socket.on('error', () => undefined);
    const { hostname, port } = new URL(`http://${target}`);
    const refusal = tunnelPort !== undefined && port !== String(tunnelPort) ? 403 : status;
    if (refusal !== 200) {
      socket.end(`HTTP/1.1 ${refusal} No\r\nContent-Length: 2\r\n\r\nno`);
      return;
    }
    const upstream = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  return { ...(await listen(server, 'http')), tunnels, forwarded };
}
