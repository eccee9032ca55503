import { isIP } from 'node:net';
import { type DetailedPeerCertificate, type PeerCertificate, TLSSocket } from 'node:tls';
import { buildConnector } from 'undici';
import type { TlsConfig } from '../config/schema.ts';
import { isSame, readTlsFiles, type TlsFiles } from './tls-files.ts';

export type Connector = buildConnector.connector;

/** The name for SNI (RFC 6066, section 3: without the trailing dot); none for an address. */
function serverNameOf(hostname: string): string {
  const host = hostname.replace(/^\[|\]$/g, '').replace(/\.$/, '');
  return isIP(host) > 0 ? '' : host;
}

/**
 * A connector that reads the TLS files before each connection: renewed files are used without a reload. While they
 * cannot be used, in the middle of a renewal for example, the files read last stay in use.
 * @param files as they were read at the start
 */
export function secureConnector(tls: TlsConfig, files: TlsFiles, options: buildConnector.BuildOptions): Connector {
  const build = () => buildConnector({ ...options, ...files, rejectUnauthorized: !tls.insecureSkipVerify });
  let connect = build();
  return (target, callback) => {
    try {
      const found = readTlsFiles(tls);
      if (!isSame(files, found)) {
        files = found;
        connect = build();
      }
    } catch {
      // The connection shows whether the old files still do.
    }
    // undici would take the name from the Host header, which the signing options may change.
    connect({ ...target, servername: tls.serverName ?? serverNameOf(target.hostname) }, callback);
  };
}

/** Calls back for every connection with the time at which the first certificate of its chain expires. */
export function reportingCertificates(connect: Connector, onCertificate: (notAfterMs: number) => void): Connector {
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
