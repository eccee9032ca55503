import { type Clock, momentOf } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import type { Clocks } from '../ledger/trusted-clock.ts';

/** A larger skew is logged: the CMS may refuse our signatures. */
const NOTABLE_SKEW_MS = 30_000;

/** Compares the clock of the CMS (its `Date` header) with ours. */
export class ClockSkew {
  readonly #clock: Clock;
  readonly #logger: Logger;
  /** Clock of the CMS minus our monotonic clock: our wall clock may be set at any time. */
  #offsetMs: number | undefined;
  #isNotable = false;

  constructor(clock: Clock, logger: Logger) {
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @param skewMs clock of the CMS minus ours, as a response has just shown it */
  observe(skewMs: number): void {
    this.#offsetMs = this.#clock.now() + skewMs - this.#clock.monotonic();
    if (Math.abs(skewMs) > NOTABLE_SKEW_MS === this.#isNotable) return;
    this.#isNotable = !this.#isNotable;
    const fields = { skew_seconds: Math.round(skewMs / 1000) };
    if (this.#isNotable) this.#logger.warn(fields, 'The clock of the CMS differs from ours: check NTP on both');
    else this.#logger.info(fields, 'The clocks agree again');
  }

  /** Clock of the CMS minus ours; undefined before it sent a Date. */
  skewMs(): number | undefined {
    const { apiNow, now } = this.clocks();
    return apiNow === undefined ? undefined : apiNow - now;
  }

  /** What our clocks and the clock of the CMS say now. */
  clocks(): Clocks {
    const moment = momentOf(this.#clock);
    return { ...moment, apiNow: this.#offsetMs === undefined ? undefined : moment.monotonic + this.#offsetMs };
  }
}
