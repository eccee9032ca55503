import { readFile } from 'node:fs/promises';

import { OperationError } from '../core/errors.ts';
import { readFailure, secretIn } from './file-checks.ts';
import type { SecretSource } from './schema.ts';

/**
 * The secret itself. A file is read anew each time, so that a rotated secret needs no restart; line breaks at its end
 * do not count. Throws {@link OperationError} when it cannot be read or is no secret.
 */
export async function readSecret(source: SecretSource): Promise<string> {
  if ('value' in source) return source.value;
  let bytes: Buffer;
  try {
    bytes = await readFile(source.file);
  } catch (error) {
    // Without the cause, whose message has the path: the path may come from the environment.
    throw new OperationError(`Cannot read the file of secret_key_file: ${readFailure(error)}`);
  }
  const found = secretIn(bytes);
  if (found.problem !== undefined) throw new OperationError(`secret_key_file: ${found.problem}`);
  return found.secret;
}
