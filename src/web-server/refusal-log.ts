import type { Clock } from '../core/clock.ts';

/** Each call writes one event. */
export interface Logger {
  debug(details: object, message: string): void;
  info(details: object, message: string): void;
  warn(details: object, message: string): void;
  error(details: object, message: string): void;
}

/** How often the same refusal is logged. */
const LOG_INTERVAL_MS = 60_000;

export interface Refusal {
  /** Such as "Refused a connection". */
  readonly message: string;
  /** One of a fixed set, such as an error code: never text that a client sent. */
  readonly reason: string;
  readonly client: string | undefined;
  readonly level?: 'debug' | 'warn';
}

export type LogRefusal = (refusal: Refusal) => void;

/** Logs refusals, each combination of message and reason at most once a minute: a client can cause thousands a second. */
export function createRefusalLog(logger: Logger, clock: Pick<Clock, 'monotonic'>): LogRefusal {
  const loggedAt = new Map<string, number>();
  return ({ message, reason, client, level = 'warn' }) => {
    const key = `${message}: ${reason}`;
    const now = clock.monotonic();
    const last = loggedAt.get(key);
    if (last !== undefined && now - last < LOG_INTERVAL_MS) return;
    loggedAt.set(key, now);
    logger[level]({ client, reason }, message);
  };
}
