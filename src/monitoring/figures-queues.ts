import { anyOf, QUEUE_ALERTS } from './alert-names.ts';
import type { Panel } from './panel.ts';
import { notAnswered, percent, UNANSWERED_AT_TARGET } from './figures.ts';
import { CENTER, commonTarget, eachQueue, queueTargets, totalOfQueues, VDN } from './queries.ts';
import { label } from './states.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';
import { type Size, tile } from './tiles.ts';

const WAITING = totalOfQueues(`aicc_cti_queue_waiting_calls{${VDN}}`);
const LONGEST = `max(aicc_cti_queue_longest_wait_seconds{${VDN}})`;
const LONGEST_TARGET = `min(${queueTargets('wait_seconds', 'warning')})`;
const WAIT_ALERTS = 'AiccCtiQueueWaitLong|AiccCtiQueueNobodySignedIn|AiccCtiQueueNearlyFull';

/** Live values vanish when they are old. Where queues were never asked for, there is nothing to say. */
const LIVE = {
  noValue: 'no queues in the configuration',
  present: `count(aicc_cti_queue_waiting_calls{${VDN}})`,
  noData: label(
    label(
      `1000 * max(last_over_time(aicc_cti_queue_last_success_timestamp_seconds{${CENTER}, interface="totalskillstatusex3"}[1d]))`,
      'beside',
      'see Exporter',
    ),
    'state',
    'no data',
  ),
} as const;

const LIVE_CAVEAT =
  'Values of the skill queues, a few seconds old. Red with "no data since": the queues cannot be read any more.';

/** The wall has room for one of them: calls that wait, where queues are configured, else calls that nobody answered. */
export const waitingOrUnanswered = (size: Size): Panel =>
  tile({
    ...size,
    // What stands beside the value says which of the two it is.
    isTitleLarge: false,
    title: 'Waiting or unanswered',
    description: `Calls that wait in the queues now, and the longest wait; where no queues are configured, inbound calls of the last 15 minutes that no agent answered, and how many there may be at the target. Red: a critical alert about it is firing. Orange: a warning, or an alert is about to fire.`,
    unit: 'none',
    decimals: 0,
    value: `${WAITING} or ${notAnswered('15m')}`,
    beside: [
      { text: 'waiting, longest $1 s', value: `round(${LONGEST})` },
      { text: 'unanswered, target ≤ $1', value: UNANSWERED_AT_TARGET },
    ],
    alerts: `${anyOf(QUEUE_ALERTS)}|AiccCtiAnsweredShareLow|AiccCtiNoAgentForCalls`,
  });

export const waiting = (size: Size): Panel =>
  tile({
    ...size,
    ...LIVE,
    title: 'Waiting calls',
    description: `Calls that wait in the queues now, and the agents who could take one. An agent of several queues counts in each. ${LIVE_CAVEAT}`,
    unit: 'none',
    decimals: 0,
    value: WAITING,
    beside: { text: 'available: $1', value: totalOfQueues(`aicc_cti_queue_agents_available{${VDN}}`) },
    alerts: WAIT_ALERTS,
  });

export const longestWait = (size: Size): Panel =>
  tile({
    ...size,
    ...LIVE,
    title: 'Longest wait',
    description: `How long the first caller has waited, of all queues, and the smallest of their targets. ${LIVE_CAVEAT}`,
    // 00:01:09, not 1 min.
    unit: 'dthms',
    value: LONGEST,
    beside: { text: 'target ≤ $1 s', value: LONGEST_TARGET },
    alerts: 'AiccCtiQueueWaitLong',
  });

const rise = (counter: string): string => `increase(aicc_cti_queue_calls_${counter}_total{${VDN}}[30m])`;
/** Calls that hung up within 20 seconds count neither way. */
const COUNTED = `${rise('answered')} + ${rise('lost')} - ${rise('lost_within_20s')}`;
const COUNTED_OF_QUEUE = eachQueue(COUNTED);

export const SERVICE_LEVEL = quote`
  ${totalOfQueues(rise('answered_within_20s'))}
    /
  (${totalOfQueues(COUNTED)} >= ${THRESHOLDS.queueMinimumCalls})`;
export const SERVICE_LEVEL_TARGET = commonTarget(queueTargets('service_level', 'warning'), COUNTED_OF_QUEUE);

export const SERVICE_LEVEL_CAVEAT =
  'Service level: calls answered within 20 seconds, of those that were answered or hung up after waiting 20 seconds or more. There are other definitions.';

export const serviceLevel = (size: Size): Panel =>
  tile({
    ...size,
    ...LIVE,
    title: 'Service level, 30 min',
    description: `Over the last 30 minutes, for ${THRESHOLDS.queueMinimumCalls} calls or more, and the target. ${SERVICE_LEVEL_CAVEAT}`,
    unit: 'percentunit',
    decimals: 0,
    value: SERVICE_LEVEL,
    beside: { text: 'target $1%', value: percent(SERVICE_LEVEL_TARGET) },
    alerts: 'AiccCtiQueueServiceLevelLow',
    mayBeFew: true,
  });

/** Waiting calls of the places in a queue, at most. */
const FULLEST = quote`
  max(
    ${eachQueue(`aicc_cti_queue_waiting_calls{${VDN}}`)}
      /
    (${eachQueue(`aicc_cti_queue_capacity_calls{${VDN}}`)} > 0)
  )`;

export const fullestQueue = (size: Size): Panel =>
  tile({
    ...size,
    ...LIVE,
    title: 'Fullest queue',
    description: `Places taken in the queue that is the fullest, and the limit of the alert. When a queue is full, callers are turned away. ${LIVE_CAVEAT}`,
    unit: 'percentunit',
    decimals: 0,
    value: FULLEST,
    beside: { text: 'limit $1%', value: `vector(${THRESHOLDS.queueFullShare * 100})` },
    alerts: 'AiccCtiQueueNearlyFull',
  });
