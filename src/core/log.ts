import { type Logger, pino, stdTimeFunctions } from 'pino';

export type { Logger };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** `key=value`, quoted where it holds anything but plain characters, as go-kit's logfmt does. */
function pair(key: string, value: unknown): string {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return `${key}=${/^[^\s"=\\]+$/.test(text) ? text : JSON.stringify(text)}`;
}

function toLogfmt(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = { ts: time, level, msg, ...rest };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `${known.map(([key, value]) => pair(key, value)).join(' ')}\n`;
}

/**
 * A logger that writes one line an event to `stream`. Errors are logged by message and hint, never whole: what hangs
 * on them (requests, headers) may hold secrets.
 */
export function createLogger(level: LogLevel, format: LogFormat, stream: { write(line: string): unknown }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void stream.write(format === 'json' ? line : toLogfmt(line)) },
  );
}
