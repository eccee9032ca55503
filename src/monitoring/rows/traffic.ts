import { curves } from '../charts.ts';
import { colored, type Panel } from '../panel.ts';
import { calls15m, share, total, VDN } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';
import { ANSWERED_CAVEAT, ANSWERED_STEPS } from './now.ts';

const SIZE = { width: 8, height: 9, interval: '5m' } as const;
const INBOUND = `aicc_cti_window_inbound_calls{${VDN}}`;

export const TRAFFIC: readonly Panel[] = [
  curves({
    ...SIZE,
    title: 'Calls per window',
    description:
      'Calls in each 5-minute window: inbound, those of them connected to an agent, and outbound below the line. The gap between inbound and answered is what to look at. A bar appears one window after its calls; over more than a day, each bar is one window out of several.',
    unit: 'none',
    decimals: 0,
    style: 'bars',
    softMax: 5,
    queries: [
      { expr: total(INBOUND), legend: 'inbound' },
      { expr: total(`aicc_cti_window_inbound_calls_answered{${VDN}}`), legend: 'answered' },
      { expr: total(`aicc_cti_window_outbound_calls{${VDN}}`), legend: 'outbound' },
    ],
    overrides: [
      colored('inbound', 'orange'),
      colored('answered', 'green'),
      colored('outbound', 'blue', { 'custom.transform': 'negative-Y' }),
    ],
  }),
  curves({
    ...SIZE,
    title: 'Answered share, 15 min',
    description: `Inbound calls connected to an agent, of all inbound calls of the 15 minutes before each point. The dashed lines are the limits of the alert, ${THRESHOLDS.answeredShare.warning * 100}% and ${THRESHOLDS.answeredShare.critical * 100}%. Without calls there is no line; the axis ends at 120%. ${ANSWERED_CAVEAT}`,
    unit: 'percentunit',
    min: 0,
    max: 1.2,
    noValue: 'no calls or data',
    thresholdLines: true,
    steps: ANSWERED_STEPS,
    queries: [
      {
        expr: share(calls15m('aicc_cti_inbound_calls_answered_total'), calls15m('aicc_cti_inbound_calls_total')),
        legend: 'answered share',
      },
    ],
    overrides: [colored('answered share', 'blue')],
  }),
  curves({
    ...SIZE,
    title: 'Inbound against last week',
    description:
      'Inbound calls per window now and at the same time a week ago. A line that leaves the grey area for long deserves a question; holidays and the change to summer time shift it. In the first week there is only the line.',
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 5,
    queries: [
      { expr: total(`${INBOUND} offset 1w`), legend: 'a week ago' },
      { expr: total(INBOUND), legend: 'inbound' },
    ],
    overrides: [
      colored('a week ago', 'text', { 'custom.lineWidth': 0, 'custom.fillOpacity': 25 }),
      colored('inbound', 'orange'),
    ],
  }),
];
