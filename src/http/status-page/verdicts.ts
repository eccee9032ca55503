import { BAD_SIDE, type Indicator, type Severity, type TargetKey, type Threshold } from '../../config/targets.ts';
import type { VdnState } from '../../exposition/snapshot-store.ts';

/** How a line stands beside one of its targets in its newest window. */
export interface Verdict {
  readonly severity: Severity;
  /** The target that is missed. */
  readonly target: string;
}

/** Fewer calls say nothing about the share that is answered, and fewer agents nothing about what most of them do. */
const [MIN_CALLS, MIN_AGENTS] = [5, 5];

/** Columns of the table by what they are judged by. */
const INDICATOR_OF: Readonly<Record<string, Indicator>> = {
  ratio: 'answer_ratio',
  talking: 'occupancy_ratio',
  busy: 'unavailable_ratio',
  resting: 'unavailable_ratio',
};

/** What the column of a line is judged by; undefined when the target is met, nothing is known or the line is closed. */
export function verdictOf({ window, targets, opening }: VdnState, column: string): Verdict | undefined {
  const indicator = INDICATOR_OF[column];
  if (indicator === undefined || window === undefined || !opening.isOpen) return undefined;
  const value = valueOf(window, indicator);
  return value === undefined ? undefined : judge(value, indicator, targets[indicator]);
}

/** What the longest wait of a queue is judged by, in seconds. */
export const verdictOfWait = (wait: number | undefined, target: Threshold): Verdict | undefined =>
  wait === undefined ? undefined : judge(wait, 'wait_seconds', target);

function valueOf(window: NonNullable<VdnState['window']>, indicator: Indicator): number | undefined {
  const { inbound = 0, answered, talking = 0, idle = 0, busy = 0, resting = 0 } = window;
  switch (indicator) {
    case 'answer_ratio':
      return answered === undefined || inbound < MIN_CALLS ? undefined : answered / inbound;
    case 'occupancy_ratio':
      return talking + idle < MIN_AGENTS ? undefined : talking / (talking + idle);
    case 'unavailable_ratio': {
      const agents = talking + idle + busy + resting;
      return agents < MIN_AGENTS ? undefined : (busy + resting) / agents;
    }
  }
}

function judge(value: number, indicator: TargetKey, { warning, critical }: Threshold): Verdict | undefined {
  const isLow = BAD_SIDE[indicator] === 'below';
  const isMissed = (limit: number) => (isLow ? value < limit : value > limit);
  const text = (limit: number) =>
    indicator === 'wait_seconds' ? `${limit} s` : `${Number((100 * limit).toFixed(1))} %`;
  const verdict = (severity: Severity, limit: number): Verdict => ({
    severity,
    target: `Target: at ${isLow ? 'least' : 'most'} ${text(limit)}`,
  });
  if (critical !== undefined && isMissed(critical)) return verdict('critical', critical);
  return warning !== undefined && isMissed(warning) ? verdict('warning', warning) : undefined;
}
