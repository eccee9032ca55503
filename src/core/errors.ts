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

/** `file:line:column: path: message`, leaving out what is unknown. */
export function formatProblem({ file, line, column, path, message }: Problem): string {
  const place = [file, line, column].filter((part) => part !== undefined).join(':');
  return path === undefined || path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** A file the user wrote cannot be used; carries every problem found, not the first. Exit code 2. */
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
}

/** Something the user asked for could not be done, for a reason that the message states. Exit code 1. */
export class OperationError extends Error {
  override readonly name = 'OperationError';
  readonly kind = 'operation';
}

export interface ApiErrorOptions {
  readonly reason: FailureReason;
  /** What to check, for the person on call; one sentence. */
  readonly hint: string;
  readonly retryAfterMs?: number | undefined;
  /** HTTP status, when there was an answer. */
  readonly status?: number | undefined;
  /** The CMS' own `resultCode`, when it sent one. */
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
    super(message, { cause: options.cause });
    this.reason = options.reason;
    this.hint = options.hint;
    this.retryAfterMs = options.retryAfterMs;
    this.status = options.status;
    this.resultCode = options.resultCode;
  }
}
