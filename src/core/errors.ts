import { printable } from './format.ts';

/** Why a request or a poll failed; the `reason` label of the failure counters. Each calls for another action. */
export const FAILURE_REASONS = ['auth', 'http', 'api', 'network', 'timeout', 'tls', 'invalid', 'incomplete'] as const;
export type FailureReason = (typeof FAILURE_REASONS)[number];

/** One mistake in a file the user wrote. `line` and `column` count from 1; `path` is like `call_centers[0].url`. */
export interface Problem {
  readonly file: string;
  readonly line?: number;
  readonly column?: number;
  readonly path?: string;
  readonly message: string;
}

/** `file:line:column: path: message` without the parts that are unknown; safe to print ({@link printable}). */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return printable(path === undefined || path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`);
}

/** Messages may hold text from outside. Their own line breaks stay. */
function printableLines(message: string): string {
  return message.split('\n').map(printable).join('\n');
}

/** A file the user wrote cannot be used; carries every problem, not the first one only. Exit code 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly kind = 'config';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[]) {
    super(problems.map(formatProblem).join('\n'));
    this.problems = problems;
  }
}

/** The command line is wrong. Exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
  readonly kind = 'usage';

  constructor(message: string, options?: ErrorOptions) {
    super(printableLines(message), options);
  }
}

/** A task of the user could not be carried out; the message says why. Exit code 1. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly kind = 'operation';

  constructor(message: string, options?: ErrorOptions) {
    super(printableLines(message), options);
  }
}

export interface ApiErrorOptions {
  readonly reason: FailureReason;
  /** What to check, for the person on call; one sentence. */
  readonly hint: string;
  readonly retryAfterMs?: number | undefined;
  /** HTTP status, when there was a response. */
  readonly status?: number | undefined;
  /** The CMS's own `resultCode`, when it sent one. */
  readonly resultCode?: string | undefined;
  readonly cause?: unknown;
}

/** A request to the CMS failed. The message never contains the secret key or the Authorization header. */
export class ApiError extends Error {
  override readonly name = 'ApiError';
  readonly kind = 'api';
  readonly reason: FailureReason;
  readonly hint: string;
  readonly retryAfterMs: number | undefined;
  readonly status: number | undefined;
  readonly resultCode: string | undefined;

  constructor(message: string, options: ApiErrorOptions) {
    super(printable(message), { cause: options.cause });
    this.reason = options.reason;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.resultCode = options.resultCode;
  }
}
