import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { certificateProblem } from '../config/file-checks.ts';
import type { TlsConfig } from '../config/schema.ts';
import { OperationError } from '../core/errors.ts';

/** The content of each file that is configured. */
export type TlsFiles = Readonly<Record<'ca' | 'cert' | 'key', Buffer | undefined>>;

/**
 * Reads the TLS files and checks that they can be used together.
 * @throws OperationError for a malformed certificate, or what `fs` or OpenSSL throws
 */
export function readTlsFiles({ caFile, certFile, keyFile }: TlsConfig): TlsFiles {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const files = { ca: read(caFile), cert: read(certFile), key: read(keyFile) };
  for (const [part, name] of [
    ['ca', 'ca_file'],
    ['cert', 'cert_file'],
  ] as const) {
    const problem = files[part] === undefined ? undefined : certificateProblem(files[part].toString());
    if (problem !== undefined) throw new OperationError(`Cannot use ${name}: ${problem}`);
  }
  createSecureContext(files);
  return files;
}

/** Whether the files have the same content. */
export function isSame(a: TlsFiles, b: TlsFiles): boolean {
  return (['ca', 'cert', 'key'] as const).every((part) => (a[part] ?? '').toString() === (b[part] ?? '').toString());
}
