import { alert, type Alert, VDN } from './alert.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** One better window, or a restart of the exporter, does not end an alert and start it anew: it stays for two windows. */
const contactCenter = (name: string, rule: Omit<Parameters<typeof alert>[1], 'component' | 'keep_firing_for'>): Alert =>
  alert(name, { ...rule, keep_firing_for: '10m', component: 'aicc-cti' });

const percent = (ratio: number): string => `${Math.round(ratio * 100)}%`;

/** Nobody takes calls at this time of the week: what comes in then hears an announcement. Unknown in the first week. */
const CLOSED = 'vdn:aicc_cti_agents_answering:median1h_last_weeks == 0';

function answeredShareLow(severity: 'warning' | 'critical', wait: string): Alert {
  const limit = THRESHOLDS.answeredShare[severity];
  // Of 15 minutes `increase` sees two windows or three, by how scrapes and evaluations happen to stand to each other: the
  // greatest of five minutes has all three.
  return contactCenter('AiccCtiAnsweredShareLow', {
    expr: quote`
      max without (instance) (instance_vdn:aicc_cti_inbound_calls_answered:ratio15m) < ${limit}
        and max without (instance) (max_over_time(instance_vdn:aicc_cti_inbound_calls:increase15m[5m])) >= ${THRESHOLDS.answeredMinimumCalls}
        unless (${CLOSED} and max without (instance) (instance_vdn:aicc_cti_agents_answering:avg15m) == 0)`,
    for: wait,
    severity,
    summary: `Few calls are answered: ${VDN}`,
    description: `{{ $value | humanizePercentage }} of the inbound calls of the last 15 minutes were connected to an agent; the limit is ${percent(limit)}.`,
    row: 'traffic',
  });
}

const TRAFFIC_RATIO =
  'max without (instance) (instance_vdn:aicc_cti_inbound_calls:per_window1h)' +
  ' / (vdn:aicc_cti_inbound_calls:per_window1h_last_week > 0)';

/** The same 15 minutes or hour a week ago: needs no opening hours and no time zone, and is silent in the first week. */
export const WEEK_ALERTS: readonly Alert[] = [
  contactCenter('AiccCtiInboundSilent', {
    expr: quote`
      max without (instance) (increase(aicc_cti_inbound_calls_total[15m])) == 0
        and max without (instance) (increase(aicc_cti_windows_total[15m])) > 1
        and ignoring (state) max without (instance) (min_over_time(aicc_cti_agents{state="idle"}[10m])) > 0
        and max without (instance) (increase(aicc_cti_inbound_calls_total[15m] offset 1w)) >= ${THRESHOLDS.silenceCallsLastWeek}`,
    for: '3m',
    severity: 'critical',
    summary: `No calls come in: ${VDN}`,
    description: `Not one inbound call in 15 minutes while agents sit idle; a week ago at least ${THRESHOLDS.silenceCallsLastWeek} came in at this time. The number, the trunk or the menu in front of it may be dead.`,
    row: 'traffic',
  }),
  contactCenter('AiccCtiTrafficAnomaly', {
    expr: quote`
      (
        ${TRAFFIC_RATIO} > ${THRESHOLDS.traffic.high}
          or
        ${TRAFFIC_RATIO} < ${THRESHOLDS.traffic.low}
      )
        and (
          max without (instance) (instance_vdn:aicc_cti_inbound_calls:per_window1h) >= ${THRESHOLDS.trafficMinimumCalls}
            or
          vdn:aicc_cti_inbound_calls:per_window1h_last_week >= ${THRESHOLDS.trafficMinimumCalls}
        )`,
    for: '8m',
    severity: 'info',
    summary: `Unusual traffic: ${VDN}`,
    description: `Inbound calls of the last hour are {{ $value | humanizePercentage }} of the same hour last week; usual is ${percent(THRESHOLDS.traffic.low)} to ${percent(THRESHOLDS.traffic.high)}. Holidays and campaigns look like this, too.`,
    row: 'traffic',
  }),
];

/** What happens in the contact center, per VDN. */
export const CONTACT_CENTER_ALERTS: readonly Alert[] = [
  contactCenter('AiccCtiNoAgentForCalls', {
    expr: quote`
      max without (instance) (aicc_cti_window_inbound_calls) > 0
        and
      max without (instance) (aicc_cti_agents{state="talking"})
        + ignoring (state) max without (instance) (aicc_cti_agents{state="idle"}) == 0
        unless
      ${CLOSED}`,
    for: '8m',
    severity: 'critical',
    summary: `Calls come in and no agent can take them: ${VDN}`,
    description:
      '{{ $value | printf "%.0f" }} inbound calls in the newest window, and no agent is talking or idle, for two windows in a row.',
    row: 'agents',
  }),
  answeredShareLow('warning', '8m'),
  answeredShareLow('critical', '3m'),
  contactCenter('AiccCtiOccupancySaturated', {
    expr: quote`
      max without (instance) (instance_vdn:aicc_cti_agents_talking:ratio15m) > ${THRESHOLDS.occupancy.saturated}
        and max without (instance) (instance_vdn:aicc_cti_agents_answering:avg15m) >= ${THRESHOLDS.minimumAgents}`,
    for: '13m',
    severity: 'warning',
    summary: `Agents have no pause between calls: ${VDN}`,
    description: `{{ $value | humanizePercentage }} of the agents who could take a call have been on the phone for the last 15 minutes; the limit is ${percent(THRESHOLDS.occupancy.saturated)}. The next rise in traffic waits.`,
    row: 'agents',
  }),
  contactCenter('AiccCtiAgentsUnavailable', {
    expr: quote`
      max without (instance) (instance_vdn:aicc_cti_agents_unavailable:ratio15m) > ${THRESHOLDS.unavailable}
        and max without (instance) (
          instance_vdn:aicc_cti_agents_answering:avg15m + instance_vdn:aicc_cti_agents_unavailable:avg15m
        ) >= ${THRESHOLDS.minimumAgents}`,
    for: '13m',
    severity: 'warning',
    summary: `Many agents are busy or resting: ${VDN}`,
    description: `{{ $value | humanizePercentage }} of the agents who answer inbound calls have been busy or resting for the last 15 minutes; the limit is ${percent(THRESHOLDS.unavailable)}.`,
    row: 'agents',
  }),
];
