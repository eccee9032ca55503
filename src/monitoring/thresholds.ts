/**
 * The limits of the rules and the dashboard, once. What is normal for a line is not here: its targets and opening hours
 * are in the exporter's configuration, and the rules compare with the metrics that show them. Change one, run
 * `npm run dashboard`, and adapt the boundary in the rule test that `npx vitest run test/monitoring/rules.test.ts` names.
 */
export const THRESHOLDS = {
  /** Fewest inbound calls for which an answered share is judged: over 15 minutes or 1 hour, and over 4 hours. */
  answeredMinimumCalls: { short: 20, long: 6 },
  /** Fewest calls of a queue in 30 minutes for which its service level is judged. */
  queueMinimumCalls: 20,
  /** Share of a queue's places that may be taken. */
  queueFullShare: 0.8,
  /** Fewest agents (average of 15 minutes) for which occupancy or unavailability is judged. */
  minimumAgents: 5,
  /** Usual calls in 15 minutes (at the least), 1 hour and 2 hours (on average) that make silence as long suspicious. */
  silenceUsualCalls: { quarter: 8, hour: 15, twoHours: 10 },
  /** Calls per window against the same time last week: beyond these multiples it is unusual; below `lost` calls are lost. */
  traffic: { lost: 0.2, low: 0.5, high: 2 },
  /** Calls per hour, now or usually, below which a multiple means nothing. */
  trafficMinimumCalls: { lost: 20, unusual: 120 },
  /** Seconds since the end of the newest window: the exporter drops gauges after stale_after, 720 by default. */
  dataAgeSeconds: { warning: 420, critical: 600 },
  /** Failing polls with more than this share of the VDNs without current data are an outage of the call center. */
  outageShare: 0.5,
  /** Share of polls, or of the time, that may fail in half an hour. */
  failingShare: 0.2,
  /** Seconds that a poll may take, and that half of the rows may come late. */
  pollSeconds: 60,
  settleLagSeconds: 300,
  /** Difference between the API's answer rate and the one from its calls. */
  answerRateDifference: 0.1,
  /** Seconds between the CMS's clock and ours; the tolerance of the signature check is not documented. */
  clockSkewSeconds: 60,
  /** Days that the CMS's certificate has left. */
  certificateDays: { warning: 14, critical: 3 },
} as const;
