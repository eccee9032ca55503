import type { ApiClient, Query, QueryResult } from '../../../src/cms/client.ts';
import type { VdnWindow } from '../../../src/cms/rows.ts';
import { ApiError } from '../../../src/core/errors.ts';
import { WINDOW_MS } from '../../../src/core/window.ts';

/** Deterministic numbers in [0, 1) from whole numbers: no state, so any window can be asked for at any time. */
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
  /** No window that begins later has a row. */
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
  /** Whether a request whose clock is off by more than a quarter of an hour is refused, as the real one does. */
  readonly checksClock: boolean;
  /** The longest that a page takes. */
  readonly slowMs: number;
  /** VDNs that each VDN of the model stands for. */
  readonly rowsPerVdn: number;
  /** A VDN that never has a row. */
  readonly silentVdn: number | undefined;
}

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
    // With `vdns: all` a VDN is known from its first row on. The world ends here, so each is seen once more: one whose
    // ledger was lost just before, and whose last row was late, would never be heard of again.
    if (start === lastWindow) return after(PROMPT_MS);
    const hour = (start / 3_600_000) % 24;
    if (hasNights && vdn % 2 === 0 && hour >= 1 && hour < 5) return Infinity;
    if (this.#noise(vdn, start, 1) < missing) return Infinity;
    return after(this.#noise(vdn, start, 2) < late ? maxLateMs : PROMPT_MS);
  }

  #counts(vdn: number, start: number, version: number): Counts {
    const inbound = Math.floor(this.#noise(vdn, start, 10 + version) * 50);
    const answered = Math.floor(inbound * this.#noise(vdn, start, 20 + version));
    // Now and then a value is left out at first.
    const isKnown = version > 0 || this.#noise(vdn, start, 4) > 0.1;
    return { inbound, answered, ...(isKnown ? { outbound: Math.floor(this.#noise(vdn, start, 5) * 20) } : {}) };
  }

  #correctedAt(vdn: number, start: number): number {
    if (this.#noise(vdn, start, 6) >= this.options.corrected) return Infinity;
    return start + WINDOW_MS + Math.floor(this.#noise(vdn, start, 7) * this.options.correctableMs);
  }

  /** The row as it is served at a moment of true time. */
  served(vdn: number, start: number, now: number): VdnWindow | undefined {
    if (this.availableAt(vdn, start) > now) return undefined;
    const isCorrected = this.#correctedAt(vdn, start) <= now;
    return { vdn, start, agentsOnline: 5, ...this.#counts(vdn, start, isCorrected ? 1 : 0) };
  }
}

/** Faults of the API at a moment of true time. */
export interface Weather {
  /** `down` fails every request, `partial` half of them after some rows came, `scrambled` repeats and reorders rows. */
  at(now: number): 'fine' | 'down' | 'partial' | 'scrambled';
}

export interface World {
  /** True time; queries take some. */
  trueNow(): number;
  advance(ms: number): void;
  /** Our clock minus the true one. */
  clockError(): number;
  /** Counts a request. */
  requested(): void;
}

/** A client that answers from the upstream, in the world's time. */
export function upstreamClient(
  upstream: Upstream,
  weather: Weather,
  world: World,
  onSkew: (ms: number) => void,
): ApiClient {
  let requests = 0;
  const fail = (reason: 'network' | 'auth' | 'incomplete') => new ApiError('Made to fail', { reason, hint: 'None' });

  function query({ vdns, range }: Query): Promise<QueryResult> {
    const dice = noise(upstream.options.seed, ++requests, 99);
    world.requested();
    world.advance(20 + Math.floor(dice * upstream.options.slowMs));
    const now = world.trueNow();
    const sky = weather.at(now);
    const nothing = { windows: [], rejected: [] };
    if (sky === 'down') return Promise.resolve({ ...nothing, failure: fail('network') });
    onSkew(-world.clockError());
    if (upstream.options.checksClock && Math.abs(world.clockError()) > 900_000) {
      return Promise.resolve({ ...nothing, failure: fail('auth') });
    }
    const windows: VdnWindow[] = [];
    for (const vdn of vdns === 'all' ? upstream.options.vdns : vdns) {
      for (let start = range.from; start < range.to; start += WINDOW_MS) {
        const row = upstream.served(vdn, start, now);
        if (row !== undefined) windows.push(row);
      }
    }
    // A page holds 100 rows; the model's few VDNs stand for many, so that a catch-up takes its time.
    const pages = Math.ceil((windows.length * upstream.options.rowsPerVdn) / 100);
    for (let page = 1; page < pages; page++) {
      world.requested();
      world.advance(20 + Math.floor(dice * upstream.options.slowMs));
    }
    onSkew(-world.clockError());
    if (sky === 'fine') return Promise.resolve({ windows, rejected: [], failure: undefined });
    windows.sort((a, b) => noise(dice * 1e9, a.vdn, a.start) - noise(dice * 1e9, b.vdn, b.start));
    if (sky === 'scrambled') {
      return Promise.resolve({ windows: [...windows, ...windows.slice(0, 3)], rejected: [], failure: undefined });
    }
    const isWhole = dice < 0.5;
    const part = isWhole ? windows : windows.slice(0, Math.floor(windows.length * dice));
    return Promise.resolve({ windows: part, rejected: [], failure: isWhole ? undefined : fail('incomplete') });
  }

  return { query, close: () => Promise.resolve() };
}
