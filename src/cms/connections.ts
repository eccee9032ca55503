import { setMaxListeners } from 'node:events';
import { readFileSync } from 'node:fs';
import { type DetailedPeerCertificate, type PeerCertificate, TLSSocket } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, Pool, ProxyAgent } from 'undici';
import type { TlsConfig } from '../config/schema.ts';
import { basicAuthorization, type ProxyEnvironment, ProxyFailure, proxyFromEnvironment } from './proxy.ts';
import { errorCode } from '../core/format.ts';

export interface ConnectionOptions {
  readonly url: string;
  readonly tls: TlsConfig;
  readonly proxyUrl: string | undefined;
  readonly environment: ProxyEnvironment;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Called after each TLS handshake with the time at which the first certificate of the chain expires. */
  readonly onCertificate: (notAfterMs: number) => void;
}

/** The connections to one CMS. */
export interface Connections {
  readonly dispatcher: Dispatcher;
  /** Cuts every connection, those that are only being made as well. */
  close(): Promise<void>;
}

type Connector = buildConnector.connector;

/** Earliest expiry in the chain that was presented; undefined when the peer showed none. */
function chainNotAfter(leaf: PeerCertificate | DetailedPeerCertificate): number | undefined {
  let earliest: number | undefined;
  const seen = new Set<PeerCertificate>();
  // A root is its own issuer; a peer without a certificate is an empty object.
  for (
    let cert: PeerCertificate | undefined = leaf;
    cert?.valid_to && !seen.has(cert);
    cert = 'issuerCertificate' in cert ? (cert.issuerCertificate as PeerCertificate | undefined) : undefined
  ) {
    seen.add(cert);
    const notAfter = Date.parse(cert.valid_to);
    if (Number.isFinite(notAfter)) earliest = Math.min(earliest ?? notAfter, notAfter);
  }
  return earliest;
}

/** Reports the certificate of every connection that is made. */
function reporting(connect: Connector, onCertificate: (notAfterMs: number) => void): Connector {
  return (target, callback) => {
    connect(target, (...result) => {
      // A connection that failed has no socket, not even the null that the type promises.
      const socket: object = result[1] ?? {};
      const notAfter = socket instanceof TLSSocket ? chainNotAfter(socket.getPeerCertificate(true)) : undefined;
      if (notAfter !== undefined) onCertificate(notAfter);
      callback(...result);
    });
  };
}

/** Marks the failures that `isProxys` picks as the proxy's. */
function blaming(proxy: string, connect: Connector, isProxys: (error: Error) => boolean): Connector {
  return (target, callback) => {
    connect(target, (...result) => {
      const [error] = result;
      if (error === null || error instanceof ProxyFailure || !isProxys(error)) callback(...result);
      else callback(new ProxyFailure(proxy, error), null);
    });
  };
}

/** Leaves the server name to `tls.server_name`, or else to the host that is connected to when it is a name. */
function nameOfTarget(connect: Connector): Connector {
  return (target, callback) => {
    connect({ ...target, servername: '' }, callback);
  };
}

/** Inside a tunnel, what is not a matter of TLS with the CMS: CONNECT was refused, or the tunnel broke down. */
function isTunnelFailure(error: Error): boolean {
  return /^(UND_ERR_|ECONNRESET|EPIPE)/.test(errorCode(error) ?? '');
}

/**
 * Sets up connections to one CMS: keep-alive, private CA, client certificate, proxy. The certificate files are read here, once.
 * @throws when a file cannot be read or is no PEM, or OperationError for a proxy of the environment that is no URL
 */
export function connectionsTo(options: ConnectionOptions): Connections {
  const closing = new AbortController();
  const dispatcher = createDispatcher(options, closing.signal);
  return {
    dispatcher,
    close() {
      // undici itself waits for connections that are being made.
      closing.abort();
      return dispatcher.destroy();
    },
  };
}

function createDispatcher(options: ConnectionOptions, signal: AbortSignal): Dispatcher {
  // Each connection listens; Node.js 20 takes more than ten listeners for a leak.
  setMaxListeners(0, signal);
  const { url, tls, onCertificate, connectTimeoutMs: timeout } = options;
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const secure: buildConnector.BuildOptions = {
    ca: read(tls.caFile),
    cert: read(tls.certFile),
    key: read(tls.keyFile),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    rejectUnauthorized: !tls.insecureSkipVerify,
    timeout,
    signal,
    // A resumed session shows only a part of the chain, and a few handshakes in 5 minutes cost nothing.
    maxCachedSessions: 0,
  };
  // Kept alive within a poll, closed by us before the next: a reused connection that the CMS closed meanwhile would fail.
  const pool = { connections: options.connections, pipelining: 1, keepAliveTimeout: 4_000 };

  const proxyUrl = options.proxyUrl ?? proxyFromEnvironment(url, options.environment);
  if (proxyUrl === undefined) {
    const connect = buildConnector(secure);
    // undici would take the server name from the Host header, which the signing options may change.
    return new Agent({ ...pool, connect: reporting(nameOfTarget(connect), onCertificate) });
  }

  const proxy = new URL(proxyUrl);
  const token = basicAuthorization(proxy);
  return new ProxyAgent({
    ...pool,
    uri: proxy.origin,
    ...(token === undefined ? {} : { token }),
    requestTls: secure,
    proxyTls: { timeout, signal },
    clientFactory: (origin, { connect }: { connect: Connector }) =>
      // undici would take even an address for the server name, of which Node.js warns.
      new Pool(origin, { connect: blaming(proxy.host, nameOfTarget(connect), () => true) }),
    factory: (origin, { connect, ...rest }: Pool.Options & { connect: Connector }) =>
      new Pool(origin, { ...rest, connect: reporting(blaming(proxy.host, connect, isTunnelFailure), onCertificate) }),
  });
}
