import { CLOSED, CLOSED_SHADE, curves, TARGET_LINES } from './charts.ts';
import { SERVICE_LEVEL, SERVICE_LEVEL_CAVEAT, SERVICE_LEVEL_TARGET } from './figures-queues.ts';
import { colored, type Panel } from './panel.ts';
import { queueTargets, totalOfQueues, VDN } from './queries.ts';
import { THRESHOLDS } from './thresholds.ts';
import type { Size } from './tiles.ts';

const NO_VALUE = 'no queues in the configuration, or no data';

export const waitingCurve = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Waiting calls',
    description:
      'Calls that waited in the queues of the line at each moment, and the agents who could take one. An agent of several queues counts in each. Grey: the line is closed.',
    interval: '1m',
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 5,
    noValue: NO_VALUE,
    queries: [
      CLOSED,
      { expr: totalOfQueues(`aicc_cti_queue_waiting_calls{${VDN}}`), legend: 'waiting' },
      { expr: totalOfQueues(`aicc_cti_queue_agents_available{${VDN}}`), legend: 'available' },
    ],
    overrides: [CLOSED_SHADE, colored('waiting', 'orange'), colored('available', 'green')],
  });

export const longestWaitCurve = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Longest wait',
    description:
      'How long the first caller in the queues of the line had waited at each moment. Above the dashed lines, for 2 minutes, the alerts fire. Grey: the line is closed.',
    interval: '1m',
    unit: 's',
    min: 0,
    noValue: NO_VALUE,
    queries: [
      CLOSED,
      { expr: `max(aicc_cti_queue_longest_wait_seconds{${VDN}})`, legend: 'longest wait' },
      { expr: `min(${queueTargets('wait_seconds', 'warning')})`, legend: 'target' },
      { expr: `min(${queueTargets('wait_seconds', 'critical')})`, legend: 'critical' },
    ],
    overrides: [CLOSED_SHADE, colored('longest wait', 'blue'), ...TARGET_LINES],
  });

export const serviceLevelCurve = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Service level',
    description: `Over the 30 minutes before each point; nothing where there were fewer than ${THRESHOLDS.queueMinimumCalls} calls. Below the dashed lines the alerts fire. ${SERVICE_LEVEL_CAVEAT}`,
    interval: '5m',
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    noValue: NO_VALUE,
    queries: [
      CLOSED,
      { expr: SERVICE_LEVEL, legend: 'service level' },
      { expr: SERVICE_LEVEL_TARGET, legend: 'target' },
      { expr: `max(${queueTargets('service_level', 'critical')})`, legend: 'critical' },
    ],
    overrides: [CLOSED_SHADE, colored('service level', 'blue'), ...TARGET_LINES],
  });
