import { curves, stat } from '../charts.ts';
import { colored, type Panel } from '../panel.ts';
import { CENTER, share, TARGET, VDN } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

const SIZE = { width: 8, height: 8, interval: '1m' } as const;

/** By call center, the greatest of its replicas: each polls for itself. */
const perCenter = (series: string, by = 'call_center'): string => `max by (${by}) (${series})`;

/** What was counted in an hour, for each value of a label; call centers are added up, or the legend would fill the panel. */
const counted = ({
  title,
  description,
  counter,
  by,
}: {
  readonly title: string;
  readonly description: string;
  readonly counter: string;
  readonly by: 'reason' | 'code';
}): Panel =>
  curves({
    ...SIZE,
    title,
    description,
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 1,
    legend: 'right',
    queries: [
      {
        expr: `sum by (${by}) (${perCenter(`increase(${counter}{${CENTER}}[1h])`, `call_center, ${by}`)})`,
        legend: `{{${by}}}`,
      },
    ],
  });

export const EXPORTER: readonly Panel[] = [
  curves({
    ...SIZE,
    title: 'Polls and scrapes that succeed',
    description:
      'Whether the last poll of each replica got every page of every request: 100% all of them, 0% none. Below 100% look at the reasons beside it. Scrapes: whether Prometheus reaches the exporters at all.',
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    queries: [
      { expr: `avg by (call_center) (aicc_cti_up{${CENTER}})`, legend: '{{call_center}}' },
      // `up` is every job's: only what has been an exporter counts, also while it is down.
      {
        expr: `avg(up{${TARGET}} and on (job, instance) last_over_time(aicc_cti_exporter_build_info{${TARGET}}[6h]))`,
        legend: 'scrapes',
      },
    ],
  }),
  counted({
    title: 'Failed polls by reason',
    description:
      'Failed polls in the hour before each point. auth: key, header list, clock; http: a firewall or proxy in between; api: the code is in the panel beside it; network, timeout, tls: the way to the CMS; invalid, incomplete: the answer itself.',
    counter: 'aicc_cti_poll_failures_total',
    by: 'reason',
  }),
  counted({
    title: 'Errors of the CMS by code',
    description:
      'Answers of the CMS that report a failure, in the hour before each point. 0101003: no permission; 0100002: a parameter, often a VDN that the CMS does not know; 0100001, 0100999: its own problem; other: not documented. The runbook of AiccCtiPollFailing says what to do.',
    counter: 'aicc_cti_api_errors_total',
    by: 'code',
  }),
  counted({
    title: 'Rejected rows by reason',
    description:
      'Rows of the API that were not used, in the hour before each point. Anything above zero is a disagreement with the CMS about ids, times or numbers; the log names the rows.',
    counter: 'aicc_cti_rows_rejected_total',
    by: 'reason',
  }),
  curves({
    ...SIZE,
    title: 'Settle lag',
    description:
      'From the end of a window to the first sight of its rows, over the hour before each point. When the median sits at the retry steps, raise settle_delay to the lag that is shown here.',
    unit: 's',
    min: 0,
    queries: [0.5, 0.95].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (call_center, le) (increase(aicc_cti_settle_lag_seconds_bucket{${CENTER}}[1h]))) >= 0`,
      legend: `{{call_center}} ${quantile === 0.5 ? 'median' : '95%'}`,
    })),
  }),
  curves({
    ...SIZE,
    interval: '5m',
    title: 'Answer rate: API against recomputed',
    description:
      'The answer rate that the API reports, weighted by calls, against answered / inbound of the same windows. The denominator of the API is not documented: a lasting distance says that it does not count all inbound calls.',
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    queries: [
      {
        expr: share(
          `aicc_cti_window_inbound_calls{${VDN}} * aicc_cti_window_inbound_answer_ratio{${VDN}}`,
          `aicc_cti_window_inbound_calls{${VDN}} and aicc_cti_window_inbound_answer_ratio{${VDN}}`,
        ),
        legend: 'API',
      },
      {
        expr: share(
          `aicc_cti_window_inbound_calls_answered{${VDN}} and aicc_cti_window_inbound_answer_ratio{${VDN}}`,
          `aicc_cti_window_inbound_calls{${VDN}} and aicc_cti_window_inbound_answer_ratio{${VDN}}`,
        ),
        legend: 'recomputed',
      },
    ],
    overrides: [colored('API', 'orange'), colored('recomputed', 'blue', { 'custom.lineWidth': 1 })],
  }),
  curves({
    ...SIZE,
    height: 6,
    title: 'Poll duration',
    description:
      'How long the last poll took. It should stay far below 5 minutes; when it grows, the CMS answers slowly or many VDNs are asked one request after the other (concurrency).',
    unit: 's',
    min: 0,
    queries: [{ expr: perCenter(`aicc_cti_last_poll_duration_seconds{${CENTER}}`), legend: '{{call_center}}' }],
  }),
  curves({
    ...SIZE,
    height: 6,
    interval: '5m',
    title: 'Requests to the CMS',
    description:
      'Requests per second to the CMS, and those that failed. Far more than one request per 100 VDNs and 5 minutes means that rows come late and are asked for again.',
    unit: 'reqps',
    min: 0,
    queries: [
      {
        expr: `sum by (call_center) (rate(aicc_cti_api_requests_total{${CENTER}}[$__rate_interval]))`,
        legend: '{{call_center}}',
      },
      {
        expr: `sum by (call_center) (rate(aicc_cti_api_request_failures_total{${CENTER}}[$__rate_interval]))`,
        legend: '{{call_center}} failed',
      },
    ],
  }),
  curves({
    ...SIZE,
    height: 6,
    title: 'Clock skew',
    description: `Clock of the CMS minus the exporter's. Beyond ${THRESHOLDS.clockSkewSeconds} s either way signatures may be refused: mend NTP on whichever side is wrong.`,
    unit: 's',
    thresholdLines: true,
    steps: [
      { value: null, color: 'red' },
      { value: -THRESHOLDS.clockSkewSeconds, color: 'green' },
      { value: THRESHOLDS.clockSkewSeconds, color: 'red' },
    ],
    queries: [{ expr: perCenter(`aicc_cti_clock_skew_seconds{${CENTER}}`), legend: '{{call_center}}' }],
  }),
  stat({
    width: 12,
    height: 5,
    title: 'Certificate of the CMS',
    description: `Days until the first certificate of the chain that the CMS presents expires. Below ${THRESHOLDS.certificateDays.warning} days ask its operator for a new one: once it has expired every poll fails. No data with plain HTTP.`,
    unit: 'd',
    decimals: 1,
    steps: [
      { value: null, color: 'red' },
      { value: THRESHOLDS.certificateDays.critical, color: 'orange' },
      { value: THRESHOLDS.certificateDays.warning, color: 'green' },
    ],
    queries: [
      {
        expr: `(min by (call_center) (aicc_cti_tls_peer_certificate_not_after_timestamp_seconds{${CENTER}}) - time()) / 86400`,
        legend: '{{call_center}}',
      },
    ],
  }),
  curves({
    ...SIZE,
    width: 12,
    height: 5,
    title: 'Storage and configuration',
    description:
      'Times in the hour before each point that the ledger could not be read or written, and 1 while an exporter runs on an old configuration because the last reload failed. Anything above zero wants a look before the next restart: the runbooks say what to do.',
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 1,
    queries: [
      {
        expr: `max by (instance, operation) (increase(aicc_cti_storage_failures_total{${TARGET}}[1h]))`,
        legend: '{{instance}}: ledger {{operation}}',
      },
      {
        expr: `max by (instance) (1 - aicc_cti_config_last_reload_successful{${TARGET}})`,
        legend: '{{instance}}: old configuration',
      },
    ],
  }),
];
