import { type Fault, type MatchedFaults, REQUEST_FAULTS, TRAFFIC_FAULTS } from './faults.ts';
import type { InterfaceName } from './interfaces.ts';
import { type Random, randomFrom } from './random.ts';
import { answerRate, WINDOW_MS, type WindowValues } from './traffic.ts';

/** Holds the current faults, and the traffic faults of the past: a window keeps the values that they gave it. */
export interface FaultInjector {
  readonly faults: readonly Fault[];
  /** Replaces all faults. */
  set(faults: readonly Fault[]): void;
  /** The request faults that match this request, by kind. Each match counts against their `times`. */
  match(vdns: readonly number[] | undefined, name?: InterfaceName): MatchedFaults;
  /** Whether a row that is due at `appears` (milliseconds since the epoch) is withheld now. */
  hides(vdn: number, start: number, appears: number): boolean;
  /** No row of a window that starts before this is withheld. `lag`: the longest time a row takes to appear. */
  firstHiddenStart(lag: number): number;
  /** The values of a window with its traffic faults applied. */
  change(vdn: number, start: number, values: WindowValues): WindowValues;
}

/** A fault with its defaults filled in. */
interface ScheduledFault {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
  timesLeft: number;
}

const MAX_PAST = 1000;
const isOneOf = (kinds: readonly string[], { kind }: Fault): boolean => kinds.includes(kind);
const concerns = ({ vdns }: Fault, vdn: number): boolean => vdns?.includes(vdn) ?? true;

/** `now` is the simulated time in milliseconds; `seed` decides which requests a fault with a probability hits. */
export function createFaultInjector(now: () => number, seed: number): FaultInjector {
  const random = randomFrom(seed);
  let scheduled: readonly ScheduledFault[] = [];
  let past: readonly ScheduledFault[] = [];
  const isOn = ({ from, to }: ScheduledFault): boolean => from <= now() && now() < to;
  const hiding = (): readonly ScheduledFault[] =>
    scheduled.filter((entry) => isOneOf(['silent', 'withhold'], entry.fault) && isOn(entry));

  return {
    get faults() {
      return scheduled.map(({ fault }) => fault);
    },

    set(faults) {
      past = [...past, ...endedTrafficFaults(scheduled, now())].slice(-MAX_PAST);
      scheduled = faults.map((fault) => schedule(fault, now()));
    },

    match(vdns, name = 'sysindex') {
      const ofInterface = scheduled.filter(({ fault }) => fault.interface === undefined || fault.interface === name);
      const matching = ofInterface.filter((entry) => isOn(entry) && matchesRequest(entry, vdns, random));
      for (const entry of matching) entry.timesLeft--;
      return new Map(matching.map(({ fault }) => [fault.kind, fault]));
    },

    hides: (vdn, start, appears) =>
      hiding()
        .filter(({ fault }) => concerns(fault, vdn))
        .some(({ fault, from }) => (fault.kind === 'silent' ? appears > from : (fault.start ?? start) === start)),

    firstHiddenStart: (lag) =>
      Math.min(
        ...hiding().map(({ fault, from }) =>
          fault.kind === 'silent' ? from - lag - WINDOW_MS : (fault.start ?? -Infinity),
        ),
      ),

    change: (vdn, start, values) =>
      [...past, ...scheduled]
        .filter(({ fault, from, to }) => concerns(fault, vdn) && start < to && start + WINDOW_MS > from)
        .reduce((changed, { fault }) => applyTrafficFault(fault, changed), values),
  };
}

function schedule(fault: Fault, at: number): ScheduledFault {
  return { fault, from: fault.from ?? at, to: fault.to ?? Infinity, timesLeft: fault.times ?? Infinity };
}

/** The traffic faults that have started by `at`, ended at that time. */
function endedTrafficFaults(scheduled: readonly ScheduledFault[], at: number): readonly ScheduledFault[] {
  return scheduled
    .filter(({ fault, from }) => isOneOf(TRAFFIC_FAULTS, fault) && from < at)
    .map((entry) => ({ ...entry, to: Math.min(entry.to, at) }));
}

/** Whether a fault applies to a request for these VDNs (undefined: all of them). */
function matchesRequest(
  { fault, timesLeft }: ScheduledFault,
  vdns: readonly number[] | undefined,
  random: Random,
): boolean {
  if (!isOneOf(REQUEST_FAULTS, fault) || timesLeft <= 0) return false;
  if (vdns !== undefined && fault.vdns !== undefined && !vdns.some((vdn) => concerns(fault, vdn))) return false;
  return fault.probability === undefined || random() < fault.probability;
}

/** Values with a traffic fault applied; faults of other kinds change nothing. */
function applyTrafficFault({ kind, ratio = 0.5 }: Fault, values: WindowValues): WindowValues {
  const { talking, idle, busy, resting, inbound } = values;
  if (kind === 'noAgents') {
    const nobody = { agentsOnline: 0, talking: 0, idle: 0, busy: 0, resting: 0 };
    return { ...values, ...nobody, answered: 0, answerRate: 0 };
  }
  if (kind === 'noInbound') {
    return { ...values, talking: 0, idle: idle + talking, inbound: 0, answered: 0, answerRate: 0 };
  }
  if (kind === 'lowAnswer') {
    const answered = Math.floor(inbound * ratio);
    return { ...values, answered, answerRate: answerRate(answered, inbound) };
  }
  if (kind === 'saturated') return { ...values, talking: talking + idle, idle: 0 };
  if (kind !== 'unavailable') return values;
  // All but one in ten are busy or resting.
  const working = Math.ceil((talking + idle + busy + resting) / 10);
  const stillTalking = Math.min(talking, working);
  const stillIdle = Math.min(idle, working - stillTalking);
  return { ...values, talking: stillTalking, idle: stillIdle, busy: busy + talking + idle - stillTalking - stillIdle };
}
