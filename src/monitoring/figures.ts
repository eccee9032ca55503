import { ANY_ALERT, anyOf, QUEUE_ALERTS, TARGET_ALERTS, TRAFFIC_ALERTS } from './alert-names.ts';
import type { Panel } from './panel.ts';
import {
  agents,
  ANSWERED_SHARE,
  averageAgents15m,
  calls,
  commonTarget,
  each,
  OCCUPANCY,
  targets,
  total,
  VDN,
  WINDOW_START,
} from './queries.ts';
import { alerts, CURRENT, FIRING, NOTIFIED } from './states.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';
import { type Size, tile } from './tiles.ts';

/** Printed wherever an answered share is shown. */
export const ANSWERED_CAVEAT =
  'Inbound may include calls that the voice menu alone served, and a call that arrives in one window and is answered in the next can lift a share above 100%. This is not a service level: waiting times are not in the data.';

/** How the colours of a figure come about. */
const COLOURS =
  'Red: a critical alert about it is firing. Orange: a warning is firing, or an alert is about to fire. Red with "no data since": nothing is known.';

const ANSWERED_ALERTS = 'AiccCtiAnsweredShareLow|AiccCtiNoAgentForCalls';
export const percent = (expr: string): string => quote`
  round(100 * (
    ${expr}
  ))`;
const CALLS_1H = each(calls('inbound_calls', '1h'));
/** Inbound calls of a range that no agent answered. */
export const notAnswered = (range: string, ago = ''): string => quote`
  round(clamp_min(
    ${total(calls('inbound_calls', range, ago))} - ${total(calls('inbound_calls_answered', range, ago))},
    0
  ))`;

/** How many calls of the last 15 minutes may stay unanswered at the target. */
export const UNANSWERED_AT_TARGET = quote`
        floor(sum(
          ${each(calls('inbound_calls', '15m'))} * (1 - ${targets('answer_ratio', 'warning')})
        ))`;

export const answered = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Answered',
    description: `Inbound calls connected to an agent, of all inbound calls of the last 15 minutes; of the last hour where these were fewer than ${THRESHOLDS.answeredMinimumCalls.short}. The target of several lines is where each of them would be at its own. ${ANSWERED_CAVEAT} ${COLOURS}`,
    unit: 'percentunit',
    decimals: 0,
    value: ANSWERED_SHARE,
    beside: { text: 'target $1%', value: percent(commonTarget(targets('answer_ratio', 'warning'), CALLS_1H)) },
    alerts: ANSWERED_ALERTS,
    mayBeFew: true,
  });

export const unanswered = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Unanswered',
    description: `Inbound calls of the last 15 minutes that no agent answered, and how many there may be at the target. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: notAnswered('15m'),
    beside: {
      text: 'target ≤ $1',
      value: UNANSWERED_AT_TARGET,
    },
    alerts: ANSWERED_ALERTS,
  });

export const idle = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Idle agents',
    description: `Agents who could take a call at once, of all who answer inbound calls. At 0 the next call finds nobody free: end pauses, or move agents between lines. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: total(agents('idle')),
    beside: { text: 'of $1', value: total(`sum without (state) (aicc_cti_agents{${VDN}})`) },
    alerts: 'AiccCtiNoAgentForCalls|AiccCtiOccupancySaturated|AiccCtiAgentsUnavailable',
  });

export const occupancy = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Occupancy',
    description: `Talking agents of those talking or idle, averaged over 15 minutes, for ${THRESHOLDS.minimumAgents} agents or more. Above the target there is no pause between calls. There is no wrap-up time in the data, so it reads low. ${COLOURS}`,
    unit: 'percentunit',
    decimals: 0,
    value: OCCUPANCY,
    beside: {
      text: 'target ≤ $1%',
      value: percent(
        commonTarget(
          targets('occupancy_ratio', 'warning'),
          each(`sum without (state) (${averageAgents15m('talking|idle')})`),
        ),
      ),
    },
    alerts: 'AiccCtiOccupancySaturated',
    mayBeFew: true,
  });

/** Before the second scrape of a day there is none. */
const today = (counter: string, ago = ''): string => `round(${total(calls(counter, '$__range', ago))})`;
const TODAY = { unit: 'none', decimals: 0, timeFrom: 'now/d', color: 'dark-blue' } as const;

export const callsToday = (size: Size): Panel =>
  tile({
    ...size,
    ...TODAY,
    title: 'Calls today',
    description: `Inbound calls since midnight, and those of the same time a week ago; a holiday or a change of the clocks in between shifts them. ${COLOURS}`,
    value: `${today('inbound_calls')} or 0 * ${CURRENT}`,
    beside: { text: 'last week $1', value: today('inbound_calls', ' offset 1w') },
    alerts: anyOf(TRAFFIC_ALERTS),
  });

export const answeredToday = (size: Size): Panel =>
  tile({
    ...size,
    ...TODAY,
    title: 'Answered today',
    description: `Inbound calls since midnight that were connected to an agent, and the target. Alerts judge the last minutes and hours, so this figure has no colour of theirs. ${ANSWERED_CAVEAT}`,
    unit: 'percentunit',
    value: quote`
      ${today('inbound_calls_answered')} / (${today('inbound_calls')} >= ${THRESHOLDS.answeredMinimumCalls.long})`,
    beside: { text: 'target $1%', value: percent(commonTarget(targets('answer_ratio', 'warning'), CALLS_1H)) },
    mayBeFew: true,
  });

export const unansweredToday = (size: Size): Panel =>
  tile({
    ...size,
    ...TODAY,
    title: 'Unanswered today',
    description:
      'Inbound calls since midnight that no agent answered, and those of the same time a week ago. Calls that the voice menu alone served are among them.',
    value: `${notAnswered('$__range')} or 0 * ${CURRENT}`,
    beside: {
      text: 'last week $1',
      value: notAnswered('$__range', ' offset 1w'),
    },
  });

export const outboundToday = (size: Size): Panel =>
  tile({
    ...size,
    ...TODAY,
    title: 'Outbound today',
    description: 'Calls that agents made since midnight, and those of the same time a week ago.',
    value: `${today('outbound_calls')} or 0 * ${CURRENT}`,
    beside: { text: 'last week $1', value: today('outbound_calls', ' offset 1w') },
  });

/** Lines with a firing alert of some kinds. */
const linesWith = (names: string, severity: string): string =>
  `count(${each(alerts(names, `${severity}, ${FIRING}, vdn!=""`))})`;

const BELOW = { ...TARGET_ALERTS, ...QUEUE_ALERTS };

export const linesBelowTarget = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Lines below target',
    description: `Lines of which an alert about a target is firing: answered calls, occupancy, unavailable agents, nobody there, queues. Of the lines that are open now. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: `${linesWith(anyOf(BELOW), NOTIFIED)} or 0 * ${CURRENT}`,
    beside: { text: 'of $1 open', value: `sum(${each(`aicc_cti_vdn_open{${VDN}}`)})` },
    alerts: anyOf(BELOW),
  });

export const firingAlerts = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Firing alerts',
    description:
      'Critical alerts and warnings of what is selected, those about the data pipeline included. Red: at least one is critical. "No rules": Prometheus has not loaded the rules, so nothing can fire.',
    unit: 'none',
    decimals: 0,
    value: `count(${alerts(ANY_ALERT, `${NOTIFIED}, ${FIRING}`)}) or vector(0)`,
    beside: { text: 'lines concerned $1', value: `${linesWith(ANY_ALERT, NOTIFIED)} or vector(0)` },
    alerts: ANY_ALERT,
    needsData: false,
  });

export const dataUntil = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Data until',
    description: `End of the newest window. Up to five minutes and the settling time of the CMS are normal. Lines without current data are not in any sum. ${COLOURS}`,
    unit: 'time:HH:mm',
    value: `1000 * (max(${WINDOW_START}) + 300)`,
    beside: {
      text: 'lines: $1',
      value: `count(${each(WINDOW_START)})`,
    },
  });
