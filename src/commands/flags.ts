import { parseArgs, type ParseArgsConfig } from 'node:util';
import { MAX_VDNS } from '../config/schema.ts';
import { UsageError } from '../core/errors.ts';

/**
 * Reads flags. Positional arguments are refused, and so is a flag that is given twice where only one value counts.
 * @throws UsageError
 */
export function readFlags<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  const { values, tokens } = parse(args, options);
  const seen = new Set<string>();
  for (const token of tokens) {
    if (token.kind !== 'option' || options[token.name]?.multiple === true) continue;
    if (seen.has(token.name)) throw new UsageError(`--${token.name} is given more than once: give it once`);
    seen.add(token.name);
  }
  return values;
}

function parse<const T extends NonNullable<ParseArgsConfig['options']>>(args: readonly string[], options: T) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false, tokens: true });
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.replaceAll(/\s+/g, ' ') : 'Wrong command line';
    throw new UsageError(message, { cause });
  }
}

/** @throws UsageError when it is missing */
export function required(flag: string, value: string | undefined): string {
  if (!value) throw new UsageError(`--${flag} is missing`);
  return value;
}

/** @throws UsageError when the value is none of the choices */
export function oneOf<T extends string>(flag: string, value: string, choices: readonly T[]): T {
  const choice = choices.find((known) => known === value);
  if (choice === undefined) throw new UsageError(`--${flag} is "${value}": use one of ${choices.join(', ')}`);
  return choice;
}

/** @throws UsageError when the value is not a whole number from `min` to `max` */
export function wholeNumber(flag: string, value: string, min: number, max: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= min && number <= max) return number;
  throw new UsageError(`--${flag} is "${value}": use a whole number from ${min} to ${max}`);
}

/**
 * Reads ids and ranges such as `1,2,10-19`, ascending, from 1 to `max`.
 * @throws UsageError
 */
export function readIds(flag: string, text: string, max: number): number[] {
  const ids = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim()) ?? [];
    const from = Number(first);
    const to = Number(last);
    if (first === '' || from < 1 || to > max || to < from || to - from > MAX_VDNS) {
      throw new UsageError(`--${flag} is "${text}": write ids and ranges of ids from 1 to ${max}, like 1,2,10-19`);
    }
    for (let id = from; id <= to; id++) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}
