import type { Environment } from '../config/env-expansion.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { createClientFor } from '../cms/create-client.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { ConfigError, OperationError, type Problem } from '../core/errors.ts';
import { loadWebConfig, NO_WEB_CONFIG } from '../web-server/web-config.ts';
import { count } from '../core/format.ts';
import { readFlags, required } from './flags.ts';
import { openingReport } from './opening-report.ts';

interface Output {
  write(text: string): unknown;
}

export interface CheckConfigIo {
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Environment;
}

const CHECK_CONFIG_USAGE = `Usage: aicc-cti-exporter check-config --config.file=FILE [--web.config.file=FILE]

Checks the configuration, and the web config if it is named. Prints the next opening and closing of the lines that have
opening hours. Exit code 0 if everything is valid, 2 with every problem if not.
`;

/** The problems that loading ends with; none if it is good. */
async function problemsOf(loading: Promise<unknown>): Promise<readonly Problem[]> {
  try {
    await loading;
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
}

/** Builds the clients as `serve` does, without sending anything: problems of TLS files and of the proxy variables. */
async function setupProblems({ callCenters }: Config, file: string, environment: Environment): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const [index, config] of callCenters.entries()) {
    const context = { clock: systemClock, environment, connections: 1, onRequest: () => undefined };
    try {
      await createClientFor(config, context).close();
    } catch (error) {
      if (!(error instanceof OperationError)) throw error;
      problems.push({ file, path: `call_centers[${index}]`, message: error.message });
    }
  }
  return problems;
}

/**
 * `check-config`: says what the config holds and when its lines open and close next, and returns 0; or writes every
 * problem in it and in the web config, one per line, to stderr and returns 2. Throws UsageError for a wrong command line.
 */
export async function checkConfig(
  argv: readonly string[],
  { stdout, stderr, env }: CheckConfigIo,
  clock: Pick<Clock, 'now'> = systemClock,
): Promise<number> {
  if (argv.includes('--help')) {
    stdout.write(CHECK_CONFIG_USAGE);
    return 0;
  }
  const flags = readFlags(argv, { 'config.file': { type: 'string' }, 'web.config.file': { type: 'string' } });
  const webConfigFile = flags['web.config.file'] ?? '';
  const configFile = required('config.file', flags['config.file']);
  const loading = loadConfig(configFile, env);
  const configProblems = await problemsOf(loading);
  const loadingWeb = webConfigFile === '' ? Promise.resolve(NO_WEB_CONFIG) : loadWebConfig(webConfigFile);
  const webProblems = await problemsOf(loadingWeb);
  const problems = [
    ...configProblems,
    ...(configProblems.length === 0 ? await setupProblems(await loading, configFile, env) : []),
    ...webProblems,
  ];
  if (problems.length > 0) {
    stderr.write(`${new ConfigError(problems).message}\n${count(problems.length, 'problem')} found\n`);
    return 2;
  }
  const config = await loading;
  for (const warning of [...config.warnings, ...(await loadingWeb).warnings]) stderr.write(`Warning: ${warning}\n`);
  stdout.write(`OK: ${summary(config)}\n${openingReport(config, clock.now())}`);
  return 0;
}

function summary({ callCenters }: Config): string {
  const vdns = callCenters.reduce(
    (sum, callCenter) => sum + (callCenter.vdns === 'all' ? 0 : callCenter.vdns.length),
    0,
  );
  const whole = callCenters.filter((callCenter) => callCenter.vdns === 'all').length;
  return [
    count(callCenters.length, 'call center'),
    ...(vdns > 0 || whole === 0 ? [count(vdns, 'VDN')] : []),
    ...(whole > 0 ? [`all VDNs of ${count(whole, 'call center')}`] : []),
  ].join(', ');
}
