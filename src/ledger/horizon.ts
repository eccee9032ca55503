import { WINDOW_MS, type WindowRange } from '../core/window.ts';

/** How far back windows matter, at one moment. Windows are given by their start. */
export interface Horizon {
  /** The newest window that was due. */
  readonly latest: number;
  /** Windows before it are given up: they are neither requested nor counted any more. */
  readonly floor: number;
  /** Windows before it are closed: corrections are not followed any more. */
  readonly closedBefore: number;
}

export interface HorizonOptions {
  /** Windows before the latest one that every poll requests again, because they may be corrected. */
  readonly lookbackWindows: number;
  /** How far back missed windows are requested. */
  readonly catchUpWindows: number;
}

/** Windows between the floor and the latest window. */
export function horizonWindows({ lookbackWindows, catchUpWindows }: HorizonOptions): number {
  return Math.max(catchUpWindows, lookbackWindows);
}

/**
 * The horizon of a query.
 * @param latest the newest window that was due when the query was sent
 * @param ended the newest window that has certainly ended: nothing is closed or given up by a later one
 */
export function horizonOf(options: HorizonOptions, latest: number, ended = latest): Horizon {
  return {
    latest,
    floor: ended - horizonWindows(options) * WINDOW_MS,
    closedBefore: regularRange(options, ended).from + WINDOW_MS,
  };
}

/** The windows that every poll requests: the latest, and those before it that may still be corrected. */
export function regularRange({ lookbackWindows }: HorizonOptions, latest: number): WindowRange {
  return { from: latest - lookbackWindows * WINDOW_MS, to: latest + WINDOW_MS };
}
