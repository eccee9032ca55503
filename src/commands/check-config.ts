import { parseArgs } from 'node:util';

import type { Environment } from '../config/environment.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { ConfigError, UsageError } from '../errors.ts';

interface Output {
  write(text: string): unknown;
}

export interface CheckConfigIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
}

/**
 * `check-config --config.file=F`: says what the config holds and returns 0, or writes every problem in it, one a line,
 * to stderr and returns 2. Throws UsageError for a wrong command line.
 */
export async function checkConfig(argv: readonly string[], { stdout, stderr, env }: CheckConfigIo): Promise<number> {
  const file = configFile(argv);
  try {
    const config = await loadConfig(file, env);
    for (const warning of config.warnings) stderr.write(`Warning: ${warning}\n`);
    stdout.write(`OK: ${summary(config)}\n`);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    stderr.write(`${error.message}\n${plural(error.problems.length, 'problem')} found\n`);
    return 2;
  }
}

function configFile(argv: readonly string[]): string {
  let file: string | undefined;
  try {
    file = parseArgs({ args: [...argv], options: { 'config.file': { type: 'string' } } }).values['config.file'];
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : 'Wrong command line', { cause: error });
  }
  if (file === undefined || file === '') throw new UsageError('Say which file to check: --config.file=FILE');
  return file;
}

function summary({ callCenters }: Config): string {
  const vdns = callCenters.reduce(
    (sum, callCenter) => sum + (callCenter.vdns === 'all' ? 0 : callCenter.vdns.length),
    0,
  );
  const whole = callCenters.filter((callCenter) => callCenter.vdns === 'all').length;
  return [
    plural(callCenters.length, 'call center'),
    ...(vdns > 0 || whole === 0 ? [plural(vdns, 'VDN')] : []),
    ...(whole > 0 ? [`all VDNs of ${plural(whole, 'call center')}`] : []),
  ].join(', ');
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}
