/** What the variables on top of the dashboard select: of an exporter, of a call center, of a VDN. */
export const TARGET = 'job=~"$job", instance=~"$instance"';
export const CENTER = `${TARGET}, call_center=~"$call_center"`;
export const VDN = `${CENTER}, vdn=~"$vdn"`;

/**
 * Sums per-VDN series over the selected VDNs. Replicas show the same call center, so the greatest of them is taken, then
 * the call centers are added. VDNs are added first, within a replica: over 5,000 of them that takes half the time.
 */
export const total = (series: string): string => `sum(max without (instance) (sum without (vdn) (${series})))`;

/** Numerator and denominator are added up apart, and a denominator of nothing gives no line instead of NaN. */
export const share = (part: string, whole: string): string => `${total(part)} / (${total(whole)} > 0)`;

/** Calls of the last 15 minutes, from a counter. */
export const calls15m = (counter: string): string => `increase(${counter}{${VDN}}[15m])`;

/** Agents in one state. */
export const agents = (state: string): string => `aicc_cti_agents{${VDN}, state="${state}"}`;

/** Average of the last 15 minutes of the agents in some states, a regular expression. */
export const averageAgents15m = (states: string): string =>
  `avg_over_time(aicc_cti_agents{${VDN}, state=~"${states}"}[15m])`;
