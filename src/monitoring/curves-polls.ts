import { curves } from './charts.ts';
import { colored, type Panel, type Step } from './panel.ts';
import { CENTER, share, TARGET, VDN } from './queries.ts';
import { THRESHOLDS } from './thresholds.ts';

const SIZE = { width: 8, height: 8, interval: '1m' } as const;

/** By call center, the greatest of its replicas: each polls for itself. */
export const perCenter = (series: string, by = 'call_center'): string => `max by (${by}) (${series})`;

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

/** Draws a limit into a chart. */
export const limit = (value: number): readonly Step[] => [
  { value: null, color: 'green' },
  { value, color: 'red' },
];

/** What comes from the CMS, and how. */
export const POLLS: readonly Panel[] = [
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
      'Failed polls in the hour before each point. auth: key, header list, clock; http: a firewall or proxy in between; api: the code is in the panel beside it; network, timeout, tls: the way to the CMS; invalid, incomplete: the response itself.',
    counter: 'aicc_cti_poll_failures_total',
    by: 'reason',
  }),
  counted({
    title: 'Errors of the CMS by code',
    description:
      'Responses of the CMS that report a failure, in the hour before each point. 0101003: no permission; 0100002: a parameter, often a VDN that the CMS does not know; 0100001, 0100999: its own problem; other: not documented. The runbook of AiccCtiPollFailing says what to do.',
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
      'From the end of a window to the first sight of its rows, over the hour before each point. When the median sits at the retry steps, raise settle_delay to the lag that is shown here. The dashed line is where the alert about the median begins.',
    unit: 's',
    min: 0,
    thresholdLines: true,
    steps: limit(THRESHOLDS.settleLagSeconds),
    queries: [0.5, 0.95].map((quantile) => ({
      expr: `histogram_quantile(${quantile}, sum by (call_center, le) (increase(aicc_cti_settle_lag_seconds_bucket{${CENTER}}[1h]))) >= 0`,
      legend: `{{call_center}} ${quantile === 0.5 ? 'median' : '95%'}`,
    })),
  }),
  curves({
    ...SIZE,
    title: 'Windows late, missing and corrected',
    description:
      'In the hour before each point: windows that never came, windows whose values the CMS changed after they had been counted, and windows that were counted beyond those of one hour, as they are when an outage is caught up.',
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 1,
    queries: [
      {
        expr: `sum(${perCenter(`sum by (instance, call_center) (increase(aicc_cti_windows_missing_total{${VDN}}[1h]))`)})`,
        legend: 'missing',
      },
      {
        expr: `sum(${perCenter(`sum by (instance, call_center) (increase(aicc_cti_windows_revised_total{${VDN}}[1h]))`)})`,
        legend: 'corrected',
      },
      {
        expr: `sum(${perCenter(`sum by (instance, call_center) (clamp_min(increase(aicc_cti_windows_total{${VDN}}[1h]) - 12.5, 0))`)})`,
        legend: 'late',
      },
    ],
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
    title: 'Poll duration',
    description:
      'How long the last poll took. It should stay far below 5 minutes; when it grows, the CMS is slow or many VDNs are asked one request after the other (concurrency). The dashed line is where the alert begins.',
    unit: 's',
    min: 0,
    thresholdLines: true,
    steps: limit(THRESHOLDS.pollSeconds),
    queries: [{ expr: perCenter(`aicc_cti_last_poll_duration_seconds{${CENTER}}`), legend: '{{call_center}}' }],
  }),
  curves({
    ...SIZE,
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
];
