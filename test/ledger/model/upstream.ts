import type { VdnWindow } from '../../../src/cms/rows.ts';
import { WINDOW_MS } from '../../../src/core/window.ts';

/** A number in [0, 1) that looks random, and depends only on these whole numbers. */
export function noise(...parts: readonly number[]): number {
  let hash = 0x811c9dc5;
  for (const part of parts) {
    for (let bits = part; ; bits = Math.floor(bits / 0x1000000)) {
      hash = Math.imul(hash ^ (bits & 0xffffff), 0x01000193);
      hash ^= hash >>> 15;
      if (bits < 0x1000000) break;
    }
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x7feb352d);
  hash = Math.imul(hash ^ (hash >>> 15), 0x846ca68b);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32;
}

export interface UpstreamOptions {
  readonly seed: number;
  /** No window that starts later has a row. */
  readonly lastWindow: number;
  readonly vdns: readonly number[];
  /** Shares of windows, 0 to 1. */
  readonly missing: number;
  readonly late: number;
  readonly corrected: number;
  /** Longest lateness of a row. */
  readonly maxLateMs: number;
  /** How long after its end a window is corrected at most. */
  readonly correctableMs: number;
  /** Whether VDNs with even ids have no rows at night. */
  readonly hasNights: boolean;
  /** Whether a signature whose clock is wrong by more than 15 minutes is refused, as the real API does. */
  readonly checksClock: boolean;
  /** The longest that a page takes. */
  readonly slowMs: number;
  /** How many VDNs each VDN of the model stands for. */
  readonly rowsPerVdn: number;
  /** A VDN that never has a row. */
  readonly silentVdn: number | undefined;
  /** Share of late rows that first come as zeros. */
  readonly zeroFirst: number;
  /** Whether windows without a row are filled with zeros, also those that have not ended. */
  readonly fillsZeros: boolean;
  /** Whether responses have a Date header. */
  readonly hasDate: boolean;
  /** What the Date header is off by. Signatures are checked by the true time. */
  readonly dateErrorMs: number;
}

const ZEROS = { agentsOnline: 0, inbound: 0, answered: 0, outbound: 0 };

/** Zeros for windows that start later than this are only seen by a clock that is days ahead. */
const FAR_MS = 48 * 3_600_000;

/** A row that is not late comes within this time. */
const PROMPT_MS = 40_000;

type Counts = Pick<VdnWindow, 'inbound' | 'answered' | 'outbound'>;

/** The API's rows as a function of true time: late, corrected, missing. */
export class Upstream {
  readonly options: UpstreamOptions;

  constructor(options: UpstreamOptions) {
    this.options = options;
  }

  #noise(vdn: number, start: number, salt: number): number {
    return noise(this.options.seed, vdn, start / WINDOW_MS, salt);
  }

  /** When the row appears; Infinity when it never does. */
  availableAt(vdn: number, start: number): number {
    const { missing, late, maxLateMs, hasNights, lastWindow } = this.options;
    if (start > lastWindow || vdn === this.options.silentVdn) return Infinity;
    const after = (ms: number) => start + WINDOW_MS + Math.floor(this.#noise(vdn, start, 3) * ms);
    // With `vdns: all` a VDN is known from its first row on. So each VDN has a prompt row in the last window: otherwise
    // one whose ledger was lost just before, and whose last row was late, would never turn up again.
    if (start === lastWindow) return after(PROMPT_MS);
    const hour = (start / 3_600_000) % 24;
    // Nights of less than 4 hours: zeros are doubted when there was activity within that time.
    if (hasNights && vdn % 2 === 0 && hour >= 1 && hour < 4) return Infinity;
    if (this.#noise(vdn, start, 1) < missing) return Infinity;
    return after(this.#noise(vdn, start, 2) < late ? maxLateMs : PROMPT_MS);
  }

  #counts(vdn: number, start: number, version: number): Counts {
    const inbound = Math.floor(this.#noise(vdn, start, 10 + version) * 50);
    const answered = Math.floor(inbound * this.#noise(vdn, start, 20 + version));
    // At times a value is left out at first.
    const isKnown = version > 0 || this.#noise(vdn, start, 4) > 0.1;
    return { inbound, answered, ...(isKnown ? { outbound: Math.floor(this.#noise(vdn, start, 5) * 20) } : {}) };
  }

  #correctedAt(vdn: number, start: number): number {
    if (this.#noise(vdn, start, 6) >= this.options.corrected) return Infinity;
    return start + WINDOW_MS + Math.floor(this.#noise(vdn, start, 7) * this.options.correctableMs);
  }

  /** Whether zeros are served before the row is available. */
  #isZeroUntil(availableAt: number, vdn: number, start: number, now: number): boolean {
    const { fillsZeros, zeroFirst, lastWindow, hasDate } = this.options;
    // Zeros end before the scenario does, so that all of them are requested in it. A clock days ahead sees others:
    // without a `Date` header nothing tells at a restart that they are of the future.
    if (fillsZeros) return start < lastWindow + 12 * WINDOW_MS || (hasDate && start > now + FAR_MS);
    const isZeroFirst = availableAt < Infinity && this.#noise(vdn, start, 8) < zeroFirst;
    return isZeroFirst && now >= start + WINDOW_MS + PROMPT_MS;
  }

  /** The row as it is served at a moment of true time. */
  served(vdn: number, start: number, now: number): VdnWindow | undefined {
    const availableAt = this.availableAt(vdn, start);
    if (availableAt > now)
      return this.#isZeroUntil(availableAt, vdn, start, now) ? { vdn, start, ...ZEROS } : undefined;
    const isCorrected = this.#correctedAt(vdn, start) <= now;
    return { vdn, start, agentsOnline: 5, ...this.#counts(vdn, start, isCorrected ? 1 : 0) };
  }
}
