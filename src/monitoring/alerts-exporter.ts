import { alert, type Alert, type AlertRule } from './alert.ts';
import type { MonitoringOptions } from './options.ts';
import { merged, REPLICA } from './promql.ts';
import { UP } from './records-centers.ts';
import { quote } from './text.ts';

/** An alert about the data pipeline: Prometheus, exporter, CMS. */
export const pipelineAlert = (
  name: string,
  rule: Omit<AlertRule, 'component' | 'dashboard'> & Partial<Pick<AlertRule, 'dashboard'>>,
  options: MonitoringOptions,
): Alert => alert(name, { dashboard: 'exporter', ...rule, component: 'aicc-cti-exporter' }, options);

const BUILD_INFO = 'aicc_cti_exporter_build_info';

/** Exporters by what they once said of themselves, whatever their job is called, and by the job name. */
const exporters = (job: string): string => quote`
  up{job="${job}"}
    or
  (up and on (job, instance) last_over_time(${BUILD_INFO}[7d]))`;

const buildInfo = (expr: string): string => `max without (${REPLICA}, version, node_version) (${expr})`;

/** Every exporter is down, its targets are gone, or it was never there. */
const exporterDown = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiExporterDown',
    {
      expr: quote`
        ${merged(exporters(options.job))} == 0
          or
        (
          ${buildInfo(`last_over_time(${BUILD_INFO}[6h])`)}
            unless
          ${buildInfo(BUILD_INFO)}
        )
          or
        (absent(up{job="${options.job}"}) unless on () last_over_time(${BUILD_INFO}[6h]))`,
      for: '3m',
      chosen: ['job'],
      severity: 'critical',
      summary: 'No exporter of job {{ $labels.job }} answers',
      description:
        'Prometheus reaches none of the exporters of job {{ $labels.job }}, or has no such target: nothing is known about the contact center.',
    },
    options,
  );

const instanceDown = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiExporterInstanceDown',
    {
      expr: quote`
        (
          ${exporters(options.job)}
        ) == 0`,
      for: '8m',
      chosen: ['job', 'instance'],
      severity: 'warning',
      summary: 'Exporter {{ $labels.instance }} does not answer',
      description:
        'Prometheus cannot scrape {{ $labels.instance }} of job {{ $labels.job }}. Its replica, if there is one, still shows the data.',
    },
    options,
  );

/** The part of `instance` that all call centers of one exporter share when each is a target of its own (/sd). */
const withAddress = (expr: string): string => `label_replace(${expr}, "exporter", "$1", "instance", "([^/]*).*")`;

/** For as long as a target is down, up to a day, and for some hours when it is gone. */
const LAST_SEEN = '(last_over_time(aicc_cti_up[1d]) and on (job, instance) up == 0) or last_over_time(aicc_cti_up[6h])';

/** A call center is gone with its exporter, while others answer. One that left the config has an exporter that answers. */
const callCenterMissing = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiCallCenterMissing',
    {
      expr: quote`
        (
          max without (${REPLICA}, exporter) (
            ${withAddress(LAST_SEEN)}
              unless on (job, exporter)
            ${withAddress('up == 1')}
          )
            unless
          ${UP}
        )
          and ignoring (call_center)
        max without (call_center) (${UP})`,
      for: '3m',
      chosen: ['job', 'call_center'],
      severity: 'critical',
      summary: 'Nothing is known about call center {{ $labels.call_center }}',
      description:
        'The exporter that showed call center {{ $labels.call_center }} does not answer, and no other one shows it: none of its lines has figures.',
    },
    options,
  );

const storageFailing = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiStorageFailing',
    {
      // The second half is for what had failed before the first scrape, which `increase` does not see.
      expr: quote`
        increase(aicc_cti_storage_failures_total[1h]) > 0
          or (aicc_cti_storage_failures_total > 0 unless aicc_cti_storage_failures_total offset 1h > 0)`,
      for: '3m',
      chosen: ['job', 'instance'],
      severity: 'warning',
      summary: 'Exporter {{ $labels.instance }} cannot {{ $labels.operation }} its ledger',
      description:
        '{{ if eq $labels.operation "read" }}A ledger of {{ $labels.instance }} was set aside, and its totals start at 0{{ else }}{{ $labels.instance }} counts in memory: a restart loses what was not written{{ end }}. The log of the exporter names the file and the error.',
    },
    options,
  );

const configReloadFailed = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiConfigReloadFailed',
    {
      expr: 'aicc_cti_config_last_reload_successful == 0',
      for: '5m',
      chosen: ['job', 'instance'],
      severity: 'warning',
      summary: 'Exporter {{ $labels.instance }} runs on an old configuration',
      description:
        'The last reload of {{ $labels.instance }} failed. It continues with its old configuration, and a restart would fail.',
    },
    options,
  );

/** Always fires. Something outside of Prometheus and Alertmanager must raise an alarm when it no longer arrives. */
const watchdog = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'WatchdogAiccCti',
    {
      expr: 'vector(1)',
      chosen: [],
      severity: 'none',
      summary: 'Prometheus and Alertmanager work',
      description: 'This alert always fires. When it stops arriving, no other alert arrives either.',
    },
    options,
  );

/** The exporters themselves. */
export const exporterAlerts = (options: MonitoringOptions): readonly Alert[] => [
  exporterDown(options),
  instanceDown(options),
  callCenterMissing(options),
  storageFailing(options),
  configReloadFailed(options),
  watchdog(options),
];
