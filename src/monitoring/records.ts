import { merged, nameLabels, names, REPLICA, VDN_OF_INSTANCE } from './promql.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** One recording rule. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/**
 * Lines that have been open for 10 minutes and have current data, by name, at the replica with the newest window. The value
 * is 1. After 10 minutes the newest window is one through which the line was open.
 */
export const OPEN_LINE = 'instance_vdn:aicc_cti_vdn_open:current';
/** Share of calls answered, occupancy and unavailability, where there is enough to judge. Replicas are one series. */
export const ANSWERED_RATIO = 'vdn:aicc_cti_inbound_calls_answered:ratio';
export const TALKING_RATIO = 'vdn:aicc_cti_agents_talking:ratio15m';
export const UNAVAILABLE_RATIO = 'vdn:aicc_cti_agents_unavailable:ratio15m';
/** Inbound calls per window over the last 15 minutes, only while the line is open; and what is usual at this time. */
export const CALLS = 'vdn:aicc_cti_inbound_calls:per_window15m';
export const USUAL_CALLS = 'vdn:aicc_cti_inbound_calls:per_window15m_usual';
/** Per call center: VDNs with current data, VDNs that had data in the last 6 hours, and those of them without any now. */
export const CURRENT_COUNT = 'call_center:aicc_cti_vdns_current:count';
export const REPORTING_COUNT = 'call_center:aicc_cti_vdns_reporting:max6h';
export const MISSING_COUNT = 'call_center:aicc_cti_vdns_missing:count';
/** Per call center: the end of the newest window, in seconds. The dashboards say since when there is no data. */
export const WINDOW_END = 'call_center:aicc_cti_window_end_timestamp_seconds:max';

const WINDOW_START = 'aicc_cti_window_start_timestamp_seconds';
/** A window that started before ended too long ago. */
const OLDEST_START = `time() - ${300 + THRESHOLDS.dataAgeSeconds.critical}`;

/** VDNs with a window that ended lately, on any replica. */
export const CURRENT_VDNS = `${merged(WINDOW_START)} > ${OLDEST_START}`;

/** Open for the last minutes: a window before the opening does not count. */
const openFor = (minutes: number): string => `min_over_time(aicc_cti_vdn_open[${minutes}m]) == 1`;

const rise = (counter: string, minutes: number): string => `increase(aicc_cti_${counter}_total[${minutes}m])`;

/**
 * More windows were counted than the range has, with one to spare for rows that come late: the exporter caught up on an
 * outage, and the calls are older than the range.
 */
const caughtUp = (minutes: number): string => `${rise('windows', minutes)} > ${mostWindows(minutes)}`;
const mostWindows = (minutes: number): number => minutes / 5 + 1.5;

/** Keeps the replicas that are current, gives each line its name, and makes its replicas one. */
export function judged(expr: string, alertLabels: readonly string[]): string {
  const labels = nameLabels(alertLabels);
  return quote`
    max without (${REPLICA}) (
      (
        ${expr}
      )
        * ignoring (${labels}) group_left (${labels})
      ${OPEN_LINE}
    )`;
}

const openLine = (alertLabels: readonly string[]): RecordingRule => ({
  record: OPEN_LINE,
  expr: quote`
    (
      ${openFor(10)}
        and
      (
        (${WINDOW_START} > ${OLDEST_START})
          == ignoring (${REPLICA}) group_left ()
        ${merged(WINDOW_START)}
      )
    )
      * on (${VDN_OF_INSTANCE}) group_left (${nameLabels(alertLabels)})
    ${names(VDN_OF_INSTANCE)}`,
});

/** Calls answered of all calls in a range, if these are enough. */
const answered = (minutes: number, minimum: number): string =>
  `${rise('inbound_calls_answered', minutes)} / (${rise('inbound_calls', minutes)} >= ${minimum})`;

/** Some of the calls were not answered: a failure that is over is not judged, however few calls came since. */
const unanswered = (minutes: number): string =>
  `${rise('inbound_calls', minutes)} > ${rise('inbound_calls_answered', minutes)}`;

/**
 * Over the shortest range with enough calls through which the line was open. A line that is never open for four hours
 * is judged over one hour, too, when none of its few calls was answered.
 */
function answeredRatio(alertLabels: readonly string[]): RecordingRule {
  const { short, long } = THRESHOLDS.answeredMinimumCalls;
  return {
    record: ANSWERED_RATIO,
    expr: judged(
      quote`
        (
          (${answered(15, short)} and ${openFor(20)})
            or
          (
            (
              (
                (${answered(60, short)} and ${unanswered(30)})
                  or
                ${answered(60, long)} == 0
              )
                and ${openFor(65)}
            )
              or
            (
              ${answered(240, long)}
                and ${unanswered(60)}
                and ${openFor(245)}
                unless ${rise('inbound_calls', 60)} >= ${short}
                unless ${caughtUp(240)}
            )
          )
            unless ${caughtUp(60)}
        )
          unless ${caughtUp(15)}`,
      alertLabels,
    ),
  };
}

const average = (state: string): string => `avg_over_time(aicc_cti_agents{state="${state}"}[15m])`;

/** A share of the agents over 15 minutes. Agents of a small team are often all on calls, or all away. */
const agentsRatio = (part: readonly string[], rest: readonly string[]): string => {
  const sum = (states: readonly string[]): string => states.map(average).join(' + ignoring (state) ');
  return quote`
    (${sum(part)})
      / ignoring (state)
    (${sum([...part, ...rest])} >= ${THRESHOLDS.minimumAgents})
      and ${openFor(20)}`;
};

/** How busy inbound agents are says nothing about a team that calls out. */
const talkingRatio = (alertLabels: readonly string[]): RecordingRule => ({
  record: TALKING_RATIO,
  expr: judged(
    quote`
      ${agentsRatio(['talking'], ['idle'])}
        unless (${rise('outbound_calls', 60)} >= ${rise('inbound_calls', 60)})`,
    alertLabels,
  ),
});

const unavailableRatio = (alertLabels: readonly string[]): RecordingRule => ({
  record: UNAVAILABLE_RATIO,
  expr: judged(
    quote`
      ${agentsRatio(['busy', 'resting'], ['talking', 'idle'])}
        unless (${rise('inbound_calls', 60)} == 0)`,
    alertLabels,
  ),
});

/** The rules of the contact center, per VDN. Sums over time come from the counters, which count each window once. */
export const lineRecords = (alertLabels: readonly string[]): readonly RecordingRule[] => [
  openLine(alertLabels),
  answeredRatio(alertLabels),
  talkingRatio(alertLabels),
  unavailableRatio(alertLabels),
];

/** The greater of two values, or the one that there is. */
const greater = (a: string, b: string): string => quote`
  ${a}
    > ${b}
    or ${b}
    or ${a}`;

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
export const CENTER_RECORDS: readonly RecordingRule[] = [
  { record: CURRENT_COUNT, expr: `count without (vdn) (${CURRENT_VDNS})` },
  { record: WINDOW_END, expr: `max without (${REPLICA}, vdn) (${WINDOW_START}) + 300` },
  {
    record: REPORTING_COUNT,
    expr: quote`
      max_over_time(${CURRENT_COUNT}[6h])
        < count without (vdn) (${merged('aicc_cti_vdn_open')})
        or count without (vdn) (${merged('aicc_cti_vdn_open')})`,
  },
  { record: MISSING_COUNT, expr: `${REPORTING_COUNT} - (${CURRENT_COUNT} or 0 * ${REPORTING_COUNT})` },
];
