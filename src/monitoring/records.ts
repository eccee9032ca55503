import { BAD_SIDE, type TargetKey } from '../config/targets.ts';
import { merged, nameLabels, REPLICA, VDN_OF_ALL } from './promql.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** One recording rule. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** Every line by name, one series for all replicas: 1 while it is open, 0 while it is closed. */
export const LINES = 'vdn:aicc_cti_vdn_open:named';
/**
 * Lines that have been open for 10 minutes and have current data, at the replica with the newest window. The value is 1.
 * After 10 minutes the newest window is one through which the line was open.
 */
export const OPEN_LINE = 'instance_vdn:aicc_cti_vdn_open:current';
/** Share of calls answered, occupancy and unavailability, where there is enough to judge. Replicas are one series. */
export const ANSWERED_RATIO = 'vdn:aicc_cti_inbound_calls_answered:ratio';
export const TALKING_RATIO = 'vdn:aicc_cti_agents_talking:ratio15m';
export const UNAVAILABLE_RATIO = 'vdn:aicc_cti_agents_unavailable:ratio15m';
/** The share of calls answered over an hour or four, of each replica. */
const ANSWERED_HOURS = 'instance_vdn:aicc_cti_inbound_calls_answered:ratio_hours';
/** Lines that call out at least as often as they are called, and lines that nobody calls, in the last hour. */
const OUTBOUND_LINE = 'instance_vdn:aicc_cti_outbound_calls:most1h';
const IDLE_LINE = 'instance_vdn:aicc_cti_inbound_calls:none1h';
/** Of the lines that are beyond a target: the ratio, by the target's indicator and severity. */
export const MISSED_TARGETS = 'vdn:aicc_cti_targets_missed:ratio';
/** Inbound calls per window over the last 15 minutes, only while the line is open; and what is usual at this time. */
export const CALLS = 'vdn:aicc_cti_calls:window15m';
export const USUAL_CALLS = 'vdn:aicc_cti_calls:usual';
/** Per call center: VDNs with current data, VDNs that had data in the last 6 hours, and those of them without any now. */
export const CURRENT_COUNT = 'call_center:aicc_cti_vdns_current:count';
export const REPORTING_COUNT = 'call_center:aicc_cti_vdns_reporting:max6h';
export const MISSING_COUNT = 'call_center:aicc_cti_vdns_missing:count';
/** Per call center: 1 if a poll of any replica succeeded. */
export const UP = 'call_center:aicc_cti_up:max';
/** Per call center: the end of the newest window, in seconds. The dashboards say since when there is no data. */
export const WINDOW_END = 'call_center:aicc_cti_window_end_timestamp_seconds:max';

const WINDOW_START = 'aicc_cti_window_start_timestamp_seconds';
/** A window that started before ended too long ago. */
const OLDEST_START = `time() - ${300 + THRESHOLDS.dataAgeSeconds.critical}`;

/** The newest window of each VDN, on any replica. */
const NEWEST_START = `vdn:${WINDOW_START}:max`;
/** VDNs with a window that ended lately. */
export const CURRENT_VDNS = `${NEWEST_START} > ${OLDEST_START}`;
/** VDNs that had a window in the last hour. */
export const LATELY_VDNS = `last_over_time(${NEWEST_START}[1h])`;

/** Open for the last minutes: a window before the opening does not count. */
const openFor = (minutes: number): string => `min_over_time(aicc_cti_vdn_open[${minutes}m]) == 1`;

const rise = (counter: string, minutes: number): string => `increase(aicc_cti_${counter}_total[${minutes}m])`;

/**
 * More windows were counted than the range has, with one to spare for rows that come late: the exporter caught up on an
 * outage, and the calls are older than the range.
 */
const caughtUp = (minutes: number): string => `${rise('windows', minutes)} > ${mostWindows(minutes)}`;
const mostWindows = (minutes: number): number => minutes / 5 + 1.5;

/** Keeps the replicas that are current, of lines that are open, and makes them one. */
export const judged = (expr: string): string => quote`
  max without (${REPLICA}) (
    (
      ${expr}
    )
      and ${OPEN_LINE}
  )`;

const namedLines = (alertLabels: readonly string[]): RecordingRule => ({
  record: LINES,
  expr: quote`
    ${merged('aicc_cti_vdn_open')}
      * on (${VDN_OF_ALL}) group_left (${nameLabels(alertLabels)})
    topk by (${VDN_OF_ALL}) (1, aicc_cti_vdn_info)`,
});

const openLine: RecordingRule = {
  record: OPEN_LINE,
  expr: quote`
    ${openFor(10)}
      and (${WINDOW_START} > ${OLDEST_START}) == ignoring (${REPLICA}) group_left () ${merged(WINDOW_START)}`,
};

/** Of the group that is evaluated every 5 minutes. */
const lately = (record: string): string => `last_over_time(${record}[6m])`;

/**
 * Gives the figures of lines the names of the lines.
 * @param others labels that the figures have and lines do not
 */
export const named = (expr: string, alertLabels: readonly string[], others: readonly string[] = []): string => quote`
  (
    ${expr}
  )
    * ignoring (${[nameLabels(alertLabels), ...others].join(', ')}) group_left (${nameLabels(alertLabels)})
  ${LINES}`;

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
      (${answered(15, ENOUGH_CALLS)} and ${openFor(20)} or ${lately(ANSWERED_HOURS)})
        unless ${caughtUp(15)}`,
  ),
};

const average = (state: string): string => `avg_over_time(aicc_cti_agents{state="${state}"}[15m])`;

/**
 * A share of the agents over 15 minutes; none when the API leaves out one of the states. Agents of a small team are
 * often all on calls, or all away.
 */
const agentsRatio = (part: readonly string[], rest: readonly string[]): string => {
  const sum = (states: readonly string[]): string => states.map(average).join(' + ignoring (state) ');
  return `(${sum(part)}) / ignoring (state) (${sum([...part, ...rest])} >= ${THRESHOLDS.minimumAgents})`;
};

const talkingRatio: RecordingRule = {
  record: TALKING_RATIO,
  expr: judged(`${agentsRatio(['talking'], ['idle'])} unless ${lately(OUTBOUND_LINE)}`),
};

const unavailableRatio: RecordingRule = {
  record: UNAVAILABLE_RATIO,
  expr: judged(`${agentsRatio(['busy', 'resting'], ['talking', 'idle'])} unless ${lately(IDLE_LINE)}`),
};

/** Compares a value with its targets: the result has a series for each severity that is reached. */
export const beyond = (value: string, indicator: TargetKey, thresholds: string): string => quote`
  ${value}
    ${BAD_SIDE[indicator] === 'below' ? '<' : '>'} ignoring (indicator, severity) group_right ()
  ${merged(`${thresholds}{indicator="${indicator}"}`)}`;

const missedTargets = (alertLabels: readonly string[]): RecordingRule => ({
  record: MISSED_TARGETS,
  expr: named(
    [
      beyond(ANSWERED_RATIO, 'answer_ratio', 'aicc_cti_vdn_threshold'),
      beyond(TALKING_RATIO, 'occupancy_ratio', 'aicc_cti_vdn_threshold'),
      beyond(UNAVAILABLE_RATIO, 'unavailable_ratio', 'aicc_cti_vdn_threshold'),
    ].join('\n  or\n'),
    alertLabels,
    ['indicator', 'severity'],
  ),
});

/** The rules of the contact center, per VDN. Sums over time come from the counters, which count each window once. */
export const lineRecords = (alertLabels: readonly string[]): readonly RecordingRule[] => [
  openLine,
  answeredRatio,
  talkingRatio,
  unavailableRatio,
  missedTargets(alertLabels),
];

/**
 * What changes slowly: the share of calls answered, of a line that has too few of them in 15 minutes. A line that is
 * never open for four hours is judged over one hour, too, when none of its few calls was answered.
 */
export const HOUR_RECORDS: readonly RecordingRule[] = [
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
        unless ${caughtUp(60)}`,
  },
  // How busy inbound agents are says nothing about a team that calls out.
  { record: OUTBOUND_LINE, expr: `${rise('outbound_calls', 60)} >= ${rise('inbound_calls', 60)}` },
  { record: IDLE_LINE, expr: `${rise('inbound_calls', 60)} == 0` },
];

/** The greater of two values, or the one that there is. */
const greater = (a: string, b: string): string =>
  `max without (week) (label_replace(${a}, "week", "1", "", "") or ${b})`;

/**
 * A function of a line's calls from two hours before to an hour after this time a week ago: a day may be an hour off, as
 * clocks may have been changed since.
 */
export const lastWeek = (of: string): string => `${of}${CALLS}[3h] offset 6d23h)`;
export const weekBefore = (of: string): string => `${of}${CALLS}[3h] offset 13d23h)`;

/**
 * Calls per counted window, so that a window that is missing does not look like less traffic. Three in four values of
 * last week are above the usual one; the week before is a second witness, as last week may have had a holiday.
 */
export const WEEK_RECORDS: readonly RecordingRule[] = [
  {
    record: CALLS,
    // A replica that is behind counts no windows now.
    expr: merged(quote`
      ${rise('inbound_calls', 15)} / (${rise('windows', 15)} > 1 <= ${mostWindows(15)})
        and ${openFor(20)}`),
  },
  {
    record: USUAL_CALLS,
    expr: greater(lastWeek('quantile_over_time(0.25, '), weekBefore('quantile_over_time(0.25, ')),
  },
];

/**
 * What is known of the call centers. Ids that never had data are not expected to have any, nor those that left the
 * configuration.
 */
export function centerRecords(alertLabels: readonly string[]): readonly RecordingRule[] {
  const lines = `count without (vdn, ${nameLabels(alertLabels)}) (${LINES})`;
  return [
    { record: UP, expr: merged('aicc_cti_up') },
    namedLines(alertLabels),
    { record: NEWEST_START, expr: merged(WINDOW_START) },
    { record: CURRENT_COUNT, expr: `count without (vdn) (${CURRENT_VDNS})` },
    { record: WINDOW_END, expr: `max without (vdn) (${NEWEST_START}) + 300` },
    { record: REPORTING_COUNT, expr: `max_over_time(${CURRENT_COUNT}[6h]) < ${lines} or ${lines}` },
    { record: MISSING_COUNT, expr: `${REPORTING_COUNT} - (${CURRENT_COUNT} or 0 * ${REPORTING_COUNT})` },
  ];
}
