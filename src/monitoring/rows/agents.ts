import { curves } from '../charts.ts';
import { colored, type Panel } from '../panel.ts';
import { agents, averageAgents15m, share, total, VDN } from '../queries.ts';
import { THRESHOLDS } from '../thresholds.ts';
import { OCCUPANCY_STEPS } from './now.ts';

const SIZE = { width: 8, height: 9, interval: '5m' } as const;
const COLORS = { talking: 'blue', idle: 'green', busy: 'orange', resting: 'purple' } as const;

export const AGENTS: readonly Panel[] = [
  curves({
    ...SIZE,
    title: 'Agents by state',
    description:
      'Agents who answer inbound calls, at the end of each window. The four states exclude each other and agents who take no inbound calls, so they add up to less than the agents online. Much orange and purple while green is gone: call agents back from pauses.',
    unit: 'none',
    decimals: 0,
    min: 0,
    style: 'stacked',
    softMax: 5,
    // One query a state: each stays cheap over thousands of VDNs, and the order of the stack is fixed.
    queries: Object.keys(COLORS).map((state) => ({ expr: total(agents(state)), legend: state })),
    overrides: Object.entries(COLORS).map(([state, color]) => colored(state, color)),
  }),
  curves({
    ...SIZE,
    title: 'Occupancy, 15 min',
    description: `Talking agents of those talking or idle, averaged over the 15 minutes before each point. The upper dashed line, ${THRESHOLDS.occupancy.saturated * 100}%, is the limit of the alert. There is no wrap-up time in the data, so it reads low.`,
    unit: 'percentunit',
    min: 0,
    softMax: 1,
    thresholdLines: true,
    noValue: 'no agents or data',
    steps: OCCUPANCY_STEPS,
    queries: [
      {
        expr: share(averageAgents15m('talking'), averageAgents15m('talking|idle')),
        legend: 'occupancy',
      },
    ],
    overrides: [colored('occupancy', 'blue')],
  }),
  curves({
    ...SIZE,
    title: 'Not taking inbound calls',
    description:
      'Agents online minus those in the four states: signed in, but not answering inbound calls (outbound campaigns, back office, supervisors). Below zero the CMS contradicts itself: report it to its operator.',
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
  }),
];
