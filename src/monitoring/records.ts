import { BAD_SIDE, type TargetKey } from '../config/targets.ts';
import { merged, nameLabels, REPLICA, VDN_OF_ALL } from './promql.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** One recording rule. */
export interface RecordingRule {
  readonly record: string;
  readonly expr: string;
}

/** The records of lines that a group needs. Groups are not evaluated in a certain order, so each has its own. */
export interface LineRecords {
  /** Every line by name, one series for all replicas: 1 while it is open, 0 while it is closed. */
  readonly lines: string;
  /**
   * Lines that have been open for 10 minutes and have current data, at the replica with the newest window. The value is 1.
   * After 10 minutes the newest window is one through which the line was open.
   */
  readonly open: string;
}

/** Of the group that is evaluated every minute, and of the one that is evaluated every 5 minutes. */
export const EACH_MINUTE: LineRecords = {
  lines: 'vdn:aicc_cti_vdn_open:named',
  open: 'instance_vdn:aicc_cti_vdn_open:current',
};
export const EACH_WINDOW: LineRecords = {
  lines: 'vdn:aicc_cti_vdn_open:named5m',
  open: 'instance_vdn:aicc_cti_vdn_open:current5m',
};

export const WINDOW_START = 'aicc_cti_window_start_timestamp_seconds';
/** A window that started before ended too long ago. */
export const OLDEST_START = `time() - ${300 + THRESHOLDS.dataAgeSeconds.critical}`;

/** Open for the last minutes: a window before the opening does not count. */
export const openFor = (minutes: number): string => `min_over_time(aicc_cti_vdn_open[${minutes}m]) == 1`;

export const rise = (counter: string, minutes: number): string => `increase(aicc_cti_${counter}_total[${minutes}m])`;

/**
 * More windows were counted than the range has, with one to spare for rows that come late: the exporter caught up on an
 * outage, and the calls are older than the range.
 */
export const caughtUp = (minutes: number): string => `${rise('windows', minutes)} > ${mostWindows(minutes)}`;
export const mostWindows = (minutes: number): number => minutes / 5 + 1.5;

export const namedLines = (alertLabels: readonly string[]): string => quote`
  ${merged('aicc_cti_vdn_open')}
    * on (${VDN_OF_ALL}) group_left (${nameLabels(alertLabels)})
  topk by (${VDN_OF_ALL}) (1, aicc_cti_vdn_info)`;

export const lineRecords = ({ lines, open }: LineRecords, alertLabels: readonly string[]): readonly RecordingRule[] => [
  { record: lines, expr: namedLines(alertLabels) },
  {
    record: open,
    expr: quote`
      ${openFor(10)}
        and (${WINDOW_START} > ${OLDEST_START}) == ignoring (${REPLICA}) group_left () ${merged(WINDOW_START)}`,
  },
];

/** Keeps the replicas that are current, of lines that are open, and makes them one. */
export const judged = (expr: string, { open }: LineRecords): string => quote`
  max without (${REPLICA}) (
    (
      ${expr}
    )
      and ${open}
  )`;

/**
 * Gives the figures of lines the names of the lines.
 * @param others labels that the figures have and lines do not
 */
export const named = (
  expr: string,
  { lines }: LineRecords,
  alertLabels: readonly string[],
  others: readonly string[] = [],
): string => quote`
  (
    ${expr}
  )
    * ignoring (${[nameLabels(alertLabels), ...others].join(', ')}) group_left (${nameLabels(alertLabels)})
  ${lines}`;

/** Compares a value with its targets: the result has a series for each severity that is reached. */
export const beyond = (value: string, indicator: TargetKey, thresholds: string): string => quote`
  ${value}
    ${BAD_SIDE[indicator] === 'below' ? '<' : '>'} ignoring (indicator, severity) group_right ()
  ${merged(`${thresholds}{indicator="${indicator}"}`)}`;
