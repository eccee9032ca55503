import { isIPv6, SocketAddress } from 'node:net';
import type { TLSSocket } from 'node:tls';

import type { WebTlsConfig } from './tls-files.ts';

type ClientRules = Pick<WebTlsConfig, 'clientAuth' | 'clientAllowedSans'>;

/** Why a client may not connect although the TLS handshake succeeded; undefined when it may. */
export function certificateProblem(
  { clientAuth, clientAllowedSans }: ClientRules,
  socket: TLSSocket,
): string | undefined {
  if (!clientAuth.request) return undefined;
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
 * DNS, e-mail, URI and IP names from the text that Node makes of them: `DNS:a, IP Address:::1`, where a value with
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
