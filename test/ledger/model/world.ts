import { type ClockStep, MINUTE, START } from './scenario.ts';

/** True time, which passes only by {@link pass}, and what our clocks make of it. */
export class World {
  readonly #steps: readonly ClockStep[];
  #elapsed = 0;

  constructor(steps: readonly ClockStep[]) {
    this.#steps = steps;
  }

  pass(ms: number): void {
    this.#elapsed += ms;
  }

  get monotonic(): number {
    return this.#elapsed;
  }

  get trueNow(): number {
    return START + MINUTE + this.#elapsed;
  }

  /** Our wall clock. */
  get now(): number {
    return this.trueNow + this.clockError;
  }

  /** Our wall clock minus true time. */
  get clockError(): number {
    const since = MINUTE + this.#elapsed;
    for (const { at, length, error } of this.#steps) if (since >= at && since < at + length) return error;
    return 0;
  }
}
