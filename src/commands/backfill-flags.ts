import type { BackfillJob } from '../history/backfill.ts';
import type { Config } from '../config/schema.ts';
import { UsageError } from '../core/errors.ts';
import { HISTORY_FORMATS } from '../history/samples.ts';
import { parseRange } from '../history/time-range.ts';
import { oneOf, readFlags, required, wholeNumber } from './flags.ts';
import { SELECTION_FLAGS, type Selection, targetsOf } from './selection.ts';

export const BACKFILL_USAGE = `Usage: aicc-cti-exporter backfill --config.file=FILE --from=TIME --to=TIME --output=FILE [flags]

Writes the history of a range as samples with timestamps, for Prometheus or VictoriaMetrics.

  --config.file=FILE     configuration (required)
  --from=TIME, --to=TIME the range: 2026-01-31T00:00:00Z, now, -31d, -1h30m (required)
  --output=FILE          where to write (required); - is the standard output
  --format=FORMAT        openmetrics (default; promtool tsdb create-blocks-from openmetrics)
                         or victoriametrics (POST /api/v1/import/prometheus)
  --call-center=NAME     this call center alone
  --vdn=IDS              these VDNs alone: 1,2,10-19
  --label=NAME=VALUE     a label for every series, such as job=aicc; repeatable
  --concurrency=N        requests at once, 1 to 16 (default 2)
  --resume               go on after an interruption
  --force                overwrite FILE
  --help
`;

/** The flags of backfill, checked one by one. */
export interface BackfillFlags {
  readonly configFile: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
  readonly output: string;
  readonly format: BackfillJob['format'];
  readonly callCenter: string | undefined;
  readonly vdn: string | undefined;
  readonly labels: readonly string[];
  readonly concurrency: number;
  readonly resume: boolean;
  readonly force: boolean;
}

/** @throws UsageError */
export function parseFlags(args: readonly string[]): BackfillFlags {
  const values = readFlags(args, {
    ...SELECTION_FLAGS,
    output: { type: 'string' },
    format: { type: 'string', default: 'openmetrics' },
    label: { type: 'string', multiple: true, default: [] },
    concurrency: { type: 'string', default: '2' },
    resume: { type: 'boolean', default: false },
    force: { type: 'boolean', default: false },
  });
  const output = required('output', values.output);
  if (values.resume && output === '-') throw new UsageError('--resume needs a file: --output=- cannot be resumed');
  if (values.resume && values.force) throw new UsageError('Use --resume to go on or --force to start anew, not both');
  return {
    ...values,
    configFile: required('config.file', values['config.file']),
    output,
    format: oneOf('format', values.format, HISTORY_FORMATS),
    callCenter: values['call-center'],
    labels: values.label,
    concurrency: wholeNumber('concurrency', values.concurrency, 1, 16),
    from: values.from,
    to: values.to,
    vdn: values.vdn,
  };
}

const OWN_LABELS = ['call_center', 'vdn', 'state', 'cc_id', 'name'];

function readLabels(texts: readonly string[], { vdnLabelNames }: Config): [string, string][] {
  const labels = texts.map((text): [string, string] => {
    const [, name = '', value = ''] = /^([a-zA-Z_]\w*)=(.+)$/s.exec(text) ?? [];
    if (name === '' || name.startsWith('__')) throw new UsageError(`--label is "${text}": write NAME=VALUE`);
    return [name, value];
  });
  const taken = [...OWN_LABELS, ...vdnLabelNames];
  for (const [index, [name]] of labels.entries()) {
    const isTwice = labels.findIndex(([other]) => other === name) !== index;
    if (isTwice || taken.includes(name)) throw new UsageError(`--label: the series have a label ${name} already`);
  }
  return labels;
}

/** The job that the flags and the config request at `now`. @throws UsageError */
export function jobOf(
  flags: BackfillFlags,
  config: Config,
  selections: readonly Selection[],
  now: number,
): BackfillJob {
  const { from, to } = parseRange(flags, now);
  return {
    targets: targetsOf(selections),
    range: { from, to },
    format: flags.format,
    extraLabels: readLabels(flags.labels, config),
  };
}
