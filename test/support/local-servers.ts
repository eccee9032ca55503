import { once } from 'node:events';
import { createServer as createHttpServer, type RequestListener } from 'node:http';
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

/** What speaks TCP and nothing that the test does not make it say. */
export async function serveTcp(onSocket: (socket: Socket) => void): Promise<LocalServer> {
  const server = createTcpServer((socket) => {
    onSocket(socket);
    socket.resume();
  });
  return listen(server, 'http');
}

/** Answers every request with these rows, as the document's example does. */
export function answering(rows: readonly unknown[], count: unknown = rows.length): RequestListener {
  return (request, response) => {
    request.resume();
    response.setHeader('Content-Type', 'application/json;charset=UTF-8');
    response.end(JSON.stringify({ resultCode: '0', resultDesc: { data: rows, count } }));
  };
}

export interface Proxy extends LocalServer {
  /** `host:port` of every CONNECT, refused ones included, and the credentials that came with it. */
  readonly tunnels: { readonly target: string; readonly credentials: string | undefined }[];
}

/** An HTTP proxy that opens tunnels, or answers every CONNECT with `status`. */
export async function serveProxy(status = 200): Promise<Proxy> {
  const tunnels: Proxy['tunnels'] = [];
  const server = createHttpServer((_request, response) => {
    response.writeHead(400).end('This proxy only opens tunnels');
  });
  server.on('connect', (request, socket: Socket) => {
    const target = request.url ?? '';
    tunnels.push({ target, credentials: request.headers['proxy-authorization'] });
    socket.on('error', () => undefined);
    if (status !== 200) {
      socket.end(`HTTP/1.1 ${status} No\r\nContent-Length: 2\r\n\r\nno`);
      return;
    }
    const { hostname, port } = new URL(`http://${target}`);
    const upstream = connect(Number(port), hostname.replace(/^\[|\]$/g, ''), () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(upstream).pipe(socket);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('close', () => upstream.destroy());
  });
  return { ...(await listen(server, 'http')), tunnels };
}
