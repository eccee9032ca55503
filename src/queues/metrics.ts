import type { MetricDefinition } from '../exposition/metrics.ts';
import type { QueueStatus, SLOT_FIELDS } from './rows.ts';

/*
 * The metrics of the skill queues as data. The README and the rules are checked against it.
 */

const QUEUE = ['call_center', 'vdn', 'queue'] as const;
const INTERFACE = ['call_center', 'interface'] as const;

/** A live value. */
export interface LiveMetric extends MetricDefinition {
  readonly field: Exclude<keyof QueueStatus, 'id'>;
}

export const LIVE_METRICS: readonly LiveMetric[] = [
  {
    name: 'aicc_cti_queue_waiting_calls',
    type: 'gauge',
    help: 'Calls that wait in the skill queue now (totalskillstatusex3 queueSize).',
    labels: QUEUE,
    field: 'waiting',
  },
  {
    name: 'aicc_cti_queue_longest_wait_seconds',
    type: 'gauge',
    help: 'How long the call that waits longest in the queue has waited (totalskillstatusex3 queueTime).',
    labels: QUEUE,
    field: 'longestWait',
  },
  {
    name: 'aicc_cti_queue_agents_signed_in',
    type: 'gauge',
    help: 'Agents who are signed in to the queue (totalskillstatusex3 loggedOnAgents). An agent may serve several queues.',
    labels: QUEUE,
    field: 'signedIn',
  },
  {
    name: 'aicc_cti_queue_agents_available',
    type: 'gauge',
    help: 'Agents of the queue who can take a call now (totalskillstatusex3 availAgents). An agent may serve several queues.',
    labels: QUEUE,
    field: 'available',
  },
  {
    name: 'aicc_cti_queue_capacity_calls',
    type: 'gauge',
    help: 'The most calls that may wait in the queue (totalskillstatusex3 maxQueueSize).',
    labels: QUEUE,
    field: 'capacity',
  },
];

/** A sum over the slots. */
export interface SlotMetric extends MetricDefinition {
  readonly field: (typeof SLOT_FIELDS)[number];
}

function slotMetric(name: string, field: SlotMetric['field'], what: string): SlotMetric {
  const help = `${what}, each ended 5-minute slot counted exactly once (servicequality ${field}).`;
  return { name: `aicc_cti_queue_calls_${name}`, type: 'counter', help, labels: QUEUE, field };
}

export const SLOT_METRICS: readonly SlotMetric[] = [
  slotMetric('total', 'inCallNum', 'Calls that came into the queue'),
  slotMetric('answered_total', 'connectedNum', 'Calls of the queue that were answered'),
  slotMetric('lost_total', 'callLostNum', 'Calls of the queue that were lost'),
  slotMetric('answered_within_15s_total', 'in15sCallNum', 'Calls that were answered within 15 seconds'),
  slotMetric('answered_within_20s_total', 'in20sCallNum', 'Calls that were answered within 20 seconds'),
  slotMetric('lost_within_15s_total', 'wait15sLostNum', 'Calls that were lost after waiting less than 15 seconds'),
  slotMetric('lost_within_20s_total', 'wait20sLostNum', 'Calls that were lost after waiting less than 20 seconds'),
];

export const SLOTS: MetricDefinition = {
  name: 'aicc_cti_queue_slots_total',
  type: 'counter',
  help: '5-minute slots of the queue that were counted into the totals.',
  labels: QUEUE,
};

export const SLOTS_MISSING: MetricDefinition = {
  name: 'aicc_cti_queue_slots_missing_total',
  type: 'counter',
  help: '5-minute slots of the queue that were never seen after they had ended; known half an hour later.',
  labels: QUEUE,
};

export const QUEUE_INFO: MetricDefinition = {
  name: 'aicc_cti_queue_info',
  type: 'gauge',
  help: 'Constant 1 for every queue that the CMS describes (configures/skills): its name and media type (5 is voice or video).',
  labels: [...QUEUE, 'name', 'media_type'],
};

export const QUEUE_THRESHOLD: MetricDefinition = {
  name: 'aicc_cti_queue_threshold',
  type: 'gauge',
  help: 'Configured targets of the queue: it is bad when its service_level is below, or its wait_seconds above. No series where a target is off.',
  labels: [...QUEUE, 'indicator', 'severity'],
};

export const QUEUE_UP: MetricDefinition = {
  name: 'aicc_cti_queue_up',
  type: 'gauge',
  help: '1 when the last request to this interface succeeded for every VDN, 0 otherwise; the interfaces are skills, totalskillstatusex3 and servicequality.',
  labels: INTERFACE,
};

export const QUEUE_LAST_SUCCESS: MetricDefinition = {
  name: 'aicc_cti_queue_last_success_timestamp_seconds',
  type: 'gauge',
  help: 'When a request to this interface last succeeded, as a Unix timestamp; absent before the first.',
  labels: INTERFACE,
};

export const QUEUE_REQUESTS: MetricDefinition = {
  name: 'aicc_cti_queue_requests_total',
  type: 'counter',
  help: 'Requests sent to this interface, failed ones included.',
  labels: INTERFACE,
};

export const QUEUE_REQUEST_FAILURES: MetricDefinition = {
  name: 'aicc_cti_queue_request_failures_total',
  type: 'counter',
  help: 'Requests to this interface that failed, by reason.',
  labels: [...INTERFACE, 'reason'],
};

export const QUEUE_ROWS_REJECTED: MetricDefinition = {
  name: 'aicc_cti_queue_rows_rejected_total',
  type: 'counter',
  help: 'Rows of this interface that were not used because they are malformed; the log has examples.',
  labels: INTERFACE,
};

/** All of them, in the order in which they are written. */
export const QUEUE_METRICS: readonly MetricDefinition[] = [
  ...LIVE_METRICS,
  ...SLOT_METRICS,
  ...[SLOTS, SLOTS_MISSING, QUEUE_INFO, QUEUE_THRESHOLD],
  ...[QUEUE_UP, QUEUE_LAST_SUCCESS, QUEUE_REQUESTS, QUEUE_REQUEST_FAILURES, QUEUE_ROWS_REJECTED],
];
