import { isIPv6, SocketAddress } from 'node:net';
import type { Socket } from 'node:net';
import { createServer } from 'node:tls';
import type { Server, TLSSocket } from 'node:tls';

import { fingerprint, readTlsMaterial } from './tls-files.ts';
import type { TlsMaterial, WebTlsConfig } from './tls-files.ts';

export interface TlsFrontOptions {
  readonly tls: WebTlsConfig;
  readonly material: TlsMaterial;
  /** Until the handshake must be done, in milliseconds. */
  readonly handshakeTimeout: number;
  /** Gets the connections that came through. */
  readonly accept: (socket: TLSSocket) => void;
  /** `reason` is the same for the same cause. */
  readonly refused: (socket: TLSSocket, reason: string) => void;
  readonly renewed: (notAfter: Date) => void;
  readonly notRenewed: (messages: readonly string[]) => void;
}

/**
 * Takes plain connections and does the TLS handshake on them. Before each it looks whether the files of certificate,
 * key and client CA changed, and reads them again; what cannot be used is reported once, and the old one stays.
 */
export function tlsFront(options: TlsFrontOptions): (socket: Socket) => void {
  const { tls, accept, refused } = options;
  const server = createServer({
    ...options.material.options,
    ALPNProtocols: ['http/1.1'],
    handshakeTimeout: options.handshakeTimeout,
    requestCert: tls.clientAuth.ask,
    // The other types look at the certificate only after the handshake, where OpenSSL has just these two.
    rejectUnauthorized: tls.clientAuth.require && tls.clientAuth.verify,
  });
  server.on('secureConnection', (socket) => {
    const reason = whyNot(tls, socket);
    if (reason === undefined) {
      accept(socket);
      return;
    }
    refused(socket, reason);
    // An error of a connection that nobody uses.
    socket.on('error', () => undefined).destroy();
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket) => {
    // Node's typing has a string here and an Error in the documentation; it is the code or null.
    const unauthorized: unknown = socket.authorizationError;
    refused(socket, typeof unauthorized === 'string' ? unauthorized : (error.code ?? error.message));
    socket.destroy();
  });

  const renew = renewal(server, options);
  return (socket) => {
    renew();
    server.emit('connection', socket);
  };
}

function renewal(server: Server, { tls, renewed, notRenewed }: TlsFrontOptions): () => void {
  let seen = fingerprint(tls);
  return () => {
    const now = fingerprint(tls);
    if (now === seen) return;
    // Taken before reading: what is written meanwhile is read at the next connection.
    seen = now;
    const material = readTlsMaterial(tls);
    if (Array.isArray(material)) {
      notRenewed(material.map(({ message }) => message));
      return;
    }
    server.setSecureContext(material.options);
    renewed(material.notAfter);
  };
}

/** Why a client that did the handshake is not let in, if so. */
function whyNot({ clientAuth, clientAllowedSans }: WebTlsConfig, socket: TLSSocket): string | undefined {
  if (!clientAuth.ask) return undefined;
  const certificate = socket.getPeerX509Certificate();
  if (certificate === undefined) {
    const needed = clientAuth.require || clientAllowedSans !== undefined;
    return needed ? 'no client certificate' : undefined;
  }
  if (clientAuth.verify && !socket.authorized) return 'client certificate not trusted';
  const allowed = clientAllowedSans?.some((san) => subjectAltNames(certificate.subjectAltName).has(san)) ?? true;
  return allowed ? undefined : 'client certificate has none of client_allowed_sans';
}

/**
 * DNS, e-mail, URI and IP names out of the text that Node makes of them: `DNS:a, IP Address:::1`, where a value with
 * special characters is a JSON string (https://nodejs.org/api/crypto.html#x509subjectaltname).
 */
export function subjectAltNames(text: string | undefined): Set<string> {
  const names = new Set<string>();
  for (const [, kind, quoted, plain = ''] of (text ?? '').matchAll(
    /(?:^|, )(DNS|email|URI|IP Address):(?:("(?:[^"\\]|\\.)*")|([^,]*))/g,
  )) {
    const name = quoted === undefined ? plain : String(JSON.parse(quoted));
    // OpenSSL writes IPv6 addresses in full, the config has them in their short form.
    names.add(
      kind === 'IP Address' && isIPv6(name) ? new SocketAddress({ address: name, family: 'ipv6' }).address : name,
    );
  }
  return names;
}
