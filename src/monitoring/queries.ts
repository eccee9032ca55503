import { REPLICA, VDN_OF_ALL } from './promql.ts';
import { THRESHOLDS } from './thresholds.ts';
import { quote } from './text.ts';
import type { Indicator, QueueIndicator, Severity } from '../config/targets.ts';

/** What the variables on top of the dashboards select: of an exporter, of a call center, of a VDN. */
export const TARGET = 'job=~"$job", instance=~"$instance"';
export const CENTER = `${TARGET}, call_center=~"$call_center"`;
export const VDN = `${CENTER}, vdn=~"$vdn"`;

/** The same for records, in which replicas are one: these have no instance. */
export const VDN_OF_RECORD = 'job=~"$job", instance=~"$instance|", call_center=~"$call_center", vdn=~"$vdn"';

/** The same for alerts, which may concern a whole call center, exporter or job: such an alert lacks the other labels. */
export const OF_ALERT = 'job=~"$job|", instance=~"$instance|", call_center=~"$call_center|", vdn=~"$vdn|"';

export const WINDOW_START = `aicc_cti_window_start_timestamp_seconds{${VDN}}`;

/**
 * Sums per-VDN series over the selected VDNs. Replicas show the same call center, so the greatest of them is taken, then
 * the call centers are added. VDNs are added first, within a replica: over 5,000 of them that takes half the time.
 */
export const total = (series: string): string => `sum(max without (${REPLICA}) (sum without (vdn) (${series})))`;

/** Replicas made one, nothing added up: a series per VDN. */
export const each = (series: string): string => `max by (${VDN_OF_ALL}) (${series})`;

/** Calls that were counted in a range, per VDN and replica. @param ago for example ` offset 1w` */
export const calls = (counter: string, range: string, ago = ''): string =>
  `increase(aicc_cti_${counter}_total{${VDN}}[${range}]${ago})`;

/** Numerator and denominator are added up apart; a denominator that says too little gives no value. */
export const share = (part: string, whole: string, minimum = '> 0'): string =>
  `${total(part)} / (${total(whole)} ${minimum})`;

const answered = (range: string): string =>
  share(
    calls('inbound_calls_answered', range),
    calls('inbound_calls', range),
    `>= ${THRESHOLDS.answeredMinimumCalls.short}`,
  );

/** Of the last 15 minutes, of the last hour where calls are few, and nothing where they are fewer. */
export const ANSWERED_SHARE = quote`
  ${answered('15m')}
    or
  ${answered('1h')}`;

/** Agents in one state; in several, a regular expression. */
export const agents = (state: string): string => `aicc_cti_agents{${VDN}, state="${state}"}`;
export const agentsIn = (states: string): string => `aicc_cti_agents{${VDN}, state=~"${states}"}`;

/** Average of the last 15 minutes of the agents in some states, a regular expression. */
export const averageAgents15m = (states: string): string => `avg_over_time(${agentsIn(states)}[15m])`;

/** Where there are few agents all of them are often on calls. */
export const OCCUPANCY = share(
  averageAgents15m('talking'),
  averageAgents15m('talking|idle'),
  `>= ${THRESHOLDS.minimumAgents}`,
);

/** The configured targets, per VDN. */
export const targets = (indicator: Indicator, severity: Severity): string =>
  each(`aicc_cti_vdn_threshold{${VDN}, indicator="${indicator}", severity="${severity}"}`);

/** Replicas made one, nothing added up: a series per skill queue. */
export const eachQueue = (series: string): string => `max by (${VDN_OF_ALL}, queue) (${series})`;

/** The configured targets of the skill queues. */
export const queueTargets = (indicator: QueueIndicator, severity: Severity): string =>
  eachQueue(`aicc_cti_queue_threshold{${VDN}, indicator="${indicator}", severity="${severity}"}`);

/** The target for a share over several lines: where each of them is at its own target. It weighs them as the share does. */
export const commonTarget = (target: string, weights: string): string => quote`
  sum(${target} * ${weights})
    /
  (sum(${weights} and ${target}) > 0)
    or
  avg(${target})`;

/** Sums per-queue series over the selected VDNs, replicas made one. */
export const totalOfQueues = (series: string): string => total(`sum without (queue) (${series})`);
