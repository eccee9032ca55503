import { type Alert, LINE_VARIABLES, VDN } from './alert.ts';
import { pipelineAlert } from './alerts-exporter.ts';
import type { MonitoringOptions } from './options.ts';
import { merged, nameLabels, REPLICA } from './promql.ts';
import { namedLines } from './records.ts';
import { CURRENT_COUNT, CURRENT_VDNS, LATELY_VDNS, MISSING_COUNT, REPORTING_COUNT, UP } from './records-centers.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

export const CENTER = 'call center {{ $labels.call_center }}';
export const CENTER_VARIABLES = ['job', 'call_center'];
const STALE_MINUTES = THRESHOLDS.dataAgeSeconds.critical / 60;
const OUTAGE = `${MISSING_COUNT} > ${THRESHOLDS.outageShare} * ${REPORTING_COUNT}`;

const pollFailing = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiPollFailing',
    {
      // The second half is for a call center of which no VDN is known.
      expr: quote`
        (${OUTAGE} or ${UP} unless ${REPORTING_COUNT}) and ${UP} == 0`,
      for: '3m',
      chosen: CENTER_VARIABLES,
      severity: 'critical',
      summary: `Polls of ${CENTER} fail`,
      description: `No exporter gets the data of ${CENTER}; {{ if $value }}VDNs that had data and have no window that ended in the last ${STALE_MINUTES} minutes: {{ $value | printf "%.0f" }}{{ else }}no VDN has current data{{ end }}. Its figures age and then vanish.`,
    },
    options,
  );

const pollIncomplete = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiPollIncomplete',
    {
      expr: quote`
        ${MISSING_COUNT} <= ${THRESHOLDS.outageShare} * ${REPORTING_COUNT} and ${UP} == 0`,
      for: '13m',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Polls of ${CENTER} get only a part of its data`,
      description: `Every exporter has failed to get all data of ${CENTER} for three windows; VDNs that had data and have no window that ended in the last ${STALE_MINUTES} minutes: {{ $value | printf "%.0f" }}. The others are current.`,
    },
    options,
  );

/** A single outage is over sooner than the wait: some polls must have failed, and some not, in every half hour. */
const pollsUnreliable = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiPollsUnreliable',
    {
      expr: quote`
        min without (${REPLICA}) (1 - avg_over_time(aicc_cti_up[30m])) > ${THRESHOLDS.failingShare} < 0.95
          or
        min without (${REPLICA}) (
          sum without (reason) (increase(aicc_cti_poll_failures_total[30m])) / (increase(aicc_cti_polls_total[30m]) > 0)
        ) > ${THRESHOLDS.failingShare} < 0.95`,
      for: '1h',
      chosen: CENTER_VARIABLES,
      severity: 'warning',
      summary: `Polls of ${CENTER} fail again and again`,
      description: `In every half hour of the last hour some polls of ${CENTER} failed and some did not; now {{ $value | humanizePercentage }} fail. The data comes late.`,
    },
    options,
  );

const credentialsRefused = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiCredentialsRefused',
    {
      expr: quote`
        (
          max without (${REPLICA}, reason) (increase(aicc_cti_poll_failures_total{reason="auth"}[11m])) > 0
            or
          max without (${REPLICA}, code) (increase(aicc_cti_api_errors_total{code="0101003"}[11m])) > 0
        )
          and
        min without (${REPLICA}) (aicc_cti_up) == 0`,
      for: '3m',
      chosen: CENTER_VARIABLES,
      severity: 'critical',
      summary: `The CMS refuses the credentials of ${CENTER}`,
      description: `The CMS refuses at least one exporter that polls ${CENTER} (HTTP 401 or no permission), or the exporter cannot read its secret key. It continues to poll, less often.`,
    },
    options,
  );

/** Not while every line is closed: some systems have no rows then. */
const noData = (options: MonitoringOptions): Alert =>
  pipelineAlert(
    'AiccCtiNoData',
    {
      expr: quote`
        ${merged('aicc_cti_vdns_reporting')} == 0
          and
        ${UP} == 1
          unless
        max without (${REPLICA}, vdn) (aicc_cti_vdn_open) == 0`,
      for: '8m',
      chosen: CENTER_VARIABLES,
      severity: 'critical',
      summary: `The CMS responds for ${CENTER}, but has no current data`,
      description: `Polls of ${CENTER} succeed, but no VDN has a window that is recent enough to show.`,
    },
    options,
  );

/**
 * A VDN that had data and has none, while others of its call center have. With a list of VDNs it is expected to come
 * back; with \`vdns: all\` one that the CMS no longer shows is forgotten after an hour.
 */
function windowStale(options: MonitoringOptions): Alert {
  const names = nameLabels(options.alertLabels);
  return pipelineAlert(
    'AiccCtiWindowStale',
    {
      expr: quote`
        (${namedLines(options.alertLabels)}) == 1
          and ignoring (${names})
        (${LATELY_VDNS} or ${merged('aicc_cti_windows_total > 0 and ignoring (vdn) aicc_cti_vdns_configured')})
          unless ignoring (${names}) ${CURRENT_VDNS}
          and ignoring (${names}, vdn) ${CURRENT_COUNT}
          unless ignoring (${names}, vdn) (${OUTAGE} and ${UP} == 0)`,
      for: '3m',
      chosen: LINE_VARIABLES,
      dashboard: 'line',
      severity: 'warning',
      summary: `No current data: ${VDN}`,
      description: `VDN {{ $labels.vdn }} of ${CENTER} has had no window that ended in the last ${STALE_MINUTES} minutes, while the CMS responds.`,
    },
    options,
  );
}

/** What the exporter gets from the CMS. One alert per cause; alertmanager.yml mutes what follows from it. */
export const pollAlerts = (options: MonitoringOptions): readonly Alert[] => [
  pollFailing(options),
  pollIncomplete(options),
  pollsUnreliable(options),
  credentialsRefused(options),
  noData(options),
  windowStale(options),
];
