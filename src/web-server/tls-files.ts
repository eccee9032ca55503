import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import type { SecureContextOptions, SecureVersion } from 'node:tls';

import { readFailure } from '../config/file-checks.ts';
import type { ClientAuth } from './tls-names.ts';
import { errorMessage } from '../core/format.ts';

/** PEM text as the web config gives it: a path, or the text itself. */
export type PemSource = { readonly file: string } | { readonly pem: string };

export interface WebTlsConfig {
  readonly cert: PemSource;
  readonly key: PemSource;
  readonly clientCa: PemSource | undefined;
  readonly clientAuth: ClientAuth;
  /** Undefined accepts every certificate that `clientAuth` accepts. */
  readonly clientAllowedSans: readonly string[] | undefined;
  readonly minVersion: SecureVersion;
  readonly maxVersion: SecureVersion;
  /** OpenSSL's names, separated by colons. */
  readonly ciphers: string;
  /** OpenSSL's names; undefined means Node's choice. */
  readonly ecdhCurve: string | undefined;
  readonly honorCipherOrder: boolean;
}

export type TlsPart = 'cert' | 'key' | 'clientCa';
export interface TlsProblem {
  readonly part: TlsPart;
  readonly message: string;
}

/** What the files held when they were read. */
export interface TlsMaterial {
  readonly options: SecureContextOptions;
  readonly notAfter: Date;
}

const PEM_CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Reads and checks certificate, key and CA. Returns every problem instead if there is one; never throws. */
export function readTlsMaterial(tls: WebTlsConfig): TlsMaterial | TlsProblem[] {
  const problems: TlsProblem[] = [];
  const attempt = <T>(part: TlsPart, action: () => T): T | undefined => {
    try {
      return action();
    } catch (error) {
      problems.push({ part, message: errorMessage(error) });
      return undefined;
    }
  };

  const cert = attempt('cert', () => certificates(tls.cert));
  const key = attempt('key', () => privateKey(tls.key));
  const { clientCa } = tls;
  const ca = clientCa === undefined ? undefined : attempt('clientCa', () => certificates(clientCa));
  if (cert !== undefined && key !== undefined && !cert.first.checkPrivateKey(createPrivateKey(key))) {
    problems.push({ part: 'key', message: 'The key does not belong to the certificate' });
  }
  if (cert === undefined || key === undefined || problems.length > 0) return problems;

  const options = secureContextOptions(tls, cert.pem.join('\n'), key, ca?.pem);
  attempt('cert', () => createSecureContext(options));
  return problems.length > 0 ? problems : { options, notAfter: new Date(cert.first.validTo) };
}

export interface TlsFilesEvents {
  readonly onRenewed: (material: TlsMaterial) => void;
  readonly onProblems: (messages: readonly string[]) => void;
}

/**
 * Returns a function that reads certificate, key and client CA again if one of the files has changed since the last
 * call. Problems are reported once for each change.
 */
export function watchTlsFiles(tls: WebTlsConfig, { onRenewed, onProblems }: TlsFilesEvents): () => void {
  let seen = fingerprint(tls);
  return () => {
    const current = fingerprint(tls);
    if (current === seen) return;
    // Taken before reading: a file that is written meanwhile is read at the next call.
    seen = current;
    const material = readTlsMaterial(tls);
    if (Array.isArray(material)) onProblems(material.map(({ message }) => message));
    else onRenewed(material);
  };
}

/** Changes when one of the files is written or replaced. */
function fingerprint({ cert, key, clientCa }: WebTlsConfig): string {
  return [cert, key, clientCa]
    .map((source) => {
      if (source === undefined || 'pem' in source) return '';
      try {
        const { ino, size, mtimeNs, ctimeNs } = statSync(source.file, { bigint: true });
        return [ino, size, mtimeNs, ctimeNs].join(' ');
      } catch {
        return 'unreadable';
      }
    })
    .join('\n');
}

function secureContextOptions(
  tls: WebTlsConfig,
  cert: string,
  key: string,
  ca: string[] | undefined,
): SecureContextOptions {
  // OpenSSL 3 allows TLS 1.0 and 1.1 only at its lowest security level: they sign with SHA-1.
  const legacy = tls.minVersion === 'TLSv1' || tls.minVersion === 'TLSv1.1';
  const ciphers = legacy ? `${tls.ciphers}:@SECLEVEL=0` : tls.ciphers;
  return {
    cert,
    key,
    minVersion: tls.minVersion,
    maxVersion: tls.maxVersion,
    honorCipherOrder: tls.honorCipherOrder,
    ciphers,
    ...(ca === undefined ? {} : { ca }),
    ...(tls.ecdhCurve === undefined ? {} : { ecdhCurve: tls.ecdhCurve }),
  };
}

/** All certificates of a PEM text. */
function certificates(source: PemSource): { pem: string[]; first: X509Certificate } {
  const pem = readPem(source).match(PEM_CERTIFICATE) ?? [];
  const parsed = pem.map((block) => {
    try {
      return new X509Certificate(block);
    } catch (error) {
      throw new Error(`${where(source)} holds a certificate that cannot be decoded`, { cause: error });
    }
  });
  const [first] = parsed;
  if (first === undefined) throw new Error(`${where(source)} holds no certificate in PEM (BEGIN CERTIFICATE)`);
  return { pem, first };
}

function privateKey(source: PemSource): string {
  const pem = readPem(source);
  if (/BEGIN ENCRYPTED PRIVATE KEY|Proc-Type: 4,ENCRYPTED/.test(pem)) {
    throw new Error(`${where(source)} holds a key with a passphrase, which is not supported; remove the passphrase`);
  }
  try {
    createPrivateKey(pem);
  } catch (error) {
    throw new Error(`${where(source)} holds no private key in PEM (BEGIN PRIVATE KEY)`, { cause: error });
  }
  return pem;
}

function readPem(source: PemSource): string {
  if ('pem' in source) return source.pem;
  try {
    return readFileSync(source.file, 'utf8');
  } catch (error) {
    throw new Error(`Cannot read ${source.file}: ${readFailure(error)}`, { cause: error });
  }
}

function where(source: PemSource): string {
  return 'pem' in source ? 'The text' : source.file;
}
