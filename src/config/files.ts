import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';

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
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
  return REASONS[code] ?? code;
}

/** What is wrong with a file that the config names; undefined when it can be used. */
export async function checkFile(path: string, kind: FileKind): Promise<string | undefined> {
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (error) {
    return `Cannot read the file: ${readFailure(error)}`;
  }
  if (kind === 'secret') return withoutTrailingNewline(content) === '' ? 'The file is empty' : undefined;
  if (kind === 'certificate') return isCertificate(content) ? undefined : 'The file holds no certificate in PEM format';
  return isPrivateKey(content) ? undefined : 'The file holds no unencrypted private key in PEM format';
}

/** Editors and `echo` end a file with a line break that is no part of the secret. */
export function withoutTrailingNewline(content: string): string {
  return content.replace(/[\r\n]+$/, '');
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
