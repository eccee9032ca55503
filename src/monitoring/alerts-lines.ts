import { BAD_SIDE, type Indicator, type Severity } from '../config/targets.ts';
import { alert, type Alert, type AlertRule, LINE_VARIABLES, targetOf, VDN } from './alert.ts';
import type { MonitoringOptions } from './options.ts';
import { merged, nameLabels, REPLICA } from './promql.ts';
import { ANSWERED_RATIO, judged, OPEN_LINE, TALKING_RATIO, UNAVAILABLE_RATIO } from './records.ts';
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
  const names = nameLabels(options.alertLabels);
  const calls = judged(
    quote`
      max_over_time(aicc_cti_window_inbound_calls[15m]) > 0
        unless aicc_cti_window_inbound_calls_answered > 0`,
    options.alertLabels,
  );
  const expr = quote`
    ${calls}
      and ignoring (${names})
    max without (${REPLICA}) (
      aicc_cti_agents{state="talking"} + ignoring (state) aicc_cti_agents{state="idle"}
        and ignoring (${names}) ${OPEN_LINE}
    ) == 0`;
  return lineAlert(
    'AiccCtiNoAgentForCalls',
    {
      expr,
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
  readonly ratio: string;
  readonly indicator: Indicator;
  readonly wait: Readonly<Record<Severity, string>>;
  readonly summary: string;
  readonly says: string;
}

const JUDGEMENTS: readonly Judgement[] = [
  {
    alert: 'AiccCtiAnsweredShareLow',
    ratio: ANSWERED_RATIO,
    indicator: 'answer_ratio',
    wait: { warning: '8m', critical: '3m' },
    summary: 'Few calls are answered',
    says: 'of the inbound calls were connected to an agent, over the last 15 minutes, or 1 or 4 hours where calls are few; the target is at least',
  },
  {
    alert: 'AiccCtiOccupancySaturated',
    ratio: TALKING_RATIO,
    indicator: 'occupancy_ratio',
    wait: { warning: '13m', critical: '13m' },
    summary: 'Agents have no pause between calls',
    says: 'of the agents who could take a call have been on the phone for the last 15 minutes; the target is at most',
  },
  {
    alert: 'AiccCtiAgentsUnavailable',
    ratio: UNAVAILABLE_RATIO,
    indicator: 'unavailable_ratio',
    wait: { warning: '13m', critical: '13m' },
    summary: 'Many agents are busy or resting',
    says: 'of the agents who answer inbound calls have been busy or resting for the last 15 minutes; the target is at most',
  },
];

/** Compares a ratio with the line's own target; the more severe alert replaces the other one. */
function judge(judgement: Judgement, severity: Severity, options: MonitoringOptions): Alert {
  const names = nameLabels(options.alertLabels);
  const { ratio, indicator } = judgement;
  const side = BAD_SIDE[indicator] === 'below' ? '<' : '>';
  const beyond = (limit: Severity): string => quote`
    ${ratio}
      ${side} ignoring (${names}, indicator, severity) group_left ()
    ${merged(`aicc_cti_vdn_threshold{indicator="${indicator}", severity="${limit}"}`)}`;
  const expr =
    severity === 'critical'
      ? beyond('critical')
      : quote`
        (
          ${beyond('warning')}
        )
          unless
        (
          ${beyond('critical')}
        )`;
  const target = targetOf(indicator, severity, ['name', ...options.alertLabels]);
  return lineAlert(
    judgement.alert,
    {
      expr,
      for: judgement.wait[severity],
      severity,
      summary: `${judgement.summary}: ${VDN}`,
      description: `{{ $value | humanizePercentage }} ${judgement.says} ${target}.`,
    },
    options,
  );
}

/** What happens on a line now, against its own targets and while it is open. */
export const lineAlerts = (options: MonitoringOptions): readonly Alert[] => [
  noAgentForCalls(options),
  ...JUDGEMENTS.flatMap((judgement) => [judge(judgement, 'warning', options), judge(judgement, 'critical', options)]),
];
