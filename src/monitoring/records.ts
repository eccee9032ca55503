import { quote } from './text.ts';

/** One recording rule. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

const medianHour = (ago: string): string =>
  `max without (instance) (quantile_over_time(0.5, instance_vdn:aicc_cti_agents_answering:avg15m[1h] offset ${ago}))`;

/**
 * Per replica and VDN, so that the dashboard can still select either; whoever reads them merges replicas first
 * (`max without (instance)`), then sums. Sums over time come from the counters, which count each window once. `and` with
 * the gauge itself ends an average with its data, instead of letting it age for another quarter of an hour.
 */
export const RECORDS: readonly RecordingRule[] = [
  {
    record: 'instance_vdn:aicc_cti_inbound_calls:increase15m',
    expr: 'increase(aicc_cti_inbound_calls_total[15m])',
  },
  {
    record: 'instance_vdn:aicc_cti_inbound_calls_answered:increase15m',
    expr: 'increase(aicc_cti_inbound_calls_answered_total[15m])',
  },
  {
    record: 'instance_vdn:aicc_cti_inbound_calls_answered:ratio15m',
    expr: quote`
      instance_vdn:aicc_cti_inbound_calls_answered:increase15m
        / (instance_vdn:aicc_cti_inbound_calls:increase15m > 0)`,
  },
  {
    record: 'instance_vdn:aicc_cti_agents:avg15m',
    expr: 'avg_over_time(aicc_cti_agents[15m]) and aicc_cti_agents',
  },
  {
    record: 'instance_vdn:aicc_cti_agents_answering:avg15m',
    // From the gauges, not from the record above: the dashboard reads it, so that it must be possible to give it a past.
    expr: quote`
      (avg_over_time(aicc_cti_agents{state="talking"}[15m]) and aicc_cti_agents)
        + ignoring (state) (avg_over_time(aicc_cti_agents{state="idle"}[15m]) and aicc_cti_agents)`,
  },
  {
    // Agents who could take a call during most of the hour around this time, last week or the week before, whichever had
    // more: 0 means closed, and one holiday does not say so. The 10 minutes are the half of avg15m, and a bit.
    record: 'vdn:aicc_cti_agents_answering:median1h_last_weeks',
    expr: quote`
      ${medianHour('6d23h20m')}
        > ${medianHour('13d23h20m')}
        or ${medianHour('13d23h20m')}
        or ${medianHour('6d23h20m')}`,
  },
  {
    record: 'instance_vdn:aicc_cti_agents_unavailable:avg15m',
    expr: quote`
      instance_vdn:aicc_cti_agents:avg15m{state="busy"}
        + ignoring (state) instance_vdn:aicc_cti_agents:avg15m{state="resting"}`,
  },
  {
    record: 'instance_vdn:aicc_cti_agents_talking:ratio15m',
    expr: quote`
      instance_vdn:aicc_cti_agents:avg15m{state="talking"}
        / ignoring (state) (instance_vdn:aicc_cti_agents_answering:avg15m > 0)`,
  },
  {
    record: 'instance_vdn:aicc_cti_agents_unavailable:ratio15m',
    expr: quote`
      instance_vdn:aicc_cti_agents_unavailable:avg15m
        / (instance_vdn:aicc_cti_agents_answering:avg15m + instance_vdn:aicc_cti_agents_unavailable:avg15m > 0)`,
  },
  {
    // Only where all four states are known: a state that is missing is not a state of nobody.
    record: 'instance_vdn:aicc_cti_agents_not_taking_inbound:diff',
    expr: quote`
      aicc_cti_agents_online
        - (sum without (state) (aicc_cti_agents) and count without (state) (aicc_cti_agents) == 4)`,
  },
  {
    // The calls that the API's own ratio speaks of, those of them that were answered, and those that the ratio says were:
    // ratios cannot be added, calls can.
    record: 'instance_vdn:aicc_cti_window_inbound_calls:with_api_ratio',
    expr: 'aicc_cti_window_inbound_calls and aicc_cti_window_inbound_answer_ratio',
  },
  {
    record: 'instance_vdn:aicc_cti_window_inbound_calls_answered:with_api_ratio',
    expr: 'aicc_cti_window_inbound_calls_answered and aicc_cti_window_inbound_answer_ratio',
  },
  {
    record: 'instance_vdn:aicc_cti_window_inbound_calls_answered:from_api_ratio',
    expr: 'aicc_cti_window_inbound_calls * aicc_cti_window_inbound_answer_ratio',
  },
];

/**
 * Calls per counted window, now and a week ago: a window that is missing, or caught up late, does not look like traffic.
 * Evaluated every 5 minutes, as often as the data changes.
 */
export const WEEK_RECORDS: readonly RecordingRule[] = [
  {
    record: 'instance_vdn:aicc_cti_inbound_calls:per_window1h',
    expr: 'increase(aicc_cti_inbound_calls_total[1h]) / (increase(aicc_cti_windows_total[1h]) > 0)',
  },
  {
    // The instance may have had another name last week.
    record: 'vdn:aicc_cti_inbound_calls:per_window1h_last_week',
    expr: quote`
      max without (instance) (
        increase(aicc_cti_inbound_calls_total[1h] offset 1w) / (increase(aicc_cti_windows_total[1h] offset 1w) > 0)
      )`,
  },
];
