/**
 * The numbers that separate good from bad, once: the rules and the dashboard are both generated from here. Change one,
 * run `npm run dashboard`, and adapt the boundary in the rule tests that `npx vitest run test/prometheus.test.ts` names.
 * None of them is a vendor's figure: they are starting points that an operations lead is expected to move.
 */
export const THRESHOLDS = {
  /** Share of inbound calls answered over 15 minutes, 0 to 1. */
  answeredShare: { warning: 0.8, critical: 0.6 },
  /** Fewest inbound calls of a VDN in 15 minutes for which an answered share is judged. */
  answeredMinimumCalls: 20,
  /** Phone occupancy over 15 minutes, 0 to 1; it has no wrap-up time in it, so it reads low. */
  occupancy: { busy: 0.8, saturated: 0.9 },
  /** Idle agents: below this number the next call has nobody to take it. */
  idleAgents: 1,
  /** Share of the agents who answer inbound calls that are busy or resting over 15 minutes, 0 to 1. */
  unavailable: 0.5,
  /** Fewest agents (average of 15 minutes) for which occupancy or unavailability is judged. */
  minimumAgents: 5,
  /** Inbound calls of a VDN in the same 15 minutes a week ago that make silence today suspicious. */
  silenceCallsLastWeek: 15,
  /** Calls per window against the same hour a week ago: below or above these multiples is an anomaly. */
  traffic: { low: 0.5, high: 2 },
  /** Calls per window, this week or last, below which a multiple means nothing. */
  trafficMinimumCalls: 10,
  /** Seconds since the end of the newest window: the exporter drops gauges after stale_after, 720 by default. */
  dataAgeSeconds: { warning: 420, critical: 600 },
  /** Failing polls with more than this share of the VDNs without current data are an outage of the call center. */
  outageShare: 0.5,
  /** Seconds between the CMS's clock and ours; the tolerance of the signature check is not documented. */
  clockSkewSeconds: 60,
  /** Days that the CMS's certificate has left. */
  certificateDays: { warning: 14, critical: 3 },
} as const;

/** The value of `job_name` in prometheus/prometheus.yml. */
export const JOB = 'aicc-cti';

/** Stable, so that links to the dashboard and its stars survive an import of a newer version. */
export const DASHBOARD_UID = 'aicc-cti';
