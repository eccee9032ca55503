import type { WindowField } from '../cms/rows.ts';

/**
 * Every metric of the exporter as data: the one place where names, types, help and labels stand. The renderer of the
 * window data, the exporter's own metrics, the table in the README, the dashboard and the rules are all checked
 * against it.
 */

/** A per-VDN total that the ledger keeps. */
export type TotalField = 'inbound' | 'answered' | 'outbound' | 'windows' | 'revised' | 'missing';

export interface MetricDefinition {
  /** The sample's name; counters end in `_total`. */
  readonly name: string;
  readonly type: 'gauge' | 'counter' | 'histogram';
  readonly help: string;
  /** Label names in the order they are written. */
  readonly labels: readonly string[];
}

/** One sample of the newest window. */
export interface WindowMetric extends MetricDefinition {
  readonly samples: readonly {
    readonly field: WindowField;
    readonly extra?: readonly [label: string, value: string];
  }[];
  /** Factor from the API's unit to the metric's: percent to ratio. */
  readonly scale?: number;
}

export interface TotalMetric extends MetricDefinition {
  readonly field: TotalField;
}

const VDN_LABELS = ['call_center', 'vdn'] as const;

export const WINDOW_METRICS: readonly WindowMetric[] = [
  {
    name: 'aicc_cti_agents_online',
    type: 'gauge',
    help: 'Agents signed in at the end of the newest window, including agents who do not answer inbound calls (sysindex onlineAgentNums).',
    labels: VDN_LABELS,
    samples: [{ field: 'agentsOnline' }],
  },
  {
    name: 'aicc_cti_agents',
    type: 'gauge',
    help: 'Agents who answer inbound calls by state (sysindex talkingNums, ideaAgentNum, busyNums, restNums); the states add up to at most aicc_cti_agents_online.',
    labels: [...VDN_LABELS, 'state'],
    samples: [
      { field: 'talking', extra: ['state', 'talking'] },
      { field: 'idle', extra: ['state', 'idle'] },
      { field: 'busy', extra: ['state', 'busy'] },
      { field: 'resting', extra: ['state', 'resting'] },
    ],
  },
  {
    name: 'aicc_cti_window_inbound_calls',
    type: 'gauge',
    help: 'Inbound calls in the newest 5-minute window (sysindex incallNums). For sums over time use aicc_cti_inbound_calls_total.',
    labels: VDN_LABELS,
    samples: [{ field: 'inbound' }],
  },
  {
    name: 'aicc_cti_window_inbound_calls_answered',
    type: 'gauge',
    help: 'Inbound calls connected to an agent in the newest 5-minute window (sysindex rateNum). For sums over time use aicc_cti_inbound_calls_answered_total.',
    labels: VDN_LABELS,
    samples: [{ field: 'answered' }],
  },
  {
    name: 'aicc_cti_window_inbound_answer_ratio',
    type: 'gauge',
    help: 'Share of inbound calls connected to an agent in the newest 5-minute window as the API reports it, 0 to 1 (sysindex callRate / 100).',
    labels: VDN_LABELS,
    samples: [{ field: 'answerRate' }],
    scale: 0.01,
  },
  {
    name: 'aicc_cti_window_outbound_calls',
    type: 'gauge',
    help: 'Outbound calls in the newest 5-minute window (sysindex callOutNums). For sums over time use aicc_cti_outbound_calls_total.',
    labels: VDN_LABELS,
    samples: [{ field: 'outbound' }],
  },
];

export const WINDOW_START: MetricDefinition = {
  name: 'aicc_cti_window_start_timestamp_seconds',
  type: 'gauge',
  help: 'Start of the newest 5-minute window that the gauges show, as a Unix timestamp (sysindex beginTime).',
  labels: VDN_LABELS,
};

export const TOTAL_METRICS: readonly TotalMetric[] = [
  {
    name: 'aicc_cti_inbound_calls_total',
    type: 'counter',
    help: 'Inbound calls, each 5-minute window counted exactly once, late and corrected ones included (sysindex incallNums).',
    labels: VDN_LABELS,
    field: 'inbound',
  },
  {
    name: 'aicc_cti_inbound_calls_answered_total',
    type: 'counter',
    help: 'Inbound calls connected to an agent, each 5-minute window counted exactly once, late and corrected ones included (sysindex rateNum).',
    labels: VDN_LABELS,
    field: 'answered',
  },
  {
    name: 'aicc_cti_outbound_calls_total',
    type: 'counter',
    help: 'Outbound calls, each 5-minute window counted exactly once, late and corrected ones included (sysindex callOutNums).',
    labels: VDN_LABELS,
    field: 'outbound',
  },
  {
    name: 'aicc_cti_windows_total',
    type: 'counter',
    help: '5-minute windows counted into the totals.',
    labels: VDN_LABELS,
    field: 'windows',
  },
  {
    name: 'aicc_cti_windows_revised_total',
    type: 'counter',
    help: 'Counted windows whose values the API changed later; the difference went into the totals.',
    labels: VDN_LABELS,
    field: 'revised',
  },
  {
    name: 'aicc_cti_windows_missing_total',
    type: 'counter',
    help: '5-minute windows that never came: the API had no row for them until catch_up gave up on them.',
    labels: VDN_LABELS,
    field: 'missing',
  },
];

/** Constant 1; carries the texts. The configured label names follow the four fixed ones. */
export const VDN_INFO: MetricDefinition = {
  name: 'aicc_cti_vdn_info',
  type: 'gauge',
  help: 'Constant 1 for every VDN that is configured or reporting: its call center id, name and configured labels, to be joined on call_center and vdn.',
  labels: [...VDN_LABELS, 'cc_id', 'name'],
};

export const VDN_OPEN: MetricDefinition = {
  name: 'aicc_cti_vdn_open',
  type: 'gauge',
  help: '1 while the VDN is open by the configured opening_hours, 0 while it is closed; always 1 without opening_hours.',
  labels: VDN_LABELS,
};

export const VDN_THRESHOLD: MetricDefinition = {
  name: 'aicc_cti_vdn_threshold',
  type: 'gauge',
  help: 'Configured targets, 0 to 1: the VDN is bad when its answer_ratio is below, or its occupancy_ratio or unavailable_ratio above. No series where a target is off.',
  labels: [...VDN_LABELS, 'indicator', 'severity'],
};

const CENTER = ['call_center'] as const;
const CENTER_REASON = ['call_center', 'reason'] as const;

/** The exporter's own metrics, kept by prom-client (process_* and nodejs_* come from its default metrics). */
export const SELF_METRICS = {
  up: {
    name: 'aicc_cti_up',
    type: 'gauge',
    help: '1 when the last poll of the call center got every page of every request, 0 otherwise.',
    labels: CENTER,
  },
  lastSuccess: {
    name: 'aicc_cti_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the last poll that got everything ended, as a Unix timestamp; absent before the first.',
    labels: CENTER,
  },
  lastPollDuration: {
    name: 'aicc_cti_last_poll_duration_seconds',
    type: 'gauge',
    help: 'How long the last poll took; absent before the first.',
    labels: CENTER,
  },
  polls: {
    name: 'aicc_cti_polls_total',
    type: 'counter',
    help: 'Polls of the call center, failed ones included. The exporter polls on the 5-minute grid of the API, never at a scrape.',
    labels: CENTER,
  },
  pollFailures: {
    name: 'aicc_cti_poll_failures_total',
    type: 'counter',
    help: 'Polls that did not get everything, by the reason of the first failure.',
    labels: CENTER_REASON,
  },
  apiRequests: {
    name: 'aicc_cti_api_requests_total',
    type: 'counter',
    help: 'Requests sent to the CMS, failed ones included.',
    labels: CENTER,
  },
  apiRequestFailures: {
    name: 'aicc_cti_api_request_failures_total',
    type: 'counter',
    help: 'Requests to the CMS that failed, by reason.',
    labels: CENTER_REASON,
  },
  apiErrors: {
    name: 'aicc_cti_api_errors_total',
    type: 'counter',
    help: 'Answers of the CMS that report a failure, by its resultCode; other for a code that is not documented.',
    labels: ['call_center', 'code'],
  },
  apiRequestDuration: {
    name: 'aicc_cti_api_request_duration_seconds',
    type: 'histogram',
    help: 'Time from sending a request to the CMS to the end of its answer, failed ones included.',
    labels: CENTER,
  },
  rowsRejected: {
    name: 'aicc_cti_rows_rejected_total',
    type: 'counter',
    help: 'Rows of the API that were not used, by reason.',
    labels: CENTER_REASON,
  },
  settleLag: {
    name: 'aicc_cti_settle_lag_seconds',
    type: 'histogram',
    help: 'Time from the end of a window to the first sight of its row; bounded below by settle_delay and above by how often is asked.',
    labels: CENTER,
  },
  clockSkew: {
    name: 'aicc_cti_clock_skew_seconds',
    type: 'gauge',
    help: 'Clock of the CMS (Date header) minus our clock; absent until the CMS sent one. A large skew breaks signatures.',
    labels: CENTER,
  },
  certificateNotAfter: {
    name: 'aicc_cti_tls_peer_certificate_not_after_timestamp_seconds',
    type: 'gauge',
    help: 'When the earliest certificate of the chain that the CMS presented expires, as a Unix timestamp.',
    labels: CENTER,
  },
  vdnsConfigured: {
    name: 'aicc_cti_vdns_configured',
    type: 'gauge',
    help: 'VDNs in the config of the call center; absent with vdns: all.',
    labels: CENTER,
  },
  vdnsReporting: {
    name: 'aicc_cti_vdns_reporting',
    type: 'gauge',
    help: 'VDNs whose newest window is not older than stale_after.',
    labels: CENTER,
  },
  storageFailures: {
    name: 'aicc_cti_storage_failures_total',
    type: 'counter',
    help: 'Times that the ledger on disk could not be read (the file was set aside) or written (kept in memory).',
    labels: ['operation'],
  },
  buildInfo: {
    name: 'aicc_cti_exporter_build_info',
    type: 'gauge',
    help: 'Constant 1; version of the exporter and of Node.js.',
    labels: ['version', 'node_version'],
  },
  configReloadSuccessful: {
    name: 'aicc_cti_config_last_reload_successful',
    type: 'gauge',
    help: '1 when the last attempt to load the configuration succeeded, 0 otherwise.',
    labels: [],
  },
  configReloadTime: {
    name: 'aicc_cti_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the configuration was last loaded successfully, as a Unix timestamp.',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;
