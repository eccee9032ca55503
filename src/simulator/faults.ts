import { type InterfaceName, PATHS } from './interfaces.ts';

/** What can go wrong with a request. docs/simulator.md says what each does. */
export const REQUEST_FAULTS = [
  'unauthorized',
  'firewall',
  'throttled',
  'status',
  'hang',
  'slow',
  'truncated',
  'cut',
  'reset',
  'close',
  'continue',
  'html',
  'code',
  'endless',
  'count',
  'rows',
  'clock',
] as const;
/** Rows that do not come as long as the fault is on. */
const ROW_FAULTS = ['silent', 'withhold'] as const;
/** What happens in the contact center itself: it changes the true values of the windows it overlaps. */
export const TRAFFIC_FAULTS = ['noAgents', 'noInbound', 'lowAnswer', 'saturated', 'unavailable'] as const;
export const BAD_ROWS = ['unknownVdn', 'wrongCcId', 'offGrid', 'outOfRange', 'negative', 'notANumber'] as const;

export type FaultKind = (typeof REQUEST_FAULTS)[number] | (typeof ROW_FAULTS)[number] | (typeof TRAFFIC_FAULTS)[number];
export type BadRow = (typeof BAD_ROWS)[number];

/** One fault, as it is set in code or posted as JSON. All fields but `kind` may be left out. */
export interface Fault {
  readonly kind: FaultKind;
  /** Only these VDNs, or only requests that name one of them. */
  readonly vdns?: readonly number[];
  /** Request faults: only requests of this interface. */
  readonly interface?: InterfaceName;
  /** Milliseconds since the epoch; default: from the moment it is set until it is taken away. */
  readonly from?: number;
  readonly to?: number;
  /** Request faults: share of requests, 0 to 1, and how many requests at most. */
  readonly probability?: number;
  readonly times?: number;
  /** `status` (default 503) and `firewall` (default 403). */
  readonly status?: number;
  /** `slow`: delay; `throttled`: Retry-After; `clock`: what the Date header is ahead by. */
  readonly seconds?: number;
  /** `count`: what is added to the true count. */
  readonly by?: number;
  /** `code`: the resultCode; default 0100001. */
  readonly code?: string;
  /** `rows`: which bad rows are added; default all. */
  readonly rows?: readonly BadRow[];
  /** `lowAnswer`: share of calls that are answered; default 0.5. */
  readonly ratio?: number;
  /** `withhold`: the start of the one window that is withheld; default every window. */
  readonly start?: number;
}

/** The request faults that apply to one request. */
export type MatchedFaults = ReadonlyMap<FaultKind, Fault>;

const KINDS: readonly string[] = [...REQUEST_FAULTS, ...ROW_FAULTS, ...TRAFFIC_FAULTS];
const isNumber = (value: unknown): boolean => typeof value === 'number' && Number.isFinite(value);
const FIELDS: Readonly<Record<string, (value: unknown) => boolean>> = {
  kind: (value) => typeof value === 'string' && KINDS.includes(value),
  vdns: (value) => Array.isArray(value) && value.every(isNumber),
  interface: (value) => typeof value === 'string' && value in PATHS,
  from: isNumber,
  to: isNumber,
  probability: isNumber,
  times: isNumber,
  status: (value) => Number.isInteger(value) && Number(value) >= 200 && Number(value) <= 599,
  seconds: isNumber,
  by: isNumber,
  code: (value) => typeof value === 'string',
  rows: (value) => Array.isArray(value) && value.every((row) => (BAD_ROWS as readonly unknown[]).includes(row)),
  ratio: isNumber,
  start: isNumber,
};

/** Checks a posted list of faults; throws a TypeError that names the field. */
export function readFaults(value: unknown): readonly Fault[] {
  if (!Array.isArray(value)) throw new TypeError('The faults are not an array');
  for (const [index, fault] of (value as unknown[]).entries()) {
    if (typeof fault !== 'object' || fault === null || !('kind' in fault)) {
      throw new TypeError(`Fault ${index} is not an object with a kind`);
    }
    for (const [field, content] of Object.entries(fault)) {
      const check = FIELDS[field];
      if (check === undefined) throw new TypeError(`Fault ${index} has the unknown field ${field}`);
      if (!check(content)) throw new TypeError(`Fault ${index} has a bad ${field}: ${JSON.stringify(content)}`);
    }
  }
  return value as readonly Fault[];
}
