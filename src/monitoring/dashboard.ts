import { DATASOURCE, type Panel } from './panel.ts';
import { AGENTS } from './rows/agents.ts';
import { EXPORTER } from './rows/exporter.ts';
import { NOW } from './rows/now.ts';
import { TRAFFIC } from './rows/traffic.ts';
import { VDNS } from './rows/vdns.ts';
import { variables } from './variables.ts';
import type { MonitoringOptions } from './options.ts';
import { DASHBOARD_UID } from './thresholds.ts';

const WIDTH = 24;
const ROWS: readonly { readonly title: string; readonly panels: readonly Panel[]; readonly collapsed: boolean }[] = [
  { title: 'Now', panels: NOW, collapsed: false },
  { title: 'VDNs', panels: VDNS, collapsed: false },
  { title: 'Traffic', panels: TRAFFIC, collapsed: false },
  { title: 'Agents', panels: AGENTS, collapsed: false },
  { title: 'Exporter', panels: EXPORTER, collapsed: true },
];

/** Of what is selected, and what is not about one exporter, call center or VDN at all: such an alert lacks the label. */
const FIRING =
  'label_replace(ALERTS{alertname=~"AiccCti.+", alertstate="firing", job=~"$job", instance=~"$instance|", call_center=~"$call_center|", vdn=~"$vdn|"}, "vdn", "VDN $1", "vdn", "(.+)")';

/** Lays panels out from left to right, line by line, under their row's title; panel ids count up from 1. */
function layOut(): readonly unknown[] {
  let id = 0;
  let y = 0;
  const out: unknown[] = [];
  for (const { title, panels, collapsed } of ROWS) {
    const row = { id: ++id, type: 'row', title, collapsed, gridPos: { h: 1, w: WIDTH, x: 0, y: y++ } };
    let x = 0;
    let lineHeight = 0;
    const placed = panels.map(({ size, ...panel }) => {
      if (x + size.w > WIDTH) {
        x = 0;
        y += lineHeight;
        lineHeight = 0;
      }
      const gridPos = { ...size, x, y };
      x += size.w;
      lineHeight = Math.max(lineHeight, size.h);
      return { id: ++id, ...panel, gridPos };
    });
    y += lineHeight;
    out.push(...(collapsed ? [{ ...row, panels: placed }] : [{ ...row, panels: [] }, ...placed]));
  }
  return out;
}

const link = (title: string, url: string): unknown => ({
  title,
  type: 'link',
  icon: 'doc',
  url,
  targetBlank: true,
  includeVars: false,
  keepTime: false,
  asDropdown: false,
  tags: [],
  tooltip: '',
});

/** The text of grafana/aicc-cti.json. */
export function dashboardFile({ docsUrl }: MonitoringOptions): string {
  const dashboard = {
    id: null,
    uid: DASHBOARD_UID,
    title: 'AICC contact center',
    description: 'Calls and agents of Huawei AICC contact centers per VDN and 5-minute window, by aicc-cti-exporter.',
    tags: ['aicc', 'contact-center', 'prometheus'],
    schemaVersion: 42,
    version: 1,
    editable: false,
    graphTooltip: 1,
    timezone: 'browser',
    refresh: '1m',
    time: { from: 'now-6h', to: 'now' },
    timepicker: {},
    fiscalYearStartMonth: 0,
    liveNow: false,
    weekStart: '',
    links: [link('What the panels mean', `${docsUrl}/dashboard`), link('Runbooks', `${docsUrl}/runbooks`)],
    annotations: {
      list: [
        {
          name: 'Firing alerts',
          datasource: DATASOURCE,
          enable: true,
          hide: false,
          iconColor: 'red',
          expr: FIRING,
          step: '60s',
          // A label that an alert lacks appears by its name here, but not at all among the tags.
          titleFormat: '{{alertname}}',
          textFormat: '{{severity}}',
          tagKeys: 'call_center,vdn,instance,reason',
        },
      ],
    },
    templating: { list: variables() },
    panels: layOut(),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
