import type { Reader } from './value-reader.ts';

/** What a target is set for, of a line: shares from 0 to 1. */
export const INDICATORS = ['answer_ratio', 'occupancy_ratio', 'unavailable_ratio'] as const;
export type Indicator = (typeof INDICATORS)[number];

/** Of a skill queue: a share from 0 to 1, and seconds. */
export const QUEUE_INDICATORS = ['service_level', 'wait_seconds'] as const;
export type QueueIndicator = (typeof QUEUE_INDICATORS)[number];

export const TARGET_KEYS = [...INDICATORS, ...QUEUE_INDICATORS] as const;
export type TargetKey = (typeof TARGET_KEYS)[number];

export const SEVERITIES = ['warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

/** The side of its thresholds on which an indicator is bad. */
export const BAD_SIDE: Readonly<Record<TargetKey, 'below' | 'above'>> = {
  answer_ratio: 'below',
  occupancy_ratio: 'above',
  unavailable_ratio: 'above',
  service_level: 'below',
  wait_seconds: 'above',
};

/** From 0 to 1, or seconds; undefined where the line has no such target. */
export type Threshold = Readonly<Record<Severity, number | undefined>>;
export type Targets = Readonly<Record<TargetKey, Threshold>>;
/** Of one skill queue. */
export type QueueTargets = Pick<Targets, QueueIndicator>;

export const DEFAULT_TARGETS: Targets = {
  answer_ratio: { warning: 0.8, critical: 0.6 },
  occupancy_ratio: { warning: 0.9, critical: undefined },
  unavailable_ratio: { warning: 0.5, critical: undefined },
  service_level: { warning: 0.8, critical: 0.6 },
  wait_seconds: { warning: 60, critical: 300 },
};

const NO_THRESHOLD: Threshold = { warning: undefined, critical: undefined };
const NO_TARGETS: Targets = {
  answer_ratio: NO_THRESHOLD,
  occupancy_ratio: NO_THRESHOLD,
  unavailable_ratio: NO_THRESHOLD,
  service_level: NO_THRESHOLD,
  wait_seconds: NO_THRESHOLD,
};

/**
 * The targets at one level of the config; what it does not set is as in `inherited`, which is the level above.
 * @param allowed those that this level may set
 */
export function readTargets(
  value: Reader | undefined,
  inherited: Targets,
  allowed: readonly TargetKey[] = TARGET_KEYS,
): Targets {
  if (value === undefined) return inherited;
  if (isOff(value)) return NO_TARGETS;
  const keys = value.mapping(allowed);
  if (keys === undefined) return inherited;
  const read = (indicator: TargetKey) => readThreshold(keys.optional(indicator), inherited[indicator], indicator);
  return {
    answer_ratio: read('answer_ratio'),
    occupancy_ratio: read('occupancy_ratio'),
    unavailable_ratio: read('unavailable_ratio'),
    service_level: read('service_level'),
    wait_seconds: read('wait_seconds'),
  };
}

function readThreshold(value: Reader | undefined, inherited: Threshold, indicator: TargetKey): Threshold {
  if (value === undefined) return inherited;
  if (isOff(value)) return NO_THRESHOLD;
  if (value.isScalar()) {
    if (value.scalar('') !== undefined) value.report('Must be a mapping with warning and critical, or off');
    return inherited;
  }
  const keys = value.mapping(SEVERITIES);
  const own = { warning: keys?.optional('warning'), critical: keys?.optional('critical') };
  const read = (limit: Reader) => readLimit(limit, indicator === 'wait_seconds' ? SECONDS : RATIO);
  const warning = own.warning === undefined ? inherited.warning : read(own.warning);
  const critical = own.critical === undefined ? inherited.critical : read(own.critical);
  if (typeof warning === 'number' && typeof critical === 'number')
    refuseContradiction(own, { warning, critical }, indicator);
  return { warning: warning === 'wrong' ? undefined : warning, critical: critical === 'wrong' ? undefined : critical };
}

/** Of a value that is not in the mapping at hand. */
const ELSEWHERE = ', which a level above or the default sets: set both here, or switch that one off';

/** What becomes critical must have been a warning before. */
function refuseContradiction(
  own: Readonly<Record<Severity, Reader | undefined>>,
  { warning, critical }: Readonly<Record<Severity, number>>,
  indicator: TargetKey,
): void {
  const side = BAD_SIDE[indicator];
  if (side === 'below' ? critical < warning : critical > warning) return;
  const other = side === 'below' ? 'above' : 'below';
  if (own.critical === undefined) own.warning?.report(`Must be ${other} critical${ELSEWHERE}`);
  else own.critical.report(`Must be ${side} warning${own.warning === undefined ? ELSEWHERE : ': change one of them'}`);
}

/** Which numbers a limit may be, and how a message says it. */
interface LimitRange {
  readonly max: number;
  readonly expected: string;
}

const RATIO: LimitRange = { max: 1, expected: 'a number from 0 to 1, such as 0.8 for 80%, or off' };
const SECONDS: LimitRange = { max: 86_400, expected: 'a number of seconds up to 86400, such as 60, or off' };

/** A number that is not negative; undefined for off. */
function readLimit(value: Reader, { max, expected }: LimitRange): number | undefined | 'wrong' {
  if (isOff(value)) return undefined;
  const scalar = value.scalar(expected);
  if (scalar === undefined) return 'wrong';
  const number = /^\d*\.?\d+$/.test(scalar.text) ? Number(scalar.text) : Number.NaN;
  if (scalar.plain && number <= max) return number;
  value.report(`Must be ${expected}`);
  return 'wrong';
}

/** Tools that know YAML 1.1 turn a plain `off` into `false`. */
export function isOff(value: Reader): boolean {
  const text = value.isScalar() ? value.scalar('')?.text : undefined;
  return text === 'off' || text === 'false';
}
