import type { WindowField } from '../cms/rows.ts';

/*
 * The metrics of the VDNs as data: names, types, help and labels stand here and nowhere else. The renderer works from
 * this table; the README, the dashboards and the rules are checked against it. The self-metrics are in
 * self-metric-table.ts.
 */

/** A total of one VDN, kept by the ledger. */
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
    help: '5-minute windows that are missing: the API had no row for them within catch_up.',
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
