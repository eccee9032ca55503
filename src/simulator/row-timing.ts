import { hash, randomFrom } from './random.ts';
import { type Vdn, WINDOW_MS } from './traffic.ts';

/** A fixed delay in milliseconds, or the smallest and the largest of delays that are drawn evenly. */
export type Delay = number | readonly [min: number, max: number];

export interface TimingOptions {
  /** Window end to the first appearance of its row; default 5 s. */
  readonly settleLag?: Delay | undefined;
  /** Share of rows that appear `lateBy` later than that, 0 to 1. */
  readonly late?: number | undefined;
  readonly lateBy?: Delay | undefined;
  /** Share of rows that are served with wrong calls at first and corrected `correctedAfter` their first appearance. */
  readonly corrections?: number | undefined;
  readonly correctedAfter?: Delay | undefined;
}

/** When a row is first seen and when it gets its final values, in milliseconds since the epoch. */
export interface RowTimes {
  readonly appears: number;
  /** Equal to `appears` for a row that is right from the start. */
  readonly final: number;
}

export interface Timing {
  timesOf(vdn: Vdn, start: number): RowTimes;
  /** No row appears later than this after its window's end. */
  readonly longestLag: number;
}

const draw = (delay: Delay, u: number): number =>
  typeof delay === 'number' ? delay : delay[0] + Math.floor(u * (delay[1] - delay[0]));
const longest = (delay: Delay): number => (typeof delay === 'number' ? delay : delay[1]);

/** Decides for every row, reproducibly, how long it takes to settle, whether it is late and whether it is corrected. */
export function createTiming({
  settleLag = 5_000,
  late = 0,
  lateBy = [60_000, 480_000],
  corrections = 0,
  correctedAfter = [30_000, 400_000],
}: TimingOptions): Timing {
  return {
    longestLag: longest(settleLag) + (late > 0 ? longest(lateBy) : 0),
    timesOf(vdn, start) {
      const random = randomFrom(hash(vdn.seed, vdn.id, start / WINDOW_MS, 23));
      const settled = start + WINDOW_MS + draw(settleLag, random());
      const appears = random() < late ? settled + draw(lateBy, random()) : settled;
      const final = random() < corrections ? appears + draw(correctedAfter, random()) : appears;
      return { appears, final };
    },
  };
}
