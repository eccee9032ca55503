import type { Alert } from './alert.ts';
import { pipelineAlert } from './alerts-exporter.ts';
import { CENTER, CENTER_VARIABLES } from './alerts-polls.ts';
import type { MonitoringOptions } from './options.ts';
import { merged, REPLICA } from './promql.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

const rowsRejected = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiRowsRejected',
    {
      expr: `${merged('increase(aicc_cti_rows_rejected_total[15m])')} > 0`,
      for: '8m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Rows of ${CENTER} are rejected: {{ $labels.reason }}`,
      description: `{{ $value | printf "%.0f" }} rows of ${CENTER} were not used in the last 15 minutes ({{ $labels.reason }}); the VDNs they belong to have no data for these windows.`,
    },
    options,
  );

/** A VDN of which nothing was ever counted is not one that the CMS knows. */
const windowsMissing = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiWindowsMissing',
    {
      expr: quote`
        sum without (vdn) (
          ${merged('increase(aicc_cti_windows_missing_total[1h]) unless aicc_cti_windows_total == 0')}
        ) > 0`,
      for: '3m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Windows of ${CENTER} never came`,
      description: `{{ $value | printf "%.0f" }} windows of ${CENTER} were given up in the last hour; the totals lack their calls.`,
    },
    options,
  );

const settleLagHigh = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiSettleLagHigh',
    {
      expr: quote`
        min without (${REPLICA}) (
          histogram_quantile(0.5, increase(aicc_cti_settle_lag_seconds_bucket[30m]))
        ) > ${THRESHOLDS.settleLagSeconds}`,
      for: '15m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Data of ${CENTER} comes late`,
      description: `Half of the rows of ${CENTER} come more than {{ $value | humanizeDuration }} after the end of their window; the limit is ${THRESHOLDS.settleLagSeconds / 60} minutes. Alerts and dashboards are late by as much.`,
    },
    options,
  );

const pollSlow = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiPollSlow',
    {
      expr: `${merged('aicc_cti_last_poll_duration_seconds')} > ${THRESHOLDS.pollSeconds}`,
      for: '13m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Polls of ${CENTER} are slow`,
      description: `The last poll of ${CENTER} took {{ $value | humanizeDuration }}; the limit is ${THRESHOLDS.pollSeconds} seconds. Beyond 5 minutes windows come late.`,
    },
    options,
  );

/** The four states exclude agents who take no inbound calls, so they add up to at most the agents online. */
const agentStatesContradict = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiAgentStatesContradict',
    {
      expr: quote`
        count without (vdn) (
          ${merged('aicc_cti_agents_online < sum without (state) (aicc_cti_agents)')}
        )`,
      for: '1h',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Fewer agents online than in the four states: ${CENTER}`,
      description: `For an hour the CMS has said that fewer agents are signed in than are talking, idle, busy or resting; VDNs of ${CENTER} concerned: {{ $value | printf "%.0f" }}. Occupancy and the figures of agents are wrong.`,
    },
    options,
  );

/** The API's own answer rate says whether it counts the calls that we think. */
const answerRateContradicts = (options: MonitoringOptions): Alert => {
  const total = (expr: string): string => `sum without (vdn) (${merged(expr)})`;
  return pipelineAlert(
    'AiccCtiAnswerRateContradicts',
    {
      expr: quote`
        abs(
          ${total('aicc_cti_window_inbound_calls * aicc_cti_window_inbound_answer_ratio - aicc_cti_window_inbound_calls_answered')}
        )
          / (${total('aicc_cti_window_inbound_calls')} >= ${THRESHOLDS.answeredMinimumCalls.short})
          > ${THRESHOLDS.answerRateDifference}`,
      for: '1h',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `The answer rate of the API is not that of its calls: ${CENTER}`,
      description: `For an hour the answer rate that the API reports for ${CENTER} has differed by {{ $value | humanizePercentage }} of the calls from answered by inbound calls; the limit is ${THRESHOLDS.answerRateDifference * 100}%. The answered share may count other calls than you think.`,
    },
    options,
  );
};

const clockSkew = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiClockSkew',
    {
      expr: `${merged('abs(aicc_cti_clock_skew_seconds)')} > ${THRESHOLDS.clockSkewSeconds}`,
      for: '8m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Clocks of the exporter and of the CMS of ${CENTER} differ`,
      description: `They differ by {{ $value | humanizeDuration }}; the limit is ${THRESHOLDS.clockSkewSeconds} seconds. A large difference breaks signatures and reads the wrong window.`,
    },
    options,
  );

function certificateExpiring(severity: 'warning' | 'critical', options: MonitoringOptions): Alert {
  const { warning, critical } = THRESHOLDS.certificateDays;
  const left = `min without (${REPLICA}) (aicc_cti_tls_peer_certificate_not_after_timestamp_seconds) - time()`;
  const days = severity === 'warning' ? warning : critical;
  return pipelineAlert(
    'AiccCtiCertificateExpiring',
    {
      expr: `${left} < ${days} * 86400${severity === 'warning' ? ` >= ${critical} * 86400` : ''}`,
      for: '8m',
      chosen: CENTER_VARIABLES,
      severity,
      summary: `Certificate of the CMS of ${CENTER} {{ if gt $value 0.0 }}expires in {{ $value | humanizeDuration }}{{ else }}has expired{{ end }}`,
      description: `A certificate of the chain that the CMS presents has {{ if gt $value 0.0 }}{{ $value | humanizeDuration }} left{{ else }}expired{{ end }}; the limit is ${days} days. Once it has expired every poll fails.`,
    },
    options,
  );
}

/** Whether the data comes as it should, and for how long it will. */
export const qualityAlerts = (options: MonitoringOptions): readonly Alert[] => [
  rowsRejected(options),
  settleLagHigh(options),
  pollSlow(options),
  clockSkew(options),
  certificateExpiring('warning', options),
  certificateExpiring('critical', options),
];

/** Whether the data can be trusted. All look at an hour. */
export const contradictionAlerts = (options: MonitoringOptions): readonly Alert[] => [
  windowsMissing(options),
  agentStatesContradict(options),
  answerRateContradicts(options),
];
