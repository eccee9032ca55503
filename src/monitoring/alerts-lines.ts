import type { Indicator, Severity, TargetKey } from '../config/targets.ts';
import { alert, type Alert, type AlertRule, LINE_VARIABLES, targetOf, VDN } from './alert.ts';
import type { MonitoringOptions } from './options.ts';
import { EACH_MINUTE, judged, named } from './records.ts';
import { MISSED_AGENT_TARGETS, MISSED_ANSWER_TARGETS } from './records-lines.ts';
import { quote } from './text.ts';

/** One better window, or a restart of the exporter, does not end an alert and start it anew: it stays for two windows. */
const KEEP_FIRING = '10m';

/** An alert about a line. */
export const lineAlert = (
  name: string,
  rule: Omit<AlertRule, 'component' | 'keep_firing_for' | 'dashboard' | 'chosen'>,
  options: MonitoringOptions,
): Alert =>
  alert(
    name,
    { ...rule, keep_firing_for: KEEP_FIRING, component: 'aicc-cti', dashboard: 'line', chosen: LINE_VARIABLES },
    options,
  );

function noAgentForCalls(options: MonitoringOptions): Alert {
  // A quiet line has calls in every other window only. Agents who are not free at the end of a window may have answered.
  const calls = judged(
    quote`
    max_over_time(aicc_cti_window_inbound_calls[15m]) > 0
      unless aicc_cti_window_inbound_calls_answered > 0`,
    EACH_MINUTE,
  );
  const agents = judged(
    'aicc_cti_agents{state="talking"} + ignoring (state) aicc_cti_agents{state="idle"}',
    EACH_MINUTE,
  );
  return lineAlert(
    'AiccCtiNoAgentForCalls',
    {
      expr: named(`${calls} and ${agents} == 0`, EACH_MINUTE, options.alertLabels),
      for: '8m',
      severity: 'critical',
      summary: `Calls come in and no agent can take them: ${VDN}`,
      description:
        'Up to {{ $value | printf "%.0f" }} inbound calls in a window of the last 15 minutes, and no agent has been talking or idle for two windows. The target is one agent at least while the line is open.',
    },
    options,
  );
}

/** What an alert says of a ratio that is beyond its target. */
interface Judgement {
  readonly alert: string;
  readonly record: string;
  readonly indicator: Indicator;
  readonly wait: Readonly<Record<Severity, string>>;
  readonly summary: string;
  readonly says: string;
}

const ANSWERED: Judgement = {
  alert: 'AiccCtiAnsweredShareLow',
  record: MISSED_ANSWER_TARGETS,
  indicator: 'answer_ratio',
  wait: { warning: '8m', critical: '3m' },
  summary: 'Few calls are answered',
  says: 'of the inbound calls were connected to an agent, over the last 15 minutes, or 1 or 4 hours where calls are few; the target is at least',
};

const AGENTS: readonly Judgement[] = [
  {
    alert: 'AiccCtiOccupancySaturated',
    record: MISSED_AGENT_TARGETS,
    indicator: 'occupancy_ratio',
    wait: { warning: '13m', critical: '13m' },
    summary: 'Agents have no pause between calls',
    says: 'of the agents who could take a call have been on the phone for the last 15 minutes; the target is at most',
  },
  {
    alert: 'AiccCtiAgentsUnavailable',
    record: MISSED_AGENT_TARGETS,
    indicator: 'unavailable_ratio',
    wait: { warning: '13m', critical: '13m' },
    summary: 'Many agents are busy or resting',
    says: 'of the agents who answer inbound calls have been busy or resting for the last 15 minutes; the target is at most',
  },
];

/** What is beyond a target of this severity; the more severe one replaces the other. */
export function missed(record: string, indicator: TargetKey, severity: Severity): string {
  const beyond = (limit: Severity): string => `${record}{indicator="${indicator}", severity="${limit}"}`;
  if (severity === 'critical') return `max without (indicator, severity) (${beyond('critical')})`;
  return `max without (indicator, severity) (${beyond('warning')} unless ignoring (severity) ${beyond('critical')})`;
}

/** A ratio against the line's own target. */
function judge(judgement: Judgement, severity: Severity, options: MonitoringOptions): Alert {
  const { record, indicator } = judgement;
  const names = ['name', ...options.alertLabels];
  const target = targetOf('aicc_cti_vdn_threshold', indicator, severity, names, 'humanizePercentage');
  return lineAlert(
    judgement.alert,
    {
      expr: missed(record, indicator, severity),
      for: judgement.wait[severity],
      severity,
      summary: `${judgement.summary}: ${VDN}`,
      description: `{{ $value | humanizePercentage }} ${judgement.says} ${target}.`,
    },
    options,
  );
}

const both = (judgement: Judgement, options: MonitoringOptions): readonly Alert[] => [
  judge(judgement, 'warning', options),
  judge(judgement, 'critical', options),
];

/** What happens on a line now, against its own targets and while it is open. */
export const lineAlerts = (options: MonitoringOptions): readonly Alert[] => [
  noAgentForCalls(options),
  ...both(ANSWERED, options),
];

/** What its agents do. */
export const agentAlerts = (options: MonitoringOptions): readonly Alert[] =>
  AGENTS.flatMap((judgement) => both(judgement, options));
