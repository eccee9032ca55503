import { anyOf, DATA_ALERTS } from './alert-names.ts';
import { OF_ALERT, WINDOW_START } from './queries.ts';
import { WINDOW_END } from './records-centers.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Adds a label with a fixed value to each series. */
export const label = (expr: string, name: string, value: string): string =>
  `label_replace(${expr}, "${name}", "${value}", "", "")`;

/** Alerts of what is selected; pending ones, too, unless `alertstate` is among the matchers. */
export const alerts = (names: string, matchers: string): string =>
  `ALERTS{alertname=~"${names}", ${matchers}, ${OF_ALERT}}`;

export const FIRING = 'alertstate="firing"';
export const NOTIFIED = 'severity=~"critical|warning"';

/** There are lines with a current window among those selected. As in the rules. */
export const CURRENT = `count(${WINDOW_START} > time() - ${300 + THRESHOLDS.dataAgeSeconds.critical})`;

/** The rules are loaded, so that no alert means that all is well. */
export const RULES_WORK = `max(ALERTS{alertname="WatchdogAiccCti", ${OF_ALERT}})`;

/** The states of a figure. The last word of its text names the state, and the colour follows from it. */
export const STATES = [
  { state: 'critical', color: 'semi-dark-red' },
  { state: 'data missing', color: 'semi-dark-red' },
  { state: 'warning', color: 'dark-orange' },
  { state: 'data incomplete', color: 'dark-orange' },
  { state: 'no rules', color: 'dark-orange' },
  { state: 'no data', color: 'semi-dark-red' },
  { state: 'too few', color: 'dark-blue' },
] as const;

/** The first of these series that there is. */
const first = (series: readonly string[]): string => series.join('\n  or on ()\n');

/** What colours a figure. */
export interface Judges {
  /** A regular expression for the alerts about it; without it, only missing data is. */
  readonly names: string | undefined;
  /** Whether missing data and alerts that are about to fire count: they do for what is computed from the data. */
  readonly isFromData: boolean;
}

/** The worst state of the firing alerts about a figure, as a label of a series with the value 1. */
export function stateOf({ names, isFromData }: Judges): string {
  const data = anyOf(DATA_ALERTS);
  const state = (of: string, matchers: string, text: string): string =>
    label(`max(${alerts(of, matchers)})`, 'state', text);
  const critical = `severity="critical", ${FIRING}`;
  const warnings = isFromData ? NOTIFIED : `${NOTIFIED}, ${FIRING}`;
  return first([
    ...(names === undefined ? [] : [state(names, critical, 'critical')]),
    ...(isFromData ? [state(data, critical, 'data missing')] : []),
    ...(names === undefined ? [] : [state(names, warnings, 'warning')]),
    ...(isFromData ? [state(data, `severity="warning", ${FIRING}`, 'data incomplete')] : []),
    label(RULES_WORK, 'state', 'ok'),
    label('vector(1)', 'state', 'no rules'),
  ]);
}

/** Milliseconds at the end of the newest window of the last week; 0 if there was none. */
const NEWEST = quote`
  1000 * (
    max(max_over_time(${WINDOW_START}[2h])) + 300
      or
    max(last_over_time(${WINDOW_END}{job=~"$job", instance=~"$instance|", call_center=~"$call_center"}[7d]))
  )
    or
  vector(0)`;

/** Since when there is no data, where there is none. */
export const NO_DATA = quote`
  ${label(label(NEWEST, 'beside', 'see Exporter'), 'state', 'no data')}
    unless on ()
  ${CURRENT}`;
