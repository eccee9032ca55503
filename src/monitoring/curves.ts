import type { Indicator } from '../config/targets.ts';
import { A_WEEK_AGO, CLOSED, CLOSED_SHADE, curves, perStep, TARGET_LINES, WINDOWS_OF_A_DAY } from './charts.ts';
import { ANSWERED_CAVEAT } from './figures.ts';
import { colored, type Panel } from './panel.ts';
import { agents, ANSWERED_SHARE, OCCUPANCY, total, VDN, WINDOW_START } from './queries.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';
import type { Size } from './tiles.ts';

/** What comes from a range of time outlives the exporter: it is drawn only while there are current windows. */
const whileCurrent = (expr: string): string => quote`
  (
    ${expr}
  )
    and on ()
  count(${WINDOW_START})`;

/** To weigh the targets at each point, as the figures do, takes seconds over thousands of VDNs. */
const averageTarget = (indicator: Indicator): string =>
  `avg(aicc_cti_vdn_threshold{${VDN}, indicator="${indicator}", severity="warning"})`;

export const AGENT_COLORS = { talking: 'blue', idle: 'green', busy: 'orange', resting: 'purple' } as const;

export const callsPerWindow = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Calls per window',
    description:
      'Calls in each 5-minute window: inbound, those of them connected to an agent, outbound below the line, and inbound a week ago. Over more than a day a bar is the sum of several windows. A bar appears one window after its calls. A holiday or a change of the clocks shifts last week.',
    interval: '5m',
    maxDataPoints: WINDOWS_OF_A_DAY,
    unit: 'none',
    decimals: 0,
    style: 'bars',
    softMax: 5,
    queries: [
      { expr: perStep(total(`aicc_cti_window_inbound_calls{${VDN}}`)), legend: 'inbound' },
      { expr: perStep(total(`aicc_cti_window_inbound_calls_answered{${VDN}}`)), legend: 'answered' },
      { expr: perStep(total(`aicc_cti_window_outbound_calls{${VDN}}`)), legend: 'outbound' },
      { expr: perStep(total(`aicc_cti_window_inbound_calls{${VDN}} offset 1w`)), legend: 'a week ago' },
    ],
    overrides: [
      colored('inbound', 'orange'),
      colored('answered', 'green'),
      colored('outbound', 'blue', { 'custom.transform': 'negative-Y' }),
      A_WEEK_AGO,
    ],
  });

export const answeredCurve = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Answered share',
    description: `Inbound calls connected to an agent, of all inbound calls of the 15 minutes before each point, or of the hour before it where there were fewer than ${THRESHOLDS.answeredMinimumCalls.short}; nothing where there were fewer than that in the hour. The dashed line is the average of the targets. ${ANSWERED_CAVEAT}`,
    interval: '5m',
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    noValue: 'too few calls, or no data',
    queries: [
      { expr: whileCurrent(ANSWERED_SHARE), legend: 'answered share' },
      { expr: averageTarget('answer_ratio'), legend: 'target' },
    ],
    overrides: [colored('answered share', 'blue'), ...TARGET_LINES],
  });

export const occupancyCurve = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Occupancy',
    description: `Talking agents of those talking or idle, averaged over the 15 minutes before each point, for ${THRESHOLDS.minimumAgents} agents or more. Above the dashed line, the average of the targets, there is no pause between calls. There is no wrap-up time in the data, so it reads low.`,
    interval: '5m',
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    noValue: 'too few agents, or no data',
    queries: [
      { expr: whileCurrent(OCCUPANCY), legend: 'occupancy' },
      { expr: averageTarget('occupancy_ratio'), legend: 'target' },
    ],
    overrides: [colored('occupancy', 'blue'), ...TARGET_LINES],
  });

/** @param isOfOneLine shades the hours in which the line is closed */
export const agentsByState = (size: Size, isOfOneLine = false): Panel =>
  curves({
    ...size,
    title: 'Agents by state',
    description:
      'Agents who answer inbound calls, at the end of each window. The four states exclude each other and agents who take no inbound calls, so they add up to less than the agents online. Much orange and purple while green is gone: call agents back from pauses.',
    interval: '5m',
    unit: 'none',
    decimals: 0,
    min: 0,
    style: 'stacked',
    softMax: 5,
    // One query a state: each stays cheap over thousands of VDNs, and the order of the stack is fixed.
    queries: [
      ...Object.keys(AGENT_COLORS).map((state) => ({ expr: total(agents(state)), legend: state })),
      ...(isOfOneLine ? [CLOSED] : []),
    ],
    overrides: [
      ...Object.entries(AGENT_COLORS).map(([state, color]) => colored(state, color)),
      ...(isOfOneLine ? [CLOSED_SHADE] : []),
    ],
  });

export const notTakingInbound = (size: Size): Panel =>
  curves({
    ...size,
    title: 'Not taking inbound calls',
    description:
      'Agents online minus those in the four states: signed in, but not answering inbound calls (outbound campaigns, back office, supervisors). Below zero the CMS contradicts itself: report it to its operator.',
    interval: '5m',
    unit: 'none',
    decimals: 0,
    softMax: 5,
    queries: [
      {
        expr: total(`aicc_cti_agents_online{${VDN}} - sum without (state) (aicc_cti_agents{${VDN}})`),
        legend: 'not taking inbound',
      },
    ],
    overrides: [colored('not taking inbound', 'purple')],
  });
