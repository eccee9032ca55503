#!/usr/bin/env node
import { audit } from './commands/audit.ts';
import { backfill } from './commands/backfill.ts';
import { checkConfig } from './commands/check-config.ts';
import { query } from './commands/query.ts';
import { serve } from './commands/serve.ts';
import { SERVE_USAGE } from './commands/serve-flags.ts';
import { simulate } from './commands/simulate.ts';
import { ConfigError, OperationError, UsageError } from './core/errors.ts';
import { readVersion } from './core/version.ts';

const USAGE = `Usage: aicc-cti-exporter [COMMAND] [flags]

Commands:
  serve          poll and serve metrics (the default)
  check-config   check a configuration file
  query          ask the API for the latest window or a range, now
  backfill       write the history of a range for Prometheus or VictoriaMetrics
  audit          compare what Prometheus counted with what the API says
  simulate       stand in for the vendor's CMS

aicc-cti-exporter COMMAND --help shows the flags of a command; these are those of serve:

${SERVE_USAGE}`;

const COMMANDS = ['serve', 'check-config', 'query', 'backfill', 'audit', 'simulate'] as const;

function isCommand(word: string | undefined): word is (typeof COMMANDS)[number] {
  return COMMANDS.some((command) => command === word);
}

/** `-h` is `--help`, and `help COMMAND` is `COMMAND --help`. */
function spellOut(args: readonly string[]): readonly string[] {
  const spelled = args.map((arg) => (arg === '-h' ? '--help' : arg));
  return spelled[0] === 'help' ? [...spelled.slice(1), '--help'] : spelled;
}

async function run(args: readonly string[]): Promise<number> {
  const [first] = args;
  const command = isCommand(first) ? first : undefined;
  const rest = command === undefined ? args : args.slice(1);
  if (rest.includes('--version')) {
    process.stdout.write(`aicc-cti-exporter ${readVersion()} (Node.js ${process.version})\n`);
    return 0;
  }
  if (command === undefined && first !== undefined && !first.startsWith('-')) {
    throw new UsageError(`Unknown command "${first}": use one of ${COMMANDS.join(', ')}`);
  }
  if ((command === undefined || command === 'serve') && rest.includes('--help')) {
    process.stdout.write(command === undefined ? USAGE : SERVE_USAGE);
    return 0;
  }

  const stopping = new AbortController();
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.once(signal, () => {
      stopping.abort();
    });
  }
  const { stdout, stderr, env } = process;
  const io = { stdout, stderr, env, signal: stopping.signal };
  try {
    switch (command ?? 'serve') {
      case 'serve':
        return await serve(rest, { ...io, onHangup: (reload) => process.on('SIGHUP', reload) });
      case 'check-config':
        return await checkConfig(rest, io);
      case 'query':
        return await query(rest, io);
      case 'backfill':
        return await backfill(rest, io);
      case 'audit':
        return await audit(rest, io);
      case 'simulate':
        return await simulate(rest, io);
    }
  } catch (error) {
    if (error === stopping.signal.reason) throw new OperationError('Interrupted', { cause: error });
    throw error;
  }
}

/** What a failure tells the user, and the exit code that goes with it. */
function explain(error: unknown): [text: string, exitCode: number] {
  if (error instanceof UsageError) return [`${error.message}\nTry --help`, 2];
  // Each problem on a line of its own, as check-config writes them.
  if (error instanceof ConfigError) return [`The configuration cannot be used\n${error.message}`, 2];
  if (error instanceof OperationError) return [error.message, 1];
  return [error instanceof Error ? (error.stack ?? error.message) : String(error), 1];
}

// A reader that has gone ends no work: what depends on its output looks for itself.
for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined);

try {
  process.exitCode = await run(spellOut(process.argv.slice(2)));
} catch (error) {
  const [text, exitCode] = explain(error);
  process.stderr.write(`aicc-cti-exporter: ${text}\n`);
  process.exitCode = exitCode;
}
