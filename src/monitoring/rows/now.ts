import { stat } from '../charts.ts';
import type { Panel, Step } from '../panel.ts';
import { agents, averageAgents15m, calls15m, share, total, VDN } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';

const SIZE = { width: 3, height: 4 };
/** For a share with a decimal, and a title as long. */
const WIDE = { width: 4, height: 4 };

/** A share of answered calls: higher is better. */
export const ANSWERED_STEPS: readonly Step[] = [
  { value: null, color: 'red' },
  { value: THRESHOLDS.answeredShare.critical, color: 'orange' },
  { value: THRESHOLDS.answeredShare.warning, color: 'green' },
];

export const OCCUPANCY_STEPS: readonly Step[] = [
  { value: null, color: 'green' },
  { value: THRESHOLDS.occupancy.busy, color: 'orange' },
  { value: THRESHOLDS.occupancy.saturated, color: 'red' },
];

export const AGE_STEPS: readonly Step[] = [
  { value: null, color: 'green' },
  { value: THRESHOLDS.dataAgeSeconds.warning, color: 'orange' },
  { value: THRESHOLDS.dataAgeSeconds.critical, color: 'red' },
];

export const IDLE_STEPS: readonly Step[] = [
  { value: null, color: 'orange' },
  { value: THRESHOLDS.idleAgents, color: 'green' },
];

/** Printed wherever an answered share is shown. */
export const ANSWERED_CAVEAT =
  'Inbound may include calls that the voice menu alone served, and a call that arrives in one window and is answered in the next can lift a share above 100%, so judge over 15 minutes. This is not a service level: waiting times are not in the data.';

/** What comes from the past quarter of an hour outlives the exporter: show it only while there is a current window. */
const current = (expr: string): string => `${expr} and on () count(aicc_cti_window_start_timestamp_seconds{${VDN}})`;

/** Replicas made one: a series per VDN. */
const perVdn = (metric: string): string => `max by (call_center, vdn) (${metric}{${VDN}})`;

export const NOW: readonly Panel[] = [
  stat({
    ...WIDE,
    title: 'Answered, 15 min',
    description: `Inbound calls that were connected to an agent, of all inbound calls of the last 15 minutes. Below ${THRESHOLDS.answeredShare.warning * 100}%: look at idle agents and at the VDNs on top of the table. ${ANSWERED_CAVEAT}`,
    unit: 'percentunit',
    decimals: 1,
    noValue: 'no calls or data',
    steps: ANSWERED_STEPS,
    queries: [
      {
        expr: current(
          share(calls15m('aicc_cti_inbound_calls_answered_total'), calls15m('aicc_cti_inbound_calls_total')),
        ),
        legend: 'answered share',
      },
    ],
  }),
  stat({
    ...SIZE,
    title: 'Inbound',
    description:
      'Inbound calls of the newest 5-minute window, summed over the selected VDNs. Neither good nor bad by itself: compare it with last week below.',
    unit: 'none',
    decimals: 0,
    steps: [{ value: null, color: 'blue' }],
    queries: [{ expr: total(`aicc_cti_window_inbound_calls{${VDN}}`), legend: 'inbound' }],
  }),
  stat({
    ...SIZE,
    title: 'Online',
    description:
      'Agents signed in at the end of the newest window, including those who do not answer inbound calls. An agent who serves several VDNs may be counted in each.',
    unit: 'none',
    decimals: 0,
    steps: [
      { value: null, color: 'orange' },
      { value: 1, color: 'blue' },
    ],
    queries: [{ expr: total(`aicc_cti_agents_online{${VDN}}`), legend: 'online' }],
  }),
  stat({
    ...SIZE,
    title: 'Idle',
    description:
      'Agents who could take a call at once. At 0 the next call finds nobody free: end pauses, or move agents between VDNs.',
    unit: 'none',
    decimals: 0,
    steps: IDLE_STEPS,
    queries: [{ expr: total(agents('idle')), legend: 'idle' }],
  }),
  stat({
    ...WIDE,
    title: 'Occupancy, 15 min',
    description: `Talking agents of those talking or idle, averaged over 15 minutes. Above ${THRESHOLDS.occupancy.saturated * 100}% there is no pause between calls and the next rise in traffic waits. There is no wrap-up time in the data, so it reads low.`,
    unit: 'percentunit',
    decimals: 1,
    noValue: 'no agents or data',
    steps: OCCUPANCY_STEPS,
    queries: [
      { expr: current(share(averageAgents15m('talking'), averageAgents15m('talking|idle'))), legend: 'occupancy' },
    ],
  }),
  stat({
    ...WIDE,
    title: 'Data age',
    description: `Time since the end of the window that is shown, of the VDN that lags most of those shown. Up to 5 minutes and the settling time of the CMS are normal; above ${THRESHOLDS.dataAgeSeconds.critical / 60} minutes look at the exporter row. No data: no VDN has a current window.`,
    unit: 's',
    decimals: 1,
    steps: AGE_STEPS,
    queries: [
      {
        expr: `time() - 300 - min(max without (instance) (aicc_cti_window_start_timestamp_seconds{${VDN}}))`,
        legend: 'data age',
      },
    ],
  }),
  stat({
    ...SIZE,
    title: 'Stale VDNs',
    description:
      'Known VDNs of which there is no current window: every other number here leaves them out. Above 0 look at the rows of the table that are empty, then at the exporter row; with all VDNs of a call center it is an outage. No data: the exporter itself is not there.',
    unit: 'none',
    decimals: 0,
    steps: [
      { value: null, color: 'green' },
      { value: 1, color: 'red' },
    ],
    queries: [
      {
        expr: `count(${perVdn('aicc_cti_vdn_info')}) - (count(${perVdn('aicc_cti_window_start_timestamp_seconds')}) or vector(0))`,
        legend: 'stale VDNs',
      },
    ],
  }),
];
