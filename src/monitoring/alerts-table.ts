import { ANY_ALERT } from './alert-names.ts';
import type { Panel } from './panel.ts';
import { OF_ALERT } from './queries.ts';
import { alerts, FIRING, label, NOTIFIED, RULES_WORK } from './states.ts';
import { ROW_LINK, SEVERITY_MAPPING, table } from './tables.ts';
import { quote } from './text.ts';
import type { Size } from './tiles.ts';

const LABELS = 'severity, alert, name, call_center, vdn, queue, instance, reason';

/** When the condition of each firing alert began. An empty label is no label: a column without any value would be gone. */
const since = (matchers: string): string => quote`
  max by (${LABELS}) (
    label_replace(
      label_replace(
        ALERTS_FOR_STATE{alertname=~"${ANY_ALERT}", ${matchers}, ${OF_ALERT}}
          and ignoring (alertstate)
        ${alerts(ANY_ALERT, `${matchers}, ${FIRING}`)},
        "alert", "$1", "alertname", "AiccCti(.+)"
      ),
      "name", "–", "name", ""
    )
  )`;

/** Alerts that are firing, and since when. @param more what else an alert must match */
export function alertsTable(size: Size, ...more: readonly string[]): Panel {
  const firing = since([NOTIFIED, ...more].join(', '));
  return table({
    ...size,
    title: 'Firing alerts',
    description:
      'Critical alerts and warnings that are firing now, and since when their condition holds. The runbooks say what each of them means and what to do. A click on a VDN opens its line.',
    noValue: 'no alert is firing, or no rules in Prometheus',
    rows: quote`
      ${firing}
        or on ()
      ${label(label(label(`${RULES_WORK} * 0`, 'severity', 'none'), 'alert', 'no alert is firing'), 'name', '–')}`,
    columns: [
      { title: 'Severity', label: 'severity', width: 90, mappings: [SEVERITY_MAPPING], isFilled: true },
      { title: 'Alert', label: 'alert', width: 190 },
      { title: 'Line', label: 'name' },
      { title: 'VDN', label: 'vdn', width: 60, links: [ROW_LINK] },
      { title: 'Queue', label: 'queue', width: 80 },
      { title: 'Call center', label: 'call_center', width: 110 },
      { title: 'Exporter', label: 'instance', width: 150 },
      { title: 'Since', expr: `1000 * ${firing}`, unit: 'dateTimeAsLocalNoDateIfToday', width: 200 },
    ],
    sortBy: { title: 'Severity', desc: false },
  });
}
