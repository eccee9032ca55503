import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { readFailure } from '../config/file-checks.ts';
import { OperationError, UsageError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';
import { streamOutput } from '../history/output.ts';
import { DASHBOARDS } from '../monitoring/dashboards.ts';
import { DEFAULT_OPTIONS } from '../monitoring/options.ts';
import { readFlags } from './flags.ts';
import type { CommandIo } from './io.ts';
import { DOCS_FLAG, readBaseUrl, readJob, readLabels } from './monitoring-flags.ts';

const NAMES = [...DASHBOARDS.keys()];

const DASHBOARD_USAGE = `Usage: aicc-cti-exporter dashboard [NAME] [flags]

Prints a Grafana dashboard as JSON, adapted to your site. NAME is one of ${NAMES.join(', ')} (default: ${NAMES[0] ?? ''}).

  --all                  all dashboards; needs --output
  --output=DIR           write each dashboard to DIR/NAME.json instead; DIR must exist
  --job=NAME             job_name of the exporters in Prometheus to start with (default: all)
  --docs-url=URL         where the documentation is read, for links (default: ${DEFAULT_OPTIONS.docsUrl})
  --label=LABEL          label of your VDNs to select by, for example team; repeat it for more
  --help
`;

/**
 * `dashboard`: writes dashboards to stdout or into a directory and returns 0.
 * @throws UsageError, or OperationError when the output cannot be written
 */
export async function dashboard(args: readonly string[], io: Pick<CommandIo, 'stdout'>): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(DASHBOARD_USAGE);
    return 0;
  }
  const named = args[0]?.startsWith('-') === false ? args[0] : undefined;
  const flags = readFlags(named === undefined ? args : args.slice(1), {
    ...DOCS_FLAG,
    job: { type: 'string' },
    all: { type: 'boolean', default: false },
    output: { type: 'string' },
    label: { type: 'string', multiple: true },
  });
  const options = {
    ...DEFAULT_OPTIONS,
    ...(flags.job === undefined ? {} : { selectedJob: readJob(flags.job) }),
    docsUrl: readBaseUrl('docs-url', flags['docs-url']),
    labels: readLabels('label', flags.label),
  };
  const chosen = choose(named, flags.all, flags.output);
  const files = chosen.map(([name, generate]) => ({ name, text: generate(options) }));
  if (flags.output === undefined) await print(files.map(({ text }) => text).join(''), io);
  else for (const { name, text } of files) await writeTo(join(flags.output, `${name}.json`), text);
  return 0;
}

function choose(name: string | undefined, isAll: boolean, output: string | undefined) {
  if (output === '') throw new UsageError('--output needs a directory');
  if (isAll && name !== undefined) throw new UsageError('Give either a NAME or --all, not both');
  if (isAll && output === undefined)
    throw new UsageError('--all needs --output=DIR: each dashboard is a file of its own');
  const chosen = [...DASHBOARDS].filter(([known]) => isAll || known === (name ?? NAMES[0]));
  if (chosen.length > 0) return chosen;
  throw new UsageError(`Unknown dashboard "${name ?? ''}": use one of ${NAMES.join(', ')}`);
}

async function print(text: string, { stdout }: Pick<CommandIo, 'stdout'>): Promise<void> {
  const output = streamOutput(stdout, 'the standard output');
  await output.write(text);
  await output.sync();
}

async function writeTo(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text);
  } catch (error) {
    const reason = errorCode(error) === 'ENOENT' ? 'no such directory, create it first' : readFailure(error);
    throw new OperationError(`Cannot write ${file}: ${reason}`, { cause: error });
  }
}
