import { alert, type Alert, VDN } from './alert.ts';
import { quote } from './text.ts';
import { JOB, THRESHOLDS } from './thresholds.ts';

const CENTER = 'call center {{ $labels.call_center }}';
const STALE_MINUTES = THRESHOLDS.dataAgeSeconds.critical / 60;

const pipeline = (name: string, rule: Omit<Parameters<typeof alert>[1], 'component' | 'row'>): Alert =>
  alert(name, { ...rule, component: 'aicc-cti-exporter', row: 'exporter' });

const KNOWN_VDNS = 'max by (job, call_center, vdn) (aicc_cti_vdn_info)';

const VDNS_WITHOUT_DATA = `${KNOWN_VDNS}
  unless
(max by (job, call_center, vdn) (aicc_cti_window_start_timestamp_seconds) + 300 > time() - ${THRESHOLDS.dataAgeSeconds.critical})`;

/** Indented to stand in parentheses. */
const inner = (expr: string): string => expr.replaceAll('\n', '\n  ');

const COUNT_WITHOUT_DATA = `count by (job, call_center) (
  ${inner(VDNS_WITHOUT_DATA)}
)`;
/** Known VDNs, not `aicc_cti_vdns_configured`: with `vdns: all` that is absent. */
const SHARE_OF_VDNS = `${THRESHOLDS.outageShare} * count by (job, call_center) (${KNOWN_VDNS})`;
const UP = 'max by (job, call_center) (aicc_cti_up)';

function certificate(severity: 'warning' | 'critical'): Alert {
  const days = THRESHOLDS.certificateDays[severity];
  return pipeline('AiccCtiCertificateExpiring', {
    expr: quote`
      min without (instance) (aicc_cti_tls_peer_certificate_not_after_timestamp_seconds) - time()
        < ${days} * 86400`,
    for: '8m',
    severity,
    summary: `Certificate of the CMS of ${CENTER} {{ if gt $value 0.0 }}expires in {{ $value | humanizeDuration }}{{ else }}has expired{{ end }}`,
    description: `A certificate of the chain that the CMS presents has {{ if gt $value 0.0 }}{{ $value | humanizeDuration }} left{{ else }}expired{{ end }}; the limit is ${days} days. Once it has expired every poll fails.`,
  });
}

/** The way of the data: Prometheus, exporter, CMS. One alert per cause; alertmanager.yml mutes what follows from it. */
export const EXPORTER_ALERTS: readonly Alert[] = [
  pipeline('AiccCtiExporterDown', {
    expr: quote`
      max by (job) (up{job="${JOB}"}) == 0
        or absent(up{job="${JOB}"})`,
    for: '3m',
    severity: 'critical',
    summary: 'No exporter of job {{ $labels.job }} answers',
    description:
      'Prometheus reaches none of the exporters of job {{ $labels.job }}, or has no such target: nothing is known about the contact center.',
  }),
  pipeline('AiccCtiExporterInstanceDown', {
    expr: `up{job="${JOB}"} == 0`,
    for: '8m',
    severity: 'warning',
    summary: 'Exporter {{ $labels.instance }} does not answer',
    description:
      'Prometheus cannot scrape {{ $labels.instance }} of job {{ $labels.job }}. Its replica, if there is one, still shows the data.',
  }),
  pipeline('AiccCtiPollFailing', {
    // The second half is for `vdns: all` while none has ever shown up.
    expr: `(
  ${inner(COUNT_WITHOUT_DATA)} > ${SHARE_OF_VDNS}
    or
  ${UP} unless count by (job, call_center) (${KNOWN_VDNS})
)
  and
${UP} == 0`,
    for: '3m',
    severity: 'critical',
    summary: `Polls of ${CENTER} fail`,
    description: `No exporter gets the data of ${CENTER}; {{ if $value }}VDNs without a window that ended in the last ${STALE_MINUTES} minutes: {{ $value | printf "%.0f" }}{{ else }}no VDN is known{{ end }}. Its figures age and then vanish.`,
  }),
  pipeline('AiccCtiPollIncomplete', {
    expr: `(
  ${inner(COUNT_WITHOUT_DATA)}
    or
  0 * count by (job, call_center) (${KNOWN_VDNS})
) <= ${SHARE_OF_VDNS}
  and
${UP} == 0`,
    for: '8m',
    severity: 'warning',
    summary: `Polls of ${CENTER} get only a part of its data`,
    description: `Every exporter has failed to get all data of ${CENTER} for two windows; VDNs without a window that ended in the last ${STALE_MINUTES} minutes: {{ $value | printf "%.0f" }}. The others are current.`,
  }),
  pipeline('AiccCtiCredentialsRefused', {
    expr: quote`
      (max without (instance, reason) (increase(aicc_cti_poll_failures_total{reason="auth"}[11m])) > 0
        or max without (instance, code) (increase(aicc_cti_api_errors_total{code="0101003"}[11m])) > 0)
        and min without (instance) (aicc_cti_up) == 0`,
    for: '3m',
    severity: 'critical',
    summary: `The CMS refuses the credentials of ${CENTER}`,
    description: `At least one exporter is refused when it polls ${CENTER} (HTTP 401 or no permission), or cannot read its secret key. It goes on asking, slowly.`,
  }),
  pipeline('AiccCtiNoData', {
    expr: quote`
      max without (instance) (aicc_cti_vdns_reporting) == 0
        and max without (instance) (aicc_cti_up) == 1`,
    for: '8m',
    severity: 'critical',
    summary: `The CMS answers for ${CENTER}, but has no current data`,
    description: `Polls of ${CENTER} succeed, yet no VDN has a window that is recent enough to show.`,
  }),
  pipeline('AiccCtiWindowStale', {
    expr: `(
  ${inner(VDNS_WITHOUT_DATA)}
)
  and on (job, call_center) (
    ${UP} == 1
      or
    ${inner(inner(COUNT_WITHOUT_DATA))} <= ${SHARE_OF_VDNS}
  )`,
    for: '3m',
    severity: 'warning',
    summary: `No current data: ${VDN}`,
    description: `VDN {{ $labels.vdn }} of ${CENTER} has had no window that ended in the last ${STALE_MINUTES} minutes, while the CMS answers.`,
  }),
  pipeline('AiccCtiRowsRejected', {
    expr: 'max without (instance) (increase(aicc_cti_rows_rejected_total[15m])) > 0',
    for: '8m',
    severity: 'warning',
    summary: `Rows of ${CENTER} are rejected: {{ $labels.reason }}`,
    description: `{{ $value | printf "%.0f" }} rows of ${CENTER} were not used in the last 15 minutes ({{ $labels.reason }}); the VDNs they belong to have no data for these windows.`,
  }),
  pipeline('AiccCtiWindowsMissing', {
    expr: quote`
      sum by (job, call_center) (
        max without (instance) (increase(aicc_cti_windows_missing_total[1h]))
      ) > 0`,
    for: '3m',
    severity: 'warning',
    summary: `Windows of ${CENTER} never came`,
    description: `{{ $value | printf "%.0f" }} windows of ${CENTER} were given up in the last hour; the totals lack their calls.`,
  }),
  pipeline('AiccCtiStorageFailing', {
    // The second half is for what had failed before the first scrape: of that `increase` knows nothing.
    expr: quote`
      increase(aicc_cti_storage_failures_total[1h]) > 0
        or (aicc_cti_storage_failures_total > 0 unless aicc_cti_storage_failures_total offset 1h > 0)`,
    for: '3m',
    severity: 'warning',
    summary: `Exporter {{ $labels.instance }} cannot {{ $labels.operation }} its ledger`,
    description: `{{ if eq $labels.operation "read" }}A ledger of {{ $labels.instance }} was set aside, and its totals start at 0{{ else }}{{ $labels.instance }} counts in memory: a restart loses what was not written{{ end }}. The exporter's log names the file and the error.`,
  }),
  pipeline('AiccCtiConfigReloadFailed', {
    expr: 'aicc_cti_config_last_reload_successful == 0',
    for: '5m',
    severity: 'warning',
    summary: 'Exporter {{ $labels.instance }} runs on an old configuration',
    description:
      'The last reload of {{ $labels.instance }} failed; it goes on with what it had, and a restart would not come up.',
  }),
  pipeline('AiccCtiClockSkew', {
    expr: `max without (instance) (abs(aicc_cti_clock_skew_seconds)) > ${THRESHOLDS.clockSkewSeconds}`,
    for: '8m',
    severity: 'warning',
    summary: `Clocks of the exporter and of the CMS of ${CENTER} differ`,
    description: `They differ by {{ $value | humanizeDuration }}; the limit is ${THRESHOLDS.clockSkewSeconds} seconds. A large difference breaks signatures and reads the wrong window.`,
  }),
  certificate('warning'),
  certificate('critical'),
];
