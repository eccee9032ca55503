import { merged } from './promql.ts';
import { OLDEST_START, type RecordingRule, WINDOW_START } from './records.ts';

/** Per call center: VDNs with current data, VDNs that had data in the last 6 hours, and those of them without any now. */
export const CURRENT_COUNT = 'call_center:aicc_cti_vdns_current:count';
export const REPORTING_COUNT = 'call_center:aicc_cti_vdns_reporting:max6h';
export const MISSING_COUNT = 'call_center:aicc_cti_vdns_missing:count';
/** Per call center: 1 if a poll of any replica succeeded. */
export const UP = 'call_center:aicc_cti_up:max';
/** Per call center: the end of the newest window, in seconds. The dashboards say since when there is no data. */
export const WINDOW_END = 'call_center:aicc_cti_window_end_timestamp_seconds:max';

/** The newest window of each VDN, on any replica. */
const NEWEST_START = `vdn:${WINDOW_START}:max`;
/** VDNs with a window that ended lately. */
export const CURRENT_VDNS = `${NEWEST_START} > ${OLDEST_START}`;
/** VDNs that had a window in the last hour. */
export const LATELY_VDNS = `last_over_time(${NEWEST_START}[1h])`;

const LINE_COUNT = `count without (vdn) (${merged('aicc_cti_vdn_open')})`;

/**
 * What is known of the call centers. Ids that never had data are not expected to have any, nor those that left the
 * configuration.
 */
export const CENTER_RECORDS: readonly RecordingRule[] = [
  { record: UP, expr: merged('aicc_cti_up') },
  { record: NEWEST_START, expr: merged(WINDOW_START) },
  { record: CURRENT_COUNT, expr: `count without (vdn) (${CURRENT_VDNS})` },
  { record: WINDOW_END, expr: `max without (vdn) (${NEWEST_START}) + 300` },
  { record: REPORTING_COUNT, expr: `max_over_time(${CURRENT_COUNT}[6h]) < ${LINE_COUNT} or ${LINE_COUNT}` },
  { record: MISSING_COUNT, expr: `${REPORTING_COUNT} - (${CURRENT_COUNT} or 0 * ${REPORTING_COUNT})` },
];
