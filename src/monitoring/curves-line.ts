import { A_WEEK_AGO, CLOSED, CLOSED_SHADE, curves, perStep, TARGET_LINES, WINDOWS_OF_A_DAY } from './charts.ts';
import { ANSWERED_CAVEAT } from './figures.ts';
import { colored, type Panel, type Query } from './panel.ts';
import { calls, share, targets, total, VDN, VDN_OF_RECORD } from './queries.ts';
import { ANSWERED_RATIO, TALKING_RATIO, UNAVAILABLE_RATIO } from './records-lines.ts';
import type { Indicator } from '../config/targets.ts';
import { THRESHOLDS } from './thresholds.ts';
import type { Size } from './tiles.ts';

/** The thresholds of one line, as they were at each time. */
const thresholds = (indicator: Indicator): readonly Query[] => [
  { expr: `max(${targets(indicator, 'warning')})`, legend: 'target' },
  { expr: `max(${targets(indicator, 'critical')})`, legend: 'critical' },
];

const record = (name: string): string => `max(${name}{${VDN_OF_RECORD}})`;
const SHARE = { interval: '5m', unit: 'percentunit', min: 0, softMax: 1 } as const;
const COUNT = { unit: 'none', decimals: 0, softMax: 5 } as const;

export const lineCalls = (size: Size): Panel =>
  curves({
    ...size,
    ...COUNT,
    title: 'Calls per window',
    description:
      'Calls in each 5-minute window: inbound, those of them connected to an agent, outbound below the line, and inbound a week ago. Over more than a day a bar is the sum of several windows. A bar appears one window after its calls. Grey: the line is closed.',
    interval: '5m',
    maxDataPoints: WINDOWS_OF_A_DAY,
    style: 'bars',
    queries: [
      CLOSED,
      { expr: perStep(total(`aicc_cti_window_inbound_calls{${VDN}}`)), legend: 'inbound' },
      { expr: perStep(total(`aicc_cti_window_inbound_calls_answered{${VDN}}`)), legend: 'answered' },
      { expr: perStep(total(`aicc_cti_window_outbound_calls{${VDN}}`)), legend: 'outbound' },
      { expr: perStep(total(`aicc_cti_window_inbound_calls{${VDN}} offset 1w`)), legend: 'a week ago' },
    ],
    overrides: [
      CLOSED_SHADE,
      colored('inbound', 'orange'),
      colored('answered', 'green'),
      colored('outbound', 'blue', { 'custom.transform': 'negative-Y' }),
      A_WEEK_AGO,
    ],
  });

export const lineAnswered = (size: Size): Panel =>
  curves({
    ...size,
    ...SHARE,
    title: 'Answered share',
    description: `As the alerts judge it: over the shortest of 15 minutes, 1 hour and 4 hours with enough calls; nothing where there are fewer, or where the line is closed (grey). Below the dashed lines the alerts fire: orange is the target, red the critical threshold. ${ANSWERED_CAVEAT}`,
    noValue: 'too few calls, or no data',
    queries: [CLOSED, { expr: record(ANSWERED_RATIO), legend: 'answered share' }, ...thresholds('answer_ratio')],
    overrides: [CLOSED_SHADE, colored('answered share', 'blue'), ...TARGET_LINES],
  });

export const lineOccupancy = (size: Size): Panel =>
  curves({
    ...size,
    ...SHARE,
    title: 'Occupancy',
    description: `Talking agents of those talking or idle, averaged over 15 minutes, while the line is open, has ${THRESHOLDS.minimumAgents} agents or more and is called more often than it calls. Above the dashed lines the alerts fire. There is no wrap-up time in the data, so it reads low.`,
    noValue: 'too few agents, or no data',
    queries: [CLOSED, { expr: record(TALKING_RATIO), legend: 'occupancy' }, ...thresholds('occupancy_ratio')],
    overrides: [CLOSED_SHADE, colored('occupancy', 'blue'), ...TARGET_LINES],
  });

export const lineUnavailable = (size: Size): Panel =>
  curves({
    ...size,
    ...SHARE,
    title: 'Unavailable agents',
    description: `Busy and resting agents of all who answer inbound calls, averaged over 15 minutes, while the line is open, has ${THRESHOLDS.minimumAgents} agents or more and is called at all. Above the dashed lines the alerts fire. It is no shrinkage: there is no schedule in the data.`,
    noValue: 'too few agents, or no data',
    queries: [CLOSED, { expr: record(UNAVAILABLE_RATIO), legend: 'unavailable' }, ...thresholds('unavailable_ratio')],
    overrides: [CLOSED_SHADE, colored('unavailable', 'blue'), ...TARGET_LINES],
  });

const WEEK = { timeFrom: '7d', interval: '1h' } as const;

export const weekCalls = (size: Size): Panel =>
  curves({
    ...size,
    ...COUNT,
    ...WEEK,
    title: 'Calls per hour, 7 days',
    description:
      'Inbound calls and those of them that were answered, an hour a bar, and inbound a week before. They come from the counters, so what was caught up after an outage stands at the hour in which it was counted. Grey: the line is closed.',
    style: 'bars',
    queries: [
      CLOSED,
      { expr: total(calls('inbound_calls', '$__interval')), legend: 'inbound' },
      { expr: total(calls('inbound_calls_answered', '$__interval')), legend: 'answered' },
      { expr: total(calls('inbound_calls', '$__interval', ' offset 1w')), legend: 'a week ago' },
    ],
    overrides: [CLOSED_SHADE, colored('inbound', 'orange'), colored('answered', 'green'), A_WEEK_AGO],
  });

const { short, long } = THRESHOLDS.answeredMinimumCalls;
const answeredOver = (range: string, minimum: number): string =>
  share(calls('inbound_calls_answered', range), calls('inbound_calls', range), `>= ${minimum}`);

export const weekAnswered = (size: Size): Panel =>
  curves({
    ...size,
    ...SHARE,
    ...WEEK,
    title: 'Answered share per hour, 7 days',
    description: `Inbound calls connected to an agent, of all inbound calls of the hour before each point; of four hours where there were fewer than ${short}, and nothing where there were fewer than ${long} in them. ${ANSWERED_CAVEAT}`,
    noValue: 'too few calls, or no data',
    queries: [
      CLOSED,
      { expr: `${answeredOver('1h', short)} or ${answeredOver('4h', long)}`, legend: 'answered share' },
      ...thresholds('answer_ratio'),
    ],
    overrides: [CLOSED_SHADE, colored('answered share', 'blue'), ...TARGET_LINES],
  });
