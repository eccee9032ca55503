import { anyOf, SHIFT_ALERTS } from './alert-names.ts';
import { mapped, missing, override, panel, type Panel } from './panel.ts';
import { VDN_OF_ALL } from './promql.ts';
import { OF_ALERT } from './queries.ts';
import { CURRENT, alerts, FIRING, label, NO_DATA, RULES_WORK } from './states.ts';
import { lineLink } from './tables.ts';
import { quote } from './text.ts';
import type { Size } from './tiles.ts';

/** Most entries of one severity: more do not fit on a screen at a size that can be read from afar. */
const MOST = 4;

/** When the condition of each firing alert began, in milliseconds. Where nobody is there, no answered calls go without saying. */
const since = (severity: 'critical' | 'warning'): string => {
  const matchers = `severity="${severity}"`;
  const names = anyOf(SHIFT_ALERTS);
  return quote`
    1000 * ALERTS_FOR_STATE{alertname=~"${names}", ${matchers}, ${OF_ALERT}}
      and ignoring (alertstate)
    (
      ${alerts(names, `${matchers}, ${FIRING}, alertname!="AiccCtiAnsweredShareLow"`)}
        or
      (
        ${alerts('AiccCtiAnsweredShareLow', `${matchers}, ${FIRING}`)}
          unless on (${VDN_OF_ALL})
        ${alerts('AiccCtiNoAgentForCalls', FIRING)}
      )
    )`;
};

/** Only the oldest alert of each line, or of what is not a line, and of those the oldest ones. */
const oldest = (expr: string): string => quote`
  bottomk(${MOST},
    bottomk by (${VDN_OF_ALL}) (1,
      ${expr}
    )
  )`;

/** What an entry says: the line by name, else by number, else all of a call center or job; and the alert in a few words. */
function worded(expr: string): string {
  const labels = [
    ['line', 'all lines', ''],
    ['line', 'VDN $1', 'vdn'],
    ['line', '$1', 'name'],
    ['center', '$1', 'job'],
    ['center', '$1', 'call_center'],
  ] as const;
  const named = labels.reduce(
    (inner, [to, text, from]) =>
      from === '' ? label(inner, to, text) : `label_replace(${inner}, "${to}", "${text}", "${from}", "(.+)")`,
    expr,
  );
  return Object.entries(SHIFT_ALERTS).reduce(
    (inner, [name, words]) => `label_replace(${inner}, "what", "${words}", "alertname", "${name}")`,
    named,
  );
}

const CRITICAL = since('critical');
const WARNING = quote`
  ${since('warning')}
    unless on (${VDN_OF_ALL})
  ${alerts(anyOf(SHIFT_ALERTS), `severity="critical", ${FIRING}`)}`;
const NOTHING = quote`
  ${RULES_WORK} * 0
    and on ()
  ${CURRENT}
    unless on ()
  ${alerts(anyOf(SHIFT_ALERTS), `severity=~"critical|warning", ${FIRING}`)}`;

const ENTRY = '{{line}} ({{center}}): {{what}}';
const fixed = (color: string): Readonly<Record<string, unknown>> => ({ color: { mode: 'fixed', fixedColor: color } });

/** The lines that need somebody, worst first, in letters that can be read from afar. */
export const attention = (size: Size): Panel =>
  panel(
    'stat',
    {
      ...size,
      title: 'Lines that need somebody',
      description: `Firing alerts that a shift can act on, one for each line: critical ones in red, then warnings in orange, the oldest first, up to ${MOST} of each. The time is since when the condition holds. A click opens the line.`,
      unit: 'time:[since] HH:mm',
      noValue: 'no rules in Prometheus',
      queries: [
        { expr: worded(oldest(CRITICAL)), legend: ENTRY, instant: true },
        { expr: worded(oldest(WARNING)), legend: ENTRY, instant: true },
        { expr: NOTHING, legend: 'No line is beyond a target, and the data is there', instant: true },
        { expr: NO_DATA, legend: 'Nothing is known: {{beside}}', instant: true },
      ],
      overrides: [
        override('A', fixed('semi-dark-red'), 'byFrameRefID'),
        override('B', fixed('dark-orange'), 'byFrameRefID'),
        override('C', { ...fixed('dark-green'), mappings: [mapped({ 0: { text: 'ok' } })] }, 'byFrameRefID'),
        override(
          'D',
          {
            ...fixed('semi-dark-red'),
            unit: 'time:[no data since] HH:mm',
            mappings: [mapped({ 0: { text: 'no data' } })],
          },
          'byFrameRefID',
        ),
      ],
      links: [lineLink('${__field.labels.call_center}', '${__field.labels.vdn}')],
    },
    {
      interval: '1m',
      defaults: { color: { mode: 'thresholds' }, mappings: [missing('no data')] },
      options: {
        reduceOptions: { values: false, fields: '', calcs: ['lastNotNull'] },
        colorMode: 'background_solid',
        graphMode: 'none',
        textMode: 'value_and_name',
        justifyMode: 'auto',
        orientation: 'horizontal',
        wideLayout: true,
        percentChangeColorMode: 'standard',
        showPercentChange: false,
      },
    },
  );
