import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { errorCode } from '../core/format.ts';

/** A line break or another control character in a secret, name, host or header is always a mistake. */
export const CONTROL = /\p{Cc}/u;

/** Completes a sentence about a value that {@link isQuoted}. */
export const QUOTED = 'has quotes around it, which would be part of it: remove them';

/** Whether a text has the same kind of quotes at both ends. */
export function isQuoted(text: string): boolean {
  return /^(["']).*\1$/s.test(text) && text.length > 1;
}

export type FileKind = 'certificate' | 'key' | 'secret';

const REASONS: Partial<Record<string, string>> = {
  ENOENT: 'no such file',
  ENOTDIR: 'a part of the path is not a directory',
  EACCES: 'permission denied',
  EPERM: 'permission denied',
  EISDIR: 'it is a directory',
  ELOOP: 'too many symbolic links',
};

/** Why a file could not be read, without its path or contents. */
export function readFailure(error: unknown): string {
  const code = errorCode(error) ?? 'unknown error';
  return REASONS[code] ?? code;
}

/**
 * The problem of a file that the config names; undefined when it can be used.
 * @param certFile the certificate that a key must belong to
 */
export async function checkFile(path: string, kind: FileKind, certFile?: string): Promise<string | undefined> {
  let bytes: Buffer;
  try {
    bytes = await readFile(path);
  } catch (error) {
    return `Cannot read the file: ${readFailure(error)}`;
  }
  if (kind === 'secret') return secretIn(bytes).problem;
  const content = bytes.toString();
  if (kind === 'certificate') return certificateProblem(content);
  if (!isPrivateKey(content)) return 'The file holds no unencrypted private key in PEM format';
  return certFile === undefined || (await isPair(certFile, content))
    ? undefined
    : 'The key does not belong to the certificate of cert_file';
}

/** Also true for a certificate that cannot be read: that is reported on its own. */
async function isPair(certFile: string, key: string): Promise<boolean> {
  const certificate = await readFile(certFile, 'utf8').catch(() => '');
  return !isCertificate(certificate) || new X509Certificate(certificate).checkPrivateKey(createPrivateKey(key));
}

/**
 * The secret in a file, or the problem of the file. Line breaks at the end and a byte order mark at the start are not
 * part of the secret: editors and `echo` write them.
 */
export function secretIn(bytes: Uint8Array): { secret: string; problem?: undefined } | { problem: string } {
  let secret: string;
  try {
    secret = new TextDecoder('utf-8', { fatal: true }).decode(bytes).replace(/[\r\n]+$/, '');
  } catch {
    return { problem: 'The file is not UTF-8 text' };
  }
  if (secret === '') return { problem: 'The file is empty' };
  if (isQuoted(secret)) return { problem: `The secret in the file ${QUOTED}` };
  return CONTROL.test(secret) ? { problem: 'The file must hold the secret in one line, and nothing else' } : { secret };
}

const CERTIFICATE_BLOCK =
  /-----BEGIN (X509 |TRUSTED )?CERTIFICATE-----(?:[^-]*-----END (?:X509 |TRUSTED )?CERTIFICATE-----)?/g;

/** What is wrong with the certificates of a file. OpenSSL skips a malformed one without an error: each is checked. */
export function certificateProblem(pem: string): string | undefined {
  const blocks = [...pem.matchAll(CERTIFICATE_BLOCK)];
  for (const [index, { 0: block, 1: form = '', index: at }] of blocks.entries()) {
    // Certificates in OpenSSL's own trusted form are not what X509Certificate reads.
    if (form === 'TRUSTED ' || isCertificate(block)) continue;
    const line = pem.slice(0, at).split('\n').length;
    return `Certificate ${index + 1} of the file (line ${line}) is malformed`;
  }
  return blocks.length > 0 ? undefined : 'The file holds no certificate in PEM format';
}

function isCertificate(pem: string): boolean {
  try {
    new X509Certificate(pem);
    return true;
  } catch {
    return false;
  }
}

function isPrivateKey(pem: string): boolean {
  try {
    createPrivateKey(pem);
    return true;
  } catch {
    return false;
  }
}
