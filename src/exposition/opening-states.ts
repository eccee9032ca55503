import { isOpen, nextChange } from '../config/opening-plan.ts';
import type { OpeningPlan } from '../config/opening-plan.ts';

/** A line's state at one moment. */
export interface OpeningState {
  readonly isOpen: boolean;
  /** When it opens or closes next, in milliseconds since the epoch; Infinity if it never does. */
  readonly nextChangeAt: number;
}

const ALWAYS_OPEN: OpeningState = { isOpen: true, nextChangeAt: Infinity };

/** The states of all plans of a call center at one moment. The same object until one of them opens or closes. */
export interface OpeningStates {
  /** Without a plan a line is always open. */
  of(plan: OpeningPlan | undefined): OpeningState;
  /** Whether the states are those at `now`. */
  holdAt(now: number): boolean;
}

/** Works out the states at `now`, each plan once, however many VDNs have it. */
export function openingStatesAt(now: number, plans: Iterable<OpeningPlan | undefined>): OpeningStates {
  const states = new Map<OpeningPlan, OpeningState>();
  let until = Infinity;
  for (const plan of plans) {
    if (plan === undefined || states.has(plan)) continue;
    const nextChangeAt = nextChange(plan, now) ?? Infinity;
    states.set(plan, { isOpen: isOpen(plan, now), nextChangeAt });
    until = Math.min(until, nextChangeAt);
  }
  const since = states.size === 0 ? -Infinity : now;
  return {
    of: (plan) => (plan === undefined ? undefined : states.get(plan)) ?? ALWAYS_OPEN,
    // A clock that was set back may be before an opening or closing again.
    holdAt: (moment) => since <= moment && moment < until,
  };
}
