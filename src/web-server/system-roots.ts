import { existsSync } from 'node:fs';

import type { PemSource } from './tls-files.ts';

/** The CAs that a system trusts, by distribution: Debian, Fedora, openSUSE, OpenELEC, CentOS, Alpine. Go looks there, too. */
const BUNDLES = [
  '/etc/ssl/certs/ca-certificates.crt',
  '/etc/pki/tls/certs/ca-bundle.crt',
  '/etc/ssl/ca-bundle.pem',
  '/etc/pki/tls/cacert.pem',
  '/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem',
  '/etc/ssl/cert.pem',
];

/** The CAs that the system trusts; undefined when it has none, which leaves those that Node.js brings along. */
export function systemRoots(): PemSource | undefined {
  const file = BUNDLES.find((path) => existsSync(path));
  return file === undefined ? undefined : { file };
}
