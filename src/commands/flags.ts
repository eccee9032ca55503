import type { Writable } from 'node:stream';
import { parseArgs, type ParseArgsConfig } from 'node:util';
import { type CallCenterConfig, type Config, MAX_VDN_ID, MAX_VDNS, type Vdn } from '../config/schema.ts';
import { UsageError } from '../core/errors.ts';
import { formatIds } from '../core/format.ts';
import type { HistoryTarget } from '../history/plan.ts';

/** Reads flags; nothing else may stand on the command line. @throws UsageError */
export function readFlags<const T extends NonNullable<ParseArgsConfig['options']>>(
  args: readonly string[],
  options: T,
): ReturnType<typeof parseArgs<{ options: T }>>['values'] {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values;
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

/** @throws UsageError when the value is no whole number from `least` to `most` */
export function wholeNumber(flag: string, value: string, least: number, most: number): number {
  const number = /^\d{1,10}$/.test(value) ? Number(value) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`--${flag} is "${value}": use a whole number from ${least} to ${most}`);
}

/** What every question about the past is asked with. */
export const QUESTION_FLAGS = {
  'config.file': { type: 'string' },
  'call-center': { type: 'string' },
  vdn: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
} as const;

/** A call center and those of its VDNs that a command is about. */
export interface Selection {
  readonly config: CallCenterConfig;
  readonly vdns: readonly Vdn[] | 'all';
}

/**
 * What `--call-center` and `--vdn` choose; everything without them.
 * @throws UsageError for a name or an id that is not configured
 */
export function select(
  { callCenters, vdnLabelNames }: Config,
  flags: { readonly callCenter: string | undefined; readonly vdn: string | undefined },
): Selection[] {
  const chosen = callCenters.filter(({ name }) => flags.callCenter === undefined || name === flags.callCenter);
  if (chosen.length === 0) {
    const known = callCenters.map(({ name }) => name).join(', ');
    throw new UsageError(`--call-center is "${flags.callCenter ?? ''}", which is not configured: use one of ${known}`);
  }
  if (flags.vdn === undefined) return chosen.map((config) => ({ config, vdns: config.vdns }));

  const ids = readIds('vdn', flags.vdn, MAX_VDN_ID);
  const labels = Object.fromEntries(vdnLabelNames.map((name) => [name, '']));
  const selections = chosen.map((config) => ({
    config,
    vdns: ids.flatMap((id) =>
      config.vdns === 'all' ? [{ id, name: '', labels }] : config.vdns.filter((vdn) => vdn.id === id),
    ),
  }));
  const found = new Set(selections.flatMap(({ vdns }) => vdns.map(({ id }) => id)));
  const unknown = ids.filter((id) => !found.has(id));
  if (unknown.length > 0) {
    const where = chosen.map(({ name }) => name).join(', ');
    throw new UsageError(`--vdn: VDN ${formatIds(unknown)} is not configured for call center ${where}`);
  }
  return selections.filter(({ vdns }) => vdns.length > 0);
}

/** What to ask the API about. */
export function targetsOf(selections: readonly Selection[]): HistoryTarget[] {
  return selections.map(({ config: { name }, vdns }) => ({
    callCenter: name,
    vdns: vdns === 'all' ? vdns : vdns.map(({ id }) => id),
  }));
}

/**
 * Ids and ranges such as `1,2,10-19`, ascending, from 1 to `most`.
 * @throws UsageError
 */
export function readIds(flag: string, text: string, most: number): number[] {
  const ids = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,10})(?:-(\d{1,10}))?$/.exec(part.trim()) ?? [];
    const from = Number(first);
    const to = Number(last);
    if (first === '' || from < 1 || to > most || to < from || to - from > MAX_VDNS) {
      throw new UsageError(`--${flag} is "${text}": write ids and ranges of ids from 1 to ${most}, like 1,2,10-19`);
    }
    for (let id = from; id <= to; id++) ids.add(id);
  }
  return [...ids].sort((a, b) => a - b);
}

/** The streams and the surroundings of a command. */
export interface CommandIo {
  readonly stdout: Writable;
  readonly stderr: NodeJS.WritableStream & { readonly isTTY?: boolean };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted to stop cleanly (SIGTERM, SIGINT). */
  readonly signal: AbortSignal;
}
