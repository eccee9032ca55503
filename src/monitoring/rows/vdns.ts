import { missing, override, panel, type Override, type Panel, type Step } from '../panel.ts';
import { averageAgents15m, VDN } from '../queries.ts';
import { DASHBOARD_UID } from '../thresholds.ts';
import { AGE_STEPS, ANSWERED_CAVEAT, ANSWERED_STEPS, OCCUPANCY_STEPS } from './now.ts';

/** Replicas made one, nothing added up: a row per VDN. */
const each = (series: string): string => `max by (call_center, vdn) (${series})`;
const rise = (counter: string): string => each(`increase(${counter}{${VDN}}[15m])`);
const state = (name: string): string => each(`aicc_cti_agents{${VDN}, state="${name}"}`);
const average = (states: string): string => each(`sum without (state) (${averageAgents15m(states)})`);

/** A counter's past quarter of an hour outlives the exporter: show it only while the VDN has a current window. */
const current = (expr: string): string => `${expr} and ${each(`aicc_cti_window_start_timestamp_seconds{${VDN}}`)}`;

const ANSWERED = rise('aicc_cti_inbound_calls_answered_total');
const INBOUND = rise('aicc_cti_inbound_calls_total');

interface Column {
  readonly title: string;
  readonly expr: string;
  readonly unit: string;
  readonly decimals?: number;
  readonly width: number;
  readonly steps?: readonly Step[];
}

const COLUMNS: readonly Column[] = [
  { title: 'Unanswered', expr: current(`round(${INBOUND} - ${ANSWERED})`), unit: 'none', width: 105 },
  {
    title: 'Answered',
    expr: current(`${ANSWERED} / (${INBOUND} > 0)`),
    unit: 'percentunit',
    decimals: 0,
    width: 90,
    steps: ANSWERED_STEPS,
  },
  { title: 'Inbound', expr: each(`aicc_cti_window_inbound_calls{${VDN}}`), unit: 'none', width: 80 },
  { title: 'Outbound', expr: each(`aicc_cti_window_outbound_calls{${VDN}}`), unit: 'none', width: 85 },
  { title: 'Talking', expr: state('talking'), unit: 'none', width: 70 },
  { title: 'Idle', expr: state('idle'), unit: 'none', width: 55 },
  { title: 'Busy', expr: state('busy'), unit: 'none', width: 60 },
  { title: 'Resting', expr: state('resting'), unit: 'none', width: 70 },
  { title: 'Online', expr: each(`aicc_cti_agents_online{${VDN}}`), unit: 'none', width: 65 },
  {
    title: 'Occupancy',
    expr: current(`${average('talking')} / (${average('talking|idle')} > 0)`),
    unit: 'percentunit',
    decimals: 0,
    width: 95,
    steps: OCCUPANCY_STEPS,
  },
  {
    title: 'Data age',
    expr: `time() - 300 - ${each(`aicc_cti_window_start_timestamp_seconds{${VDN}}`)}`,
    unit: 's',
    decimals: 1,
    width: 90,
    steps: AGE_STEPS,
  },
];

const queryId = (index: number): string => String.fromCharCode(65 + index);

function columnOverride({ title, unit, decimals = 0, width, steps }: Column): Override {
  return override(title, {
    unit,
    decimals,
    'custom.width': width,
    ...(steps === undefined
      ? {}
      : { thresholds: { mode: 'absolute', steps }, 'custom.cellOptions': { type: 'color-text' } }),
  });
}

/** With a number's unit, a name such as 0800123 would lose its zero, here and in the link. */
const TEXT = { unit: 'string', 'custom.filterable': true };

/** Shows the dashboard for the VDN of the row and keeps everything else that is selected. */
const LINK = {
  title: 'Show ${__data.fields.VDN} alone',
  url: `/d/${DASHBOARD_UID}?\${datasource:queryparam}&\${job:queryparam}&\${instance:queryparam}&var-call_center=\${__data.fields["Call center"]}&var-vdn=\${__data.fields.VDN}&\${__url_time_range}`,
};

export const VDNS: readonly Panel[] = [
  panel(
    'table',
    {
      title: 'VDNs, most unanswered calls first',
      description: `Unanswered, answered and occupancy are of the last 15 minutes, everything else of the newest 5-minute window. Click a VDN to see it alone. An empty share means that no call came in; an empty row that the VDN has no current data. ${ANSWERED_CAVEAT}`,
      unit: 'none',
      decimals: 0,
      width: 24,
      height: 10,
      queries: [
        // An empty label is no label: where no VDN has a name the column would be gone, and the table half as wide.
        {
          expr: `label_replace(max by (call_center, vdn, name) (aicc_cti_vdn_info{${VDN}}), "name", "–", "name", "")`,
          instant: true,
        },
        ...COLUMNS.map(({ expr }) => ({ expr, instant: true })),
      ],
      overrides: [
        override('Name', { ...TEXT, 'custom.minWidth': 180, links: [LINK] }),
        override('VDN', { ...TEXT, 'custom.width': 70, links: [LINK] }),
        override('Call center', { ...TEXT, 'custom.width': 115 }),
        ...COLUMNS.map(columnOverride),
      ],
    },
    {
      interval: '1m',
      defaults: {
        color: { mode: 'thresholds' },
        mappings: [missing('–'), missing('–', 'empty')],
        custom: { align: 'auto', cellOptions: { type: 'auto' } },
      },
      options: { showHeader: true, cellHeight: 'sm', sortBy: [{ displayName: COLUMNS[0]?.title, desc: true }] },
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: { Time: true, 'Value #A': true },
            indexByName: Object.fromEntries(
              ['name', 'vdn', 'call_center', ...COLUMNS.map((_, index) => `Value #${queryId(index + 1)}`)].map(
                (name, index) => [name, index],
              ),
            ),
            renameByName: {
              call_center: 'Call center',
              vdn: 'VDN',
              name: 'Name',
              ...Object.fromEntries(COLUMNS.map(({ title }, index) => [`Value #${queryId(index + 1)}`, title])),
            },
          },
        },
      ],
    },
  ),
];
