import { readFile } from 'node:fs/promises';

import { OperationError } from '../core/errors.ts';
import { readFailure, secretIn } from './file-checks.ts';
import type { SecretSource } from './schema.ts';

/**
 * The secret. A file is read every time, so that a rotated secret needs no restart; line breaks at its end are ignored.
 * Throws {@link OperationError} when the file cannot be read or contains no secret.
 */
export async function readSecret(source: SecretSource): Promise<string> {
  if ('value' in source) return source.value;
  let bytes: Buffer;
  try {
    bytes = await readFile(source.file);
  } catch (error) {
    // No cause: its message has the path, which may come from the environment.
    throw new OperationError(`Cannot read the file of secret_key_file: ${readFailure(error)}`);
  }
  const found = secretIn(bytes);
  if (found.problem !== undefined) throw new OperationError(`secret_key_file: ${found.problem}`);
  return found.secret;
}
