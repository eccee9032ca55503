import { ANY_ALERT } from './alert-names.ts';
import { BOARDS } from './board-names.ts';
import type { MonitoringOptions } from './options.ts';
import { DATASOURCE, type Panel } from './panel.ts';
import { OF_ALERT } from './queries.ts';
import { variables } from './variables.ts';

/** Panels under a title. Without a title there is no line for it; what is collapsed opens with a click. */
export interface Row {
  readonly title?: string;
  readonly panels: readonly Panel[];
  readonly collapsed?: boolean;
}

/** What differs from dashboard to dashboard. */
export interface Board {
  /** Stable, so that links to the dashboards and their stars survive an import of a newer version. */
  readonly uid: string;
  readonly description: string;
  readonly refresh: '30s' | '1m';
  /** Start of the time range that it opens with. */
  readonly from: string;
  /** One call center and VDN instead of any number. */
  readonly isOfOneLine?: boolean;
  readonly rows: readonly Row[];
}

const WIDTH = 24;

/** An alert that lacks a label appears by the label's name here, but not at all among the tags. */
const FIRING_ALERTS = {
  name: 'Firing alerts',
  datasource: DATASOURCE,
  enable: true,
  hide: false,
  iconColor: 'red',
  // Without what always fires; Grafana prints VDN 7 as a tag of its own, not the number alone.
  expr: `label_replace(ALERTS{alertname=~"${ANY_ALERT}", alertstate="firing", ${OF_ALERT}}, "vdn", "VDN $1", "vdn", "(.+)")`,
  step: '60s',
  titleFormat: '{{alertname}}',
  textFormat: '{{severity}}',
  tagKeys: 'call_center,vdn,instance,reason',
};

/** Lays panels out from left to right, line by line, under their row's title; panel ids count up from 1. */
function layOut(rows: readonly Row[]): readonly unknown[] {
  let id = 0;
  let y = 0;
  const place = (panels: readonly Panel[]): readonly unknown[] => {
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
    return placed;
  };
  return rows.flatMap(({ title, panels, collapsed = false }) => {
    if (title === undefined) return place(panels);
    const row = { id: ++id, type: 'row', title, collapsed, gridPos: { h: 1, w: WIDTH, x: 0, y: y++ } };
    const placed = place(panels);
    return collapsed ? [{ ...row, panels: placed }] : [{ ...row, panels: [] }, ...placed];
  });
}

const link = (title: string, url: string, includeVars: boolean): unknown => ({
  title,
  type: 'link',
  icon: includeVars ? 'dashboard' : 'doc',
  url,
  targetBlank: !includeVars,
  includeVars,
  keepTime: false,
  asDropdown: false,
  tags: [],
  tooltip: '',
});

/** The text of a file that Grafana imports. */
export function dashboardFile(board: Board, options: MonitoringOptions): string {
  const { uid, description, refresh, from, rows, isOfOneLine = false } = board;
  const others = Object.entries(BOARDS).filter(([, { uid: other }]) => other !== uid);
  const dashboard = {
    id: null,
    uid,
    title: Object.values(BOARDS).find((known) => known.uid === uid)?.title,
    description,
    tags: ['aicc', 'contact-center', 'prometheus'],
    schemaVersion: 42,
    version: 1,
    editable: false,
    graphTooltip: 1,
    timezone: 'browser',
    refresh,
    time: { from, to: 'now' },
    timepicker: {},
    fiscalYearStartMonth: 0,
    liveNow: false,
    weekStart: '',
    links: [
      ...others.map(([, { uid: other, short }]) => link(short, `/d/${other}`, true)),
      link('What the panels mean', `${options.docsUrl}/dashboard`, false),
      link('Runbooks', `${options.docsUrl}/runbooks`, false),
    ],
    annotations: { list: [FIRING_ALERTS] },
    templating: { list: variables(options, isOfOneLine) },
    panels: layOut(rows),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}
