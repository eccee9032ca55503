import { readFileSync } from 'node:fs';
import { checkServerIdentity, type DetailedPeerCertificate, type PeerCertificate } from 'node:tls';
import { Agent, buildConnector, type Dispatcher, ProxyAgent } from 'undici';
import type { TlsConfig } from '../config/schema.ts';

/** The usual proxy variables, in either spelling of their names. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

export interface DispatcherOptions {
  readonly url: string;
  readonly tls: TlsConfig;
  readonly proxyUrl: string | undefined;
  readonly environment: ProxyEnvironment;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  /** Called after each TLS handshake with the time at which the first certificate of the chain expires. */
  readonly onCertificate: (notAfterMs: number) => void;
}

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

/** Whether a `NO_PROXY` list exempts the host: `*`, a name, a domain suffix, each optionally with a port. */
function isExempt(noProxy: string, url: URL): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const host = url.hostname.replace(/^\[|\]$/g, '').toLowerCase();
  return noProxy
    .toLowerCase()
    .split(/[\s,]+/)
    .some((entry) => {
      if (entry === '*') return true;
      const [, pattern = '', entryPort] = /^\[?(.*?)\]?(?::(\d+))?$/.exec(entry) ?? [];
      const name = pattern.replace(/^\*?\./, '');
      return name !== '' && (entryPort ?? port) === port && (host === name || host.endsWith(`.${name}`));
    });
}

/** The proxy that the environment asks for, by the rules that curl and Go share. */
export function proxyFromEnvironment(target: string, environment: ProxyEnvironment): string | undefined {
  const url = new URL(target);
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  if (isExempt(read('no_proxy') ?? '', url)) return undefined;
  const proxy = read(url.protocol === 'https:' ? 'https_proxy' : 'http_proxy') ?? read('all_proxy');
  return proxy === undefined || proxy.includes('://') ? proxy : `http://${proxy}`;
}

/**
 * Connections to one CMS: keep-alive, private CA, client certificate, proxy. The certificate files are read here, once.
 * @throws when a file cannot be read or is no PEM
 */
export function createDispatcher(options: DispatcherOptions): Dispatcher {
  const { tls, onCertificate } = options;
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const report = (certificate: PeerCertificate) => {
    const notAfter = chainNotAfter(certificate);
    if (notAfter !== undefined) onCertificate(notAfter);
  };
  const secure: buildConnector.BuildOptions = {
    ca: read(tls.caFile),
    cert: read(tls.certFile),
    key: read(tls.keyFile),
    ...(tls.serverName === undefined ? {} : { servername: tls.serverName }),
    rejectUnauthorized: !tls.insecureSkipVerify,
    timeout: options.connectTimeoutMs,
  };
  // Kept alive within a poll, closed by us before the next: a reused connection that the CMS closed meanwhile would fail.
  const pool = { connections: options.connections, pipelining: 1, keepAliveTimeout: 4_000 };

  const proxy = options.proxyUrl ?? proxyFromEnvironment(options.url, options.environment);
  if (proxy !== undefined) {
    // Inside the tunnel there is no socket to ask; the identity check is the place that sees the certificate.
    const requestTls = {
      ...secure,
      checkServerIdentity: (host: string, certificate: PeerCertificate) => {
        report(certificate);
        return checkServerIdentity(host, certificate);
      },
    };
    return new ProxyAgent({ ...pool, uri: proxy, requestTls, proxyTls: { timeout: options.connectTimeoutMs } });
  }

  const connect = buildConnector(secure);
  return new Agent({
    ...pool,
    connect: (target, callback) => {
      connect(target, (...result) => {
        const socket = result[1];
        if (socket !== null && 'getPeerCertificate' in socket) report(socket.getPeerCertificate(true));
        callback(...result);
      });
    },
  });
}
