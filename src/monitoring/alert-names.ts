/** Alerts by what they are about, and what a wallboard says of each in a few words. */

/** A line is beyond one of its targets. */
export const TARGET_ALERTS = {
  AiccCtiNoAgentForCalls: 'nobody takes the calls',
  AiccCtiAnsweredShareLow: 'few calls are answered',
  AiccCtiOccupancySaturated: 'no pause between calls',
  AiccCtiAgentsUnavailable: 'many agents are busy or resting',
} as const;

/** Calls do not arrive. */
export const TRAFFIC_ALERTS = {
  AiccCtiInboundSilent: 'no calls come in',
  AiccCtiTrafficLost: 'most calls are lost',
} as const;

/** Figures are missing. */
export const DATA_ALERTS = {
  AiccCtiExporterDown: 'the exporter is down',
  AiccCtiCallCenterMissing: 'no exporter shows it',
  AiccCtiPollFailing: 'no data from the CMS',
  AiccCtiPollIncomplete: 'a part of the data is missing',
  AiccCtiNoData: 'the CMS has no current data',
  AiccCtiWindowStale: 'no current data',
} as const;

/** Callers wait in a skill queue. */
export const QUEUE_ALERTS = {
  AiccCtiQueueWaitLong: 'a caller waits too long',
  AiccCtiQueueServiceLevelLow: 'the service level is low',
  AiccCtiQueueNearlyFull: 'a queue is nearly full',
  AiccCtiQueueNobodySignedIn: 'callers wait, nobody is signed in',
} as const;

/** What a shift can act on, or must know before it believes a figure. */
export const SHIFT_ALERTS = { ...TARGET_ALERTS, ...QUEUE_ALERTS, ...TRAFFIC_ALERTS, ...DATA_ALERTS };

/** Each alert of the exporter but the one that always fires. */
export const ANY_ALERT = 'AiccCti.+';

/** A regular expression for some alerts. */
export const anyOf = (alerts: Readonly<Record<string, string>>): string => Object.keys(alerts).join('|');
