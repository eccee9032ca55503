import { ConfigError, OperationError, UsageError } from '../core/errors.ts';
import { keepMemorySmall } from '../core/memory.ts';
import { versionText } from '../core/version.ts';
import type { CommandIo } from './io.ts';

interface Command {
  readonly summary: string;
  /** Loads the modules of this command and no others: they take most of the time of a start. */
  readonly load: () => Promise<(args: readonly string[], io: CommandIo) => Promise<number>>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  serve: { summary: 'poll and serve metrics (the default)', load: loadServe },
  'check-config': {
    summary: 'check a configuration file',
    load: async () => (await import('./check-config.ts')).checkConfig,
  },
  doctor: {
    summary: 'test each step to each call center, and say what to fix',
    load: async () => (await import('./doctor.ts')).doctor,
  },
  query: {
    summary: 'fetch the latest window or a range from the API',
    load: async () => (await import('./query.ts')).query,
  },
  backfill: {
    summary: 'write the history of a range for Prometheus or VictoriaMetrics',
    load: async () => (await import('./backfill.ts')).backfill,
  },
  audit: {
    summary: 'compare what Prometheus counted with what the API says',
    load: async () => (await import('./audit.ts')).audit,
  },
  rules: {
    summary: 'print recording rules and alerts for Prometheus',
    load: async () => (await import('./rules.ts')).rules,
  },
  dashboard: {
    summary: 'print dashboards for Grafana',
    load: async () => (await import('./dashboard.ts')).dashboard,
  },
  simulate: {
    summary: "stand in for the vendor's CMS",
    load: async () => (await import('./simulate.ts')).simulate,
  },
  demo: {
    summary: 'show the exporter with a simulated CMS',
    load: async () => (await import('./demo.ts')).demo,
  },
  healthcheck: {
    summary: 'check whether a running exporter responds, for containers',
    load: async () => (await import('./healthcheck.ts')).healthcheck,
  },
};

async function loadServe(): Promise<(args: readonly string[], io: CommandIo) => Promise<number>> {
  keepMemorySmall();
  const { serve } = await import('./serve.ts');
  return (args, io) => serve(args, { ...io, onHangup: (reload) => process.on('SIGHUP', reload) });
}

async function usage(): Promise<string> {
  const { SERVE_USAGE } = await import('./serve-flags.ts');
  const lines = Object.entries(COMMANDS).map(([name, { summary }]) => `  ${name.padEnd(15)}${summary}\n`);
  return `Usage: aicc-cti-exporter [COMMAND] [flags]

Commands:
${lines.join('')}
aicc-cti-exporter COMMAND --help shows the flags of a command; these are those of serve:

${SERVE_USAGE}`;
}

/** `-h` is `--help`, and `help COMMAND` is `COMMAND --help`. */
function expandHelp(args: readonly string[]): readonly string[] {
  const expanded = args.map((arg) => (arg === '-h' ? '--help' : arg));
  return expanded[0] === 'help' ? [...expanded.slice(1), '--help'] : expanded;
}

/** Aborted by the first SIGTERM or SIGINT. */
function stopSignal(): AbortSignal {
  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping.abort();
    });
  }
  return stopping.signal;
}

async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  const command = first !== undefined && Object.hasOwn(COMMANDS, first) ? COMMANDS[first] : undefined;
  const rest = command === undefined ? args : args.slice(1);
  if (rest.includes('--version')) {
    process.stdout.write(versionText(process.version, `${process.platform}/${process.arch}`));
    return 0;
  }
  if (command === undefined && first !== undefined && !first.startsWith('-')) {
    throw new UsageError(`Unknown command "${first}": use one of ${Object.keys(COMMANDS).join(', ')}`);
  }
  if (command === undefined && rest.includes('--help')) {
    process.stdout.write(await usage());
    return 0;
  }
  const signal = stopSignal();
  const start = await (command?.load ?? loadServe)();
  const { stdout, stderr, env } = process;
  try {
    return await start(rest, { stdout, stderr, env, signal });
  } catch (error) {
    if (error === signal.reason) throw new OperationError('Interrupted', { cause: error });
    throw error;
  }
}

/** The text and the exit code of a failure. */
function explain(error: unknown): [text: string, exitCode: number] {
  if (error instanceof UsageError) return [`${error.message}\nTry --help`, 2];
  // One line for each problem, as in check-config.
  if (error instanceof ConfigError) return [`The configuration cannot be used\n${error.message}`, 2];
  if (error instanceof OperationError) return [error.message, 1];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), 1];
}

/** Whether stderr must have JSON lines only, because a log collector reads it. */
function logsJson(args: readonly string[]): boolean {
  const flag = args.findIndex((arg) => arg === '--log.format' || arg.startsWith('--log.format='));
  const [, value = args[flag + 1]] = args[flag]?.split('=') ?? [];
  return value?.toLowerCase() === 'json';
}

/** One JSON line for a failure, and for each problem of a configuration. */
async function logFailure(text: string): Promise<void> {
  const { createLogger } = await import('../core/log.ts');
  const logger = createLogger('error', 'json', process.stderr);
  for (const line of text.split('\n')) logger.error(line);
}

/** Runs the command that `args` name, and sets the exit code of the process; writes failures to stderr. */
export async function runProgram(args: readonly string[]): Promise<void> {
  // Ignore EPIPE here: commands that need their output check for write errors themselves.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);
  try {
    process.exitCode = await run(expandHelp(args));
  } catch (error) {
    const [text, exitCode] = explain(error);
    process.exitCode = exitCode;
    if (logsJson(args)) await logFailure(text);
    else process.stderr.write(`aicc-cti-exporter: ${text}\n`);
  }
}
