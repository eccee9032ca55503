import { oneLine } from '../core/format.ts';

const DECIMAL = /^\s*[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?\s*$/i;

/** A JSON number, or a text that is one; anything else is NaN. */
export function toNumber(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && DECIMAL.test(value) ? Number(value) : NaN;
}

export function isAbsent(value: unknown): boolean {
  return value === undefined || value === null;
}

export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Removes secrets from a text that comes from outside. */
export type Redact = (text: string) => string;

/** At most 40 characters of a value, safe to print. Objects are not shown: they may be nested without end. */
export function excerpt(value: unknown, redact: Redact): string {
  if (typeof value === 'object' && value !== null) return Array.isArray(value) ? 'an array' : 'an object';
  const text = typeof value === 'string' ? JSON.stringify(redact(value).slice(0, 40)) : String(value);
  return oneLine(text.length > 40 ? `${text.slice(0, 37)}...` : text, 100);
}
