import { type Alert, VDN } from './alert.ts';
import { lineAlert } from './alerts-lines.ts';
import type { MonitoringOptions } from './options.ts';
import { merged } from './promql.ts';
import { EACH_WINDOW, named } from './records.ts';
import { CALLS, lastWeek, USUAL_CALLS, weekBefore } from './records-traffic.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

const WINDOWS_PER_HOUR = 12;
const percent = (ratio: number): string => `${Math.round(ratio * 100)}%`;

/** Agents sit idle, so calls could be taken. */
const IDLE = 'min_over_time(aicc_cti_agents{state="idle"}[10m]) > 0';

/** No call, and the line was open, with data, these minutes ago and 15 before: closed hours are no silence. */
const silentFor = (minutes: number): string =>
  `max_over_time(${CALLS}[${minutes}m]) == 0 and ${CALLS} offset ${minutes}m`;

/** Calls per window in one of the last two weeks. */
const inEitherWeek = (of: string, minimum: number): string =>
  `(${lastWeek(of)} >= ${minimum} or ${weekBefore(of)} >= ${minimum})`;

function inboundSilent(options: MonitoringOptions): Alert {
  const { quarter, hour, twoHours } = THRESHOLDS.silenceUsualCalls;
  return lineAlert(
    'AiccCtiInboundSilent',
    {
      // For a quiet line the average is usual: a quarter of its values may be nothing.
      expr: named(
        quote`
          ${WINDOWS_PER_HOUR} * (
            ${inEitherWeek('min_over_time(', quarter / 3)}
              or
            ${USUAL_CALLS} >= ${hour / WINDOWS_PER_HOUR}
              and ${silentFor(40)}
              or
            ${inEitherWeek('avg_over_time(', twoHours / 24)}
              and ${silentFor(100)}
          )
            and ${CALLS} == 0
            and ignoring (state) ${merged(IDLE)}`,
        EACH_WINDOW,
        options.alertLabels,
      ),
      for: '3m',
      severity: 'critical',
      summary: `No calls come in: ${VDN}`,
      description:
        'Not one inbound call while agents sit idle; at least {{ $value | printf "%.0f" }} calls an hour are usual at this time. The number, the trunk or the menu in front of it may be dead.',
    },
    options,
  );
}

/** Calls per window over the last hour, while the line is open. */
const LAST_HOUR = `avg_over_time(${CALLS}[45m])`;

function trafficLost(options: MonitoringOptions): Alert {
  const { lost } = THRESHOLDS.traffic;
  return lineAlert(
    'AiccCtiTrafficLost',
    {
      // No calls at all are AiccCtiInboundSilent.
      expr: named(
        quote`
          (${LAST_HOUR} > 0) / (${USUAL_CALLS} >= ${THRESHOLDS.trafficMinimumCalls.lost / WINDOWS_PER_HOUR}) < ${lost}
            and ${CALLS}
            and ${CALLS} offset 40m
            and ignoring (state) ${merged(IDLE)}`,
        EACH_WINDOW,
        options.alertLabels,
      ),
      for: '13m',
      severity: 'warning',
      summary: `Most calls are lost before they arrive: ${VDN}`,
      description: `Inbound calls of the last hour are {{ $value | humanizePercentage }} of what is usual at this time, while agents sit idle; the limit is ${percent(lost)}. A carrier, a trunk or a number may have failed.`,
    },
    options,
  );
}

function trafficAnomaly(options: MonitoringOptions): Alert {
  const { low, high } = THRESHOLDS.traffic;
  const minimum = THRESHOLDS.trafficMinimumCalls.unusual / WINDOWS_PER_HOUR;
  return lineAlert(
    'AiccCtiTrafficAnomaly',
    {
      expr: named(
        quote`
          (
            ${LAST_HOUR} / (${USUAL_CALLS} >= ${minimum}) < ${low}
              or
            (
              ${LAST_HOUR} >= ${minimum}
                > ${high} * ${lastWeek('max_over_time(')}
                unless ${LAST_HOUR} <= ${high} * ${weekBefore('max_over_time(')}
            )
              / (${USUAL_CALLS} > 0)
          )
            and ${CALLS}`,
        EACH_WINDOW,
        options.alertLabels,
      ),
      for: '8m',
      severity: 'info',
      summary: `Unusual traffic: ${VDN}`,
      description: `Inbound calls of the last hour are {{ $value | humanizePercentage }} of what is usual at this time; ${percent(low)} to ${percent(high)} is normal. Holidays and campaigns look like this, too.`,
    },
    options,
  );
}

/** A line's calls against the same time in the last two weeks: silent in the first week. */
export const trafficAlerts = (options: MonitoringOptions): readonly Alert[] => [
  inboundSilent(options),
  trafficLost(options),
  trafficAnomaly(options),
];
