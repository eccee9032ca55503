import type { Writable } from 'node:stream';

/** The streams and the environment of a command. */
export interface CommandIo {
  readonly stdout: Writable;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted to stop cleanly (SIGTERM, SIGINT). */
  readonly signal: AbortSignal;
}
