import { ANY_ALERT, anyOf, SHIFT_ALERTS } from './alert-names.ts';
import { ANSWERED_CAVEAT } from './figures.ts';
import type { Panel } from './panel.ts';
import { CENTER_OF_ALL, VDN_OF_ALL } from './promql.ts';
import {
  averageAgents15m,
  calls,
  CENTER,
  each,
  agents,
  agentsIn,
  targets,
  VDN,
  VDN_OF_RECORD,
  WINDOW_START,
} from './queries.ts';
import { ANSWERED_RATIO } from './records-lines.ts';
import { alerts, FIRING, NOTIFIED } from './states.ts';
import { type Column, ROW_LINK, STATE_MAPPING, table } from './tables.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

const infoLabels = (labels: readonly string[]): string => [VDN_OF_ALL, 'name', ...labels].join(', ');

/** The lines by name. Those of an exporter that is gone stay for a day; one that left the configuration is gone at once. */
const knownLines = (labels: readonly string[]): string => quote`
  max by (${infoLabels(labels)}) (aicc_cti_vdn_info{${VDN}})
    or
  (
    max by (${infoLabels(labels)}) (max_over_time(aicc_cti_vdn_info{${VDN}}[1d:30m]))
      unless on (${CENTER_OF_ALL})
    max by (${CENTER_OF_ALL}) (aicc_cti_up{${CENTER}})
  )`;

const OPEN = each(`aicc_cti_vdn_open{${VDN}}`);
const HAS_DATA = `${each(WINDOW_START)} > time() - ${300 + THRESHOLDS.dataAgeSeconds.critical}`;
/** Had data in the last hours, or its alert is firing, or one about its whole call center. */
const HAD_DATA = quote`
  ${each(`max_over_time(${WINDOW_START}[6h])`)}
    or
  ${each(alerts('AiccCtiWindowStale', FIRING))}`;
const OF_LINE = 'vdn!=""';

/** Worst first: the numbers are those of the column's mapping. A line that is closed has no need of data. */
const STATE = (known: string): string => quote`
  (
    (
      (
        ${HAD_DATA}
      )
        unless
      (${HAS_DATA})
        unless
      (${OPEN} == 0)
    ) * 0 + 5
  )
    or
  ${each(alerts(anyOf(SHIFT_ALERTS), `severity="critical", ${FIRING}, ${OF_LINE}`))} * 0 + 4
    or
  ${each(alerts(anyOf(SHIFT_ALERTS), `${NOTIFIED}, ${OF_LINE}`))} * 0 + 3
    or
  (${OPEN} == 0)
    or
  ((${HAS_DATA}) * 0 + 1)
    or
  max by (${VDN_OF_ALL}) (
    ${known}
  ) * 0 + 2`;

/** The worst alert of a line: of two that are as severe, any. */
const WORST_ALERT = quote`
  max by (${VDN_OF_ALL}, alert) (
    label_replace(
      topk by (${VDN_OF_ALL}) (1,
        3 * ${alerts('AiccCtiNoAgentForCalls', FIRING)}
          or
        2 * ${alerts(ANY_ALERT, `severity="critical", ${FIRING}, ${OF_LINE}`)}
          or
        ${alerts(ANY_ALERT, `severity="warning", ${FIRING}, ${OF_LINE}`)}
      ),
      "alert", "$1", "alertname", "AiccCti(.+)"
    )
  )`;

/** Of the last quarter of an hour, and only while the line has current data: a counter outlives the exporter. */
const current = (expr: string): string => quote`
  ${expr}
    and
  ${each(WINDOW_START)}`;
const quarter = (counter: string): string => each(calls(counter, '15m'));
const average = (states: string): string => each(`sum without (state) (${averageAgents15m(states)})`);

const FIGURES: readonly Column[] = [
  {
    title: 'Data until',
    expr: `1000 * (${each(`max_over_time(${WINDOW_START}[6h])`)} + 300)`,
    unit: 'time:HH:mm',
    width: 95,
  },
  {
    title: 'Answered',
    expr: `max by (${VDN_OF_ALL}) (${ANSWERED_RATIO}{${VDN_OF_RECORD}})`,
    unit: 'percentunit',
    width: 90,
  },
  { title: 'Target', expr: targets('answer_ratio', 'warning'), unit: 'percentunit', width: 70 },
  { title: 'Calls', expr: current(`round(${quarter('inbound_calls')})`), width: 60 },
  {
    title: 'Unanswered',
    expr: current(`round(clamp_min(${quarter('inbound_calls')} - ${quarter('inbound_calls_answered')}, 0))`),
    width: 110,
  },
  { title: 'Idle', expr: each(agents('idle')), width: 55 },
  { title: 'Talking', expr: each(agents('talking')), width: 70 },
  { title: 'Away', expr: each(`sum without (state) (${agentsIn('busy|resting')})`), width: 60 },
  {
    title: 'Occupancy',
    expr: current(`${average('talking')} / (${average('talking|idle')} >= ${THRESHOLDS.minimumAgents})`),
    unit: 'percentunit',
    width: 100,
  },
  { title: 'Limit', expr: targets('occupancy_ratio', 'warning'), unit: 'percentunit', width: 60 },
  { title: 'Today', expr: `round(${each(calls('inbound_calls', '$__range'))})`, width: 65 },
  {
    title: 'Answered today',
    expr: `${each(calls('inbound_calls_answered', '$__range'))} / (${each(calls('inbound_calls', '$__range'))} >= ${THRESHOLDS.answeredMinimumCalls.long})`,
    unit: 'percentunit',
    width: 135,
  },
];

/** A row a line. @param labels further labels of the lines, each a column */
export function linesTable(labels: readonly string[]): Panel {
  const known = knownLines(labels);
  return table({
    title: 'Lines, worst first',
    description: `Every line with its targets. A click opens it. State and alert are those of the alerts: critical, warning (or about to fire), no data. Answered is the share that the alerts judge, over the shortest of 15 minutes, 1 hour and 4 hours with enough calls, and empty where there are fewer or the line is closed. Calls, unanswered and occupancy are of the last 15 minutes; agents are those at the end of the newest window, and away are those who are busy or resting. ${ANSWERED_CAVEAT}`,
    width: 24,
    height: 15,
    timeFrom: 'now/d',
    // An empty label is no label: where no line has a name the column would be gone, and the table half as wide.
    rows: `label_replace(${known}, "name", "–", "name", "")`,
    columns: [
      { title: 'State', expr: STATE(known), width: 90, mappings: [STATE_MAPPING], isFilled: true },
      { title: 'Line', label: 'name', links: [ROW_LINK] },
      { title: 'Call center', label: 'call_center', width: 100 },
      { title: 'Alert', label: 'alert', width: 160 },
      ...labels.map((label) => ({ title: label, label, width: 100 })),
      ...FIGURES,
      { title: 'VDN', label: 'vdn', width: 60, links: [ROW_LINK] },
    ],
    joined: [WORST_ALERT],
    sortBy: { title: 'State', desc: true },
  });
}
