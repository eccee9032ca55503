import { backoff, capRetryAfter, catchUpBackoff } from '../cms/backoff.ts';
import { after, type Moment, msUntil } from '../core/clock.ts';
import { dueAfter, latestDue } from '../core/window.ts';
import type { PollOutcome } from './poll.ts';

/** What decides when a call center polls and catches up. Every change makes a new state. */
export interface ScheduleState {
  /** The newest window that was due at the last poll. */
  readonly polledLatest: number | undefined;
  /** Polls in a row that failed. */
  readonly failures: number;
  /** Whether only some of the VDNs failed. */
  readonly isPartial: boolean;
  /** VDNs to request again before the next window is due: their request failed, or their row is missing. */
  readonly unfinished: readonly number[] | 'all';
  /** When {@link unfinished} is requested again. */
  readonly retryAt: Moment;
  /** No request before this time (Retry-After of the CMS). */
  readonly pausedUntil: Moment;
  /** Whether there may be something to catch up on since the last poll. */
  readonly isCatchUpDue: boolean;
  /** Value of {@link polledLatest} when a catch-up failed; it continues after the next window. */
  readonly catchUpFailedIn: number | undefined;
  /** Catch-ups in a row that ended with failed queries. */
  readonly incompleteCatchUps: number;
  readonly catchUpPausedUntil: Moment;
}

export interface ScheduleSettings {
  readonly settleDelayMs: number;
  readonly retryIntervalMs: number;
}

/** The next step. `latest` is the newest window that is due. */
export type Decision =
  | {
      readonly step: 'poll';
      readonly latest: number;
      /** `regular`: all VDNs and all windows that may change; `retry`: what failed; `missing`: rows of `latest`. */
      readonly kind: 'regular' | 'retry' | 'missing';
    }
  | { readonly step: 'catch up'; readonly latest: number; readonly until: Moment }
  | { readonly step: 'sleep'; readonly until: Moment };

const PAST: Moment = { now: -Infinity, monotonic: -Infinity };

/** Before the first poll. */
export const INITIAL_STATE: ScheduleState = {
  polledLatest: undefined,
  failures: 0,
  isPartial: false,
  unfinished: [],
  retryAt: PAST,
  pausedUntil: PAST,
  isCatchUpDue: false,
  catchUpFailedIn: undefined,
  incompleteCatchUps: 0,
  catchUpPausedUntil: PAST,
};

/** Decides what a call center does at the moment `at`: poll, catch up until the next poll, or sleep until then. */
export function decide(state: ScheduleState, settings: ScheduleSettings, at: Moment): Decision {
  const latest = latestDue(at.now, settings.settleDelayMs);
  const pollInMs = msUntilPoll(state, settings, at);
  if (pollInMs === 0) {
    // Not only when it is later: after the clock was set back, the windows that are due now are polled, too.
    const isNewWindow = latest !== state.polledLatest;
    return { step: 'poll', latest, kind: isNewWindow ? 'regular' : state.failures > 0 ? 'retry' : 'missing' };
  }
  const catchUpInMs = msUntilCatchUp(state, latest, at);
  if (catchUpInMs === 0) return { step: 'catch up', latest, until: after(at, pollInMs) };
  return { step: 'sleep', until: after(at, Math.min(pollInMs, catchUpInMs)) };
}

function msUntilPoll(state: ScheduleState, { settleDelayMs }: ScheduleSettings, at: Moment): number {
  if (state.polledLatest === undefined) return 0;
  const latest = latestDue(at.now, settleDelayMs);
  const regularIn = latest === state.polledLatest ? dueAfter(latest, settleDelayMs) - at.now : 0;
  const isUnfinished = state.unfinished === 'all' || state.unfinished.length > 0;
  const retryIn = isUnfinished ? msUntil(state.retryAt, at) : Infinity;
  // A CMS that fails altogether gets no regular poll before the retry; VDNs that are well do not wait for others.
  const pollIn = state.failures > 0 && !state.isPartial ? retryIn : Math.min(regularIn, retryIn);
  return Math.max(pollIn, msUntil(state.pausedUntil, at));
}

/** Infinity when nothing is to be caught up on before the next poll. */
function msUntilCatchUp(state: ScheduleState, latest: number, at: Moment): number {
  const isResponding = state.failures === 0 || state.isPartial;
  if (!state.isCatchUpDue || !isResponding || state.catchUpFailedIn === latest) return Infinity;
  return Math.max(msUntil(state.pausedUntil, at), msUntil(state.catchUpPausedUntil, at));
}

export interface PolledInput {
  readonly outcome: PollOutcome;
  readonly latest: number;
  /** Whether only some of the VDNs failed. */
  readonly isPartial: boolean;
  readonly unfinished: ScheduleState['unfinished'];
  /** 0 <= random() < 1. */
  readonly random: () => number;
}

/** The state after a poll that ended at `at`. */
export function afterPoll(
  state: ScheduleState,
  { retryIntervalMs }: ScheduleSettings,
  { outcome, latest, isPartial, unfinished, random }: PolledInput,
  at: Moment,
): ScheduleState {
  const failures = outcome.failure === undefined ? 0 : state.failures + 1;
  const waitMs = failures === 0 ? retryIntervalMs : backoff(failures, retryIntervalMs, random);
  return {
    ...state,
    ...{ polledLatest: latest, failures, isPartial, unfinished, isCatchUpDue: true },
    retryAt: after(at, waitMs),
    pausedUntil: pause(state, outcome.retryAfterMs, at),
  };
}

/** How a catch-up ended. */
export type CatchUpOutcome = 'nothing to do' | 'complete' | 'some queries failed';

/** The state after a catch-up that ended. */
export function afterCatchUp(state: ScheduleState, outcome: CatchUpOutcome, at: Moment): ScheduleState {
  const ended = { ...state, isCatchUpDue: false };
  if (outcome === 'nothing to do') return ended;
  if (outcome === 'complete') return { ...ended, incompleteCatchUps: 0 };
  const incompleteCatchUps = state.incompleteCatchUps + 1;
  return { ...ended, incompleteCatchUps, catchUpPausedUntil: after(at, catchUpBackoff(incompleteCatchUps)) };
}

/** The state after a failure that stopped a catch-up. */
export function afterCatchUpFailure(state: ScheduleState, retryAfterMs: number | undefined, at: Moment): ScheduleState {
  return { ...state, catchUpFailedIn: state.polledLatest, pausedUntil: pause(state, retryAfterMs, at) };
}

/** The later of the present pause and the one that a failure requests. */
function pause({ pausedUntil }: ScheduleState, retryAfterMs: number | undefined, at: Moment): Moment {
  const until = after(at, capRetryAfter(retryAfterMs));
  return msUntil(until, at) > msUntil(pausedUntil, at) ? until : pausedUntil;
}
