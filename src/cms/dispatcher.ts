import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { TlsConfig } from '../config/schema.ts';
import { errorCode } from '../core/format.ts';
import { watchingReuse } from './kept-connections.ts';
import { basicAuthorization, ProxyFailure } from './proxy.ts';
import type { TlsFiles } from './tls-files.ts';
import { type Connector, reportingCertificates, secureConnector } from './tls-options.ts';

export interface DispatcherOptions {
  readonly url: string;
  readonly tls: TlsConfig;
  /** Undefined: no proxy. */
  readonly proxyUrl: string | undefined;
  /** Connections that may be open at once. */
  readonly connections: number;
  /** Called after each TLS handshake with the time at which the first certificate of the chain expires. */
  readonly onCertificate: (notAfterMs: number) => void;
  /** The TLS files as they were read last. */
  readonly files: TlsFiles;
  /** How each connection is made. */
  readonly connecting: buildConnector.BuildOptions;
}

/** Kept alive within a poll, closed by us before the next: a kept connection that the CMS closed meanwhile would fail. */
const POOL = { pipelining: 1, keepAliveTimeout: 4_000 };

/** What sends the requests to one server, through a proxy or not. Nothing is connected yet. */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { url, connections, onCertificate, proxyUrl, connecting } = options;
  const secure = secureConnector(options.tls, options.files, connecting);
  const watched = (connect: Connector) => watchingReuse(reportingCertificates(connect, onCertificate));
  const pool = { ...POOL, connections };
  if (proxyUrl === undefined) return new Agent({ ...pool, connect: watched(secure) });

  const proxy = new URL(proxyUrl);
  const isPlain = url.startsWith('http:') && proxy.protocol === 'http:';
  if (isPlain)
    return new ForwardingPool(proxy, { ...pool, connect: watchingReuse(toProxy(proxy, buildConnector(connecting))) });
  return tunnelThrough(proxy, pool, connecting, (connect) => watched(insideTunnel(proxy, connect, secure)));
}

/** Connections for `http://` through a proxy: requests have the absolute form (RFC 9112, 3.2.2), without a tunnel. */
class ForwardingPool extends Pool {
  readonly #authorization: string | undefined;

  constructor(proxy: URL, options: Pool.Options) {
    super(proxy.origin, options);
    this.#authorization = basicAuthorization(proxy);
  }

  override dispatch(request: Dispatcher.DispatchOptions, handler: Dispatcher.DispatchHandler): boolean {
    const origin = String(request.origin);
    const headers = {
      host: new URL(origin).host,
      ...(request.headers as Record<string, string>),
      ...(this.#authorization !== undefined && { 'proxy-authorization': this.#authorization }),
    };
    return super.dispatch({ ...request, path: `${origin}${request.path}`, headers }, handler);
  }
}

/** @param secured makes the connector of the tunnels into the one that requests use */
function tunnelThrough(
  proxy: URL,
  pool: Pool.Options,
  connecting: buildConnector.BuildOptions,
  secured: (connect: Connector) => Connector,
): Dispatcher {
  const token = basicAuthorization(proxy);
  return new ProxyAgent({
    ...pool,
    uri: proxy.origin,
    ...(token === undefined ? {} : { token }),
    proxyTls: connecting,
    clientFactory: (origin, { connect }: { connect: Connector }) =>
      new Pool(origin, { connect: toProxy(proxy, connect) }),
    factory: (origin, { connect, ...rest }: Pool.Options & { connect: Connector }) =>
      new Pool(origin, { ...rest, connect: secured(connect) }),
  });
}

/** Marks every failure to connect as the proxy's. */
function toProxy(proxy: URL, connect: Connector): Connector {
  return blaming(
    proxy,
    // undici would take even an address for the server name, of which Node.js warns.
    (target, callback) => {
      connect({ ...target, servername: '' }, callback);
    },
    () => true,
  );
}

/** Opens a tunnel and, for `https://`, TLS inside it. Marks the failures of the tunnel as the proxy's. */
function insideTunnel(proxy: URL, openTunnel: Connector, secure: Connector): Connector {
  const connect: Connector = (target, callback) => {
    if (target.protocol !== 'https:') {
      openTunnel(target, callback);
      return;
    }
    // undici gets the tunnel for `http:`, so that TLS with renewed files can be put on it here.
    const port = target.port || '443';
    const { host = target.hostname } = target;
    const authority = target.port ? host : `${host}:${port}`;
    openTunnel({ ...target, protocol: 'http:', host: authority, port }, (error, socket) => {
      if (error !== null) callback(error, null);
      else secure({ ...target, httpSocket: socket }, callback);
    });
  };
  return blaming(proxy, connect, isTunnelFailure);
}

/** Inside a tunnel, what has nothing to do with TLS: CONNECT was refused, or the tunnel broke down. */
function isTunnelFailure(error: Error): boolean {
  return /^(UND_ERR_|ECONNRESET|EPIPE)/.test(errorCode(error) ?? '');
}

/** Marks the failures that `isProxys` picks as the proxy's. */
function blaming(proxy: URL, connect: Connector, isProxys: (error: Error) => boolean): Connector {
  return (target, callback) => {
    connect(target, (...result) => {
      const [error] = result;
      if (error === null || error instanceof ProxyFailure || !isProxys(error)) callback(...result);
      else callback(new ProxyFailure(proxy.host, error), null);
    });
  };
}
