import { type Fault, type FaultKind, REQUEST_FAULTS, TRAFFIC_FAULTS } from './faults.ts';
import { randomFrom } from './random.ts';
import { answerRate, WINDOW_MS, type WindowValues } from './traffic.ts';

/** The faults that are on, and the traffic faults that were on: a window keeps the values of its faults. */
export interface FaultInjector {
  readonly faults: readonly Fault[];
  /** Replaces all faults. */
  set(faults: readonly Fault[]): void;
  /** The request faults that match this request, by kind. Each match counts against their `times`. */
  match(vdns: readonly number[] | undefined): ReadonlyMap<FaultKind, Fault>;
  /** Whether a row that is due at `appears` (milliseconds since the epoch) is withheld now. */
  hides(vdn: number, start: number, appears: number): boolean;
  /** Windows that start before this are hidden by nothing. `lag`: the longest time a row takes to appear. */
  hidesNothingBefore(lag: number): number;
  /** The values of a window with its traffic faults applied. */
  change(vdn: number, start: number, values: WindowValues): WindowValues;
}

interface Entry {
  readonly fault: Fault;
  readonly from: number;
  readonly to: number;
  timesLeft: number;
}

const MAX_PAST = 1000;
const isOneOf = (kinds: readonly string[], { kind }: Fault): boolean => kinds.includes(kind);
const concerns = ({ vdns }: Fault, vdn: number): boolean => vdns?.includes(vdn) ?? true;

export function createFaultInjector(now: () => number, seed: number): FaultInjector {
  const random = randomFrom(seed);
  let entries: readonly Entry[] = [];
  let past: readonly Entry[] = [];
  const isOn = ({ from, to }: Entry): boolean => from <= now() && now() < to;
  const hiding = (): readonly Entry[] =>
    entries.filter((entry) => isOneOf(['silent', 'withhold'], entry.fault) && isOn(entry));

  return {
    get faults() {
      return entries.map(({ fault }) => fault);
    },

    set(faults) {
      const at = now();
      const ended = entries.filter(({ fault, from }) => isOneOf(TRAFFIC_FAULTS, fault) && from < at);
      past = [...past, ...ended.map((entry) => ({ ...entry, to: Math.min(entry.to, at) }))].slice(-MAX_PAST);
      entries = faults.map((fault) => ({
        fault,
        from: fault.from ?? at,
        to: fault.to ?? Infinity,
        timesLeft: fault.times ?? Infinity,
      }));
    },

    match(vdns) {
      const matched = new Map<FaultKind, Fault>();
      for (const entry of entries) {
        const { fault } = entry;
        if (!isOneOf(REQUEST_FAULTS, fault) || !isOn(entry) || entry.timesLeft <= 0) continue;
        if (fault.vdns !== undefined && vdns?.some((vdn) => concerns(fault, vdn)) === false) continue;
        if (fault.probability !== undefined && random() >= fault.probability) continue;
        entry.timesLeft--;
        matched.set(fault.kind, fault);
      }
      return matched;
    },

    hides: (vdn, start, appears) =>
      hiding().some(({ fault, from }) => {
        if (!concerns(fault, vdn)) return false;
        return fault.kind === 'silent' ? appears > from : (fault.start ?? start) === start;
      }),

    hidesNothingBefore: (lag) =>
      Math.min(
        ...hiding().map(({ fault, from }) =>
          fault.kind === 'silent' ? from - lag - WINDOW_MS : (fault.start ?? -Infinity),
        ),
      ),

    change(vdn, start, values) {
      let changed = values;
      for (const { fault, from, to } of [...past, ...entries]) {
        if (!isOneOf(TRAFFIC_FAULTS, fault) || !concerns(fault, vdn)) continue;
        if (start < to && start + WINDOW_MS > from) changed = applyTrafficFault(fault, changed);
      }
      return changed;
    },
  };
}

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
  // unavailable: all but one in ten are busy or resting
  const working = Math.ceil((talking + idle + busy + resting) / 10);
  const stillTalking = Math.min(talking, working);
  const stillIdle = Math.min(idle, working - stillTalking);
  return { ...values, talking: stillTalking, idle: stillIdle, busy: busy + talking + idle - stillTalking - stillIdle };
}
