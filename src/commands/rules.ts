import { streamOutput } from '../history/output.ts';
import { prometheusRule } from '../monitoring/kubernetes.ts';
import { DEFAULT_OPTIONS } from '../monitoring/options.ts';
import { rulesFile } from '../monitoring/rules.ts';
import { oneOf, readFlags } from './flags.ts';
import type { CommandIo } from './io.ts';
import { DOCS_FLAG, JOB_FLAG, readBaseUrl, readJob, readLabels } from './monitoring-flags.ts';

const RULES_USAGE = `Usage: aicc-cti-exporter rules [flags]

Prints the recording rules and alerts for Prometheus, adapted to your site.

  --job=NAME             job_name of the exporters in Prometheus (default: ${DEFAULT_OPTIONS.job})
  --docs-url=URL         where the documentation is read, for the links to runbooks
                         (default: ${DEFAULT_OPTIONS.docsUrl}, the exporter itself)
  --dashboard-url=URL    where Grafana is, for the links to dashboards (default: ${DEFAULT_OPTIONS.dashboardUrl})
  --alert-label=LABEL    label of your VDNs that their alerts carry as well, for example team; repeat it for more
  --format=FORMAT        prometheus (default), or kubernetes for a PrometheusRule of the Prometheus Operator
  --help
`;

const FORMATS = ['prometheus', 'kubernetes'] as const;

/**
 * `rules`: writes the rules to stdout and returns 0.
 * @throws UsageError, or OperationError when the output cannot be written
 */
export async function rules(args: readonly string[], io: Pick<CommandIo, 'stdout'>): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(RULES_USAGE);
    return 0;
  }
  const flags = readFlags(args, {
    ...JOB_FLAG,
    ...DOCS_FLAG,
    'dashboard-url': { type: 'string', default: DEFAULT_OPTIONS.dashboardUrl },
    'alert-label': { type: 'string', multiple: true },
    format: { type: 'string', default: 'prometheus' },
  });
  const options = {
    ...DEFAULT_OPTIONS,
    job: readJob(flags.job),
    docsUrl: readBaseUrl('docs-url', flags['docs-url']),
    dashboardUrl: readBaseUrl('dashboard-url', flags['dashboard-url']),
    alertLabels: readLabels('alert-label', flags['alert-label']),
  };
  const format = oneOf('format', flags.format, FORMATS);
  const output = streamOutput(io.stdout, 'the standard output');
  await output.write(format === 'kubernetes' ? prometheusRule(options) : rulesFile(options));
  await output.sync();
  return 0;
}
