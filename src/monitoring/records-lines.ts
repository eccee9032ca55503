import type { Indicator } from '../config/targets.ts';
import {
  beyond,
  caughtUp,
  EACH_MINUTE,
  EACH_WINDOW,
  judged,
  type LineRecords,
  lineRecords,
  named,
  openFor,
  type RecordingRule,
  rise,
} from './records.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Share of calls answered, occupancy and unavailability, where there is enough to judge. Replicas are one series. */
export const ANSWERED_RATIO = 'vdn:aicc_cti_inbound_calls_answered:ratio';
export const TALKING_RATIO = 'vdn:aicc_cti_agents_talking:ratio15m';
export const UNAVAILABLE_RATIO = 'vdn:aicc_cti_agents_unavailable:ratio15m';
/** The share of calls answered over an hour or four, of each replica; -1 where it says nothing. */
const ANSWERED_HOURS = 'instance_vdn:aicc_cti_inbound_calls_answered:ratio_hours';
/** Of the lines that are beyond a target: the ratio, by the target's indicator and severity. */
export const MISSED_ANSWER_TARGETS = 'vdn:aicc_cti_answer_targets_missed:ratio';
export const MISSED_AGENT_TARGETS = 'vdn:aicc_cti_agent_targets_missed:ratio';

/** Of the group that is evaluated every 5 minutes. What ends there must have another value: the range has the old one still. */
const lately = (record: string): string => `last_over_time(${record}[6m])`;

/** Calls answered of all calls in a range, if these are enough. */
const answered = (minutes: number, minimum: number): string =>
  `${rise('inbound_calls_answered', minutes)} / (${rise('inbound_calls', minutes)} >= ${minimum})`;

/** Some of the calls were not answered: a failure that is over is not judged, however few calls came since. */
const unanswered = (minutes: number): string =>
  `${rise('inbound_calls', minutes)} > ${rise('inbound_calls_answered', minutes)}`;

const { short: ENOUGH_CALLS, long: FEW_CALLS } = THRESHOLDS.answeredMinimumCalls;

/** Over the shortest range with enough calls through which the line was open. */
const answeredRatio: RecordingRule = {
  record: ANSWERED_RATIO,
  expr: judged(
    quote`
      (${answered(15, ENOUGH_CALLS)} and ${openFor(20)} or ${lately(ANSWERED_HOURS)} >= 0)
        unless ${caughtUp(15)}`,
    EACH_MINUTE,
  ),
};

const average = (state: string): string => `avg_over_time(aicc_cti_agents{state="${state}"}[15m])`;

/**
 * A share of the agents over 15 minutes; none when the API leaves out one of the states. Agents of a small team are
 * often all on calls, or all away.
 */
const agentsRatio = (part: readonly string[], rest: readonly string[]): string => {
  const sum = (states: readonly string[]): string => states.map(average).join(' + ignoring (state) ');
  return `(${sum(part)}) / ignoring (state) (${sum([...part, ...rest])} >= ${THRESHOLDS.minimumAgents}) and ${openFor(20)}`;
};

/** How busy inbound agents are says nothing about a team that calls out. */
const talkingRatio: RecordingRule = {
  record: TALKING_RATIO,
  expr: judged(
    `${agentsRatio(['talking'], ['idle'])} unless ${rise('outbound_calls', 60)} >= ${rise('inbound_calls', 60)}`,
    EACH_WINDOW,
  ),
};

const unavailableRatio: RecordingRule = {
  record: UNAVAILABLE_RATIO,
  expr: judged(
    `${agentsRatio(['busy', 'resting'], ['talking', 'idle'])} unless ${rise('inbound_calls', 60)} == 0`,
    EACH_WINDOW,
  ),
};

const missed = (
  record: string,
  group: LineRecords,
  ratios: readonly (readonly [ratio: string, indicator: Indicator])[],
  alertLabels: readonly string[],
): RecordingRule => ({
  record,
  expr: named(
    ratios.map(([ratio, indicator]) => beyond(ratio, indicator, 'aicc_cti_vdn_threshold')).join('\n  or\n'),
    group,
    alertLabels,
    ['indicator', 'severity'],
  ),
});

/** The rules of the contact center, per VDN. Sums over time come from the counters, which count each window once. */
export const minuteRecords = (alertLabels: readonly string[]): readonly RecordingRule[] => [
  ...lineRecords(EACH_MINUTE, alertLabels),
  answeredRatio,
  missed(MISSED_ANSWER_TARGETS, EACH_MINUTE, [[ANSWERED_RATIO, 'answer_ratio']], alertLabels),
];

/**
 * What changes slowly. The share of calls answered, of a line that has too few of them in 15 minutes: a line that is never
 * open for four hours is judged over one hour, too, when none of its few calls was answered. And what the agents do.
 */
export const hourRecords = (alertLabels: readonly string[]): readonly RecordingRule[] => [
  ...lineRecords(EACH_WINDOW, alertLabels),
  {
    record: ANSWERED_HOURS,
    expr: quote`
      (
        (${answered(60, ENOUGH_CALLS)} and ${unanswered(30)} or ${rise('inbound_calls_answered', 60)} == 0 and ${rise('inbound_calls', 60)} >= ${FEW_CALLS})
          and ${openFor(65)}
          or
        ${answered(240, FEW_CALLS)} and ${unanswered(60)} and ${openFor(245)}
          unless ${rise('inbound_calls', 60)} >= ${ENOUGH_CALLS}
          unless ${caughtUp(240)}
      )
        unless ${caughtUp(60)}
        or 0 * aicc_cti_vdn_open - 1`,
  },
  talkingRatio,
  unavailableRatio,
  missed(
    MISSED_AGENT_TARGETS,
    EACH_WINDOW,
    [
      [TALKING_RATIO, 'occupancy_ratio'],
      [UNAVAILABLE_RATIO, 'unavailable_ratio'],
    ],
    alertLabels,
  ),
];
