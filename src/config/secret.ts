import { readFile } from 'node:fs/promises';

import { OperationError } from '../errors.ts';
import { readFailure, withoutTrailingNewline } from './files.ts';
import type { SecretSource } from './schema.ts';

/**
 * The secret itself. A file is read anew each time, so that a rotated secret needs no restart; line breaks at its end
 * do not count. Throws {@link OperationError} when it cannot be read or is empty.
 */
export async function readSecret(source: SecretSource): Promise<string> {
  if ('value' in source) return source.value;
  let content: string;
  try {
    content = await readFile(source.file, 'utf8');
  } catch (error) {
    // Without the cause, whose message has the path: the path may come from the environment.
    throw new OperationError(`Cannot read the file of secret_key_file: ${readFailure(error)}`);
  }
  const secret = withoutTrailingNewline(content);
  if (secret === '') throw new OperationError('The file of secret_key_file is empty');
  return secret;
}
