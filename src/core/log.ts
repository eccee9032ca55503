import { type Logger, pino, stdTimeFunctions } from 'pino';
import { printable } from './format.ts';

export type { Logger };

export const LOG_LEVELS = ['debug', 'info', 'warn', 'error'] as const;
export const LOG_FORMATS = ['logfmt', 'json'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export type LogFormat = (typeof LOG_FORMATS)[number];

/** `key=value` in the style of go-kit's logfmt: quoted unless it is plain; a list of texts is joined with `; `. */
function pair(key: string, value: unknown): string {
  const isList = Array.isArray(value) && value.every((item) => typeof item === 'string');
  const text = isList ? value.join('; ') : typeof value === 'string' ? value : JSON.stringify(value);
  const isPlain = /^[^\s"=\\]+$/.test(text) && printable(text) === text;
  return `${printable(key)}=${isPlain ? text : printable(JSON.stringify(text))}`;
}

function toLogfmt(line: string): string {
  const { time, level, msg, ...rest } = JSON.parse(line) as Record<string, unknown>;
  const fields = { ts: time, level, msg, ...rest };
  const known = Object.entries(fields).filter(([, value]) => value !== undefined);
  return `${known.map(([key, value]) => pair(key, value)).join(' ')}\n`;
}

/** pino escapes what JSON requires. The other characters of {@link printable} may be escaped inside JSON texts too. */
function toJson(line: string): string {
  return `${printable(line.trimEnd())}\n`;
}

/**
 * A logger that writes one line per event to `stream`; text from outside cannot control a terminal that shows it.
 * Log the message and the hint of an error, never the error itself: its request and headers may hold secrets.
 */
export function createLogger(level: LogLevel, format: LogFormat, stream: { write(line: string): unknown }): Logger {
  return pino(
    {
      level,
      base: null,
      timestamp: stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
    },
    { write: (line: string) => void stream.write(format === 'json' ? toJson(line) : toLogfmt(line)) },
  );
}
