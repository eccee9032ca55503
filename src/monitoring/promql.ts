/** Pieces of PromQL that the rules share. */

/**
 * Labels that tell replicas and restarts of one exporter apart. All other labels stay: those that users add (env,
 * region, cluster) keep their environments apart.
 */
export const REPLICA = 'instance, pod, container, node, endpoint';

/** Labels that users commonly add. A join with `on` must name them: two environments may use the same instance names. */
const ENVIRONMENT = 'cluster, region, environment, env, namespace';

/** What identifies a call center, and a VDN, over all replicas. */
export const CENTER_OF_ALL = `${ENVIRONMENT}, job, call_center`;
export const VDN_OF_ALL = `${ENVIRONMENT}, job, call_center, vdn`;

/** One series for all replicas: the greatest value. */
export const merged = (expr: string): string => `max without (${REPLICA}) (${expr})`;

/** Labels of `aicc_cti_vdn_info` that alerts about a VDN carry. */
export const nameLabels = (alertLabels: readonly string[]): string => ['name', ...alertLabels].join(', ');
