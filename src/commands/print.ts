import type { Writable } from 'node:stream';
import { streamOutput } from '../history/output.ts';

/** Characters written at once. */
const PIECE_LENGTH = 65_536;

/**
 * Writes lines to the standard output.
 * @throws OperationError when the reader has gone
 */
export async function printLines(lines: Iterable<string>, stdout: Writable): Promise<void> {
  const output = streamOutput(stdout, 'the standard output');
  let text = '';
  for (const line of lines) {
    text += line;
    if (text.length < PIECE_LENGTH) continue;
    await output.write(text);
    text = '';
  }
  await output.write(text);
  await output.sync();
}
