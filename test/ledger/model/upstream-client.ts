import type { ApiClient, Query, QueryResult } from '../../../src/cms/client.ts';
import type { VdnWindow } from '../../../src/cms/rows.ts';
import { ApiError } from '../../../src/core/errors.ts';
import { WINDOW_MS } from '../../../src/core/window.ts';
import { noise, type Upstream } from './upstream.ts';
import type { World } from './world.ts';

/**
 * `down` fails every request, `partial` fails half of them after some rows came, `scrambled` repeats and reorders rows.
 */
export type UpstreamState = 'fine' | 'down' | 'partial' | 'scrambled';

/** Our clock may differ from the API's by this much in a signature. */
export const SIGNATURE_TOLERANCE_MS = 15 * 60_000;

export interface UpstreamClientOptions {
  readonly upstream: Upstream;
  readonly world: World;
  /** The state at a moment of true time. */
  readonly stateAt: (trueNow: number) => UpstreamState;
  /** Called with the API's clock minus ours, for each response. */
  readonly onSkew: (ms: number) => void;
  /** Called for each request. */
  readonly onRequest: () => void;
  /** Called with each response that is not a failure alone, and when its query was sent, by true time and our clock. */
  readonly onAnswered: (query: Query, rows: readonly VdnWindow[], trueNow: number, now: number) => void;
}

/** A client of the simulated upstream. Requests take time. */
export function upstreamClient({
  upstream,
  world,
  stateAt,
  onSkew,
  onRequest,
  onAnswered,
}: UpstreamClientOptions): ApiClient {
  const { seed, slowMs, rowsPerVdn, checksClock, hasDate, dateErrorMs } = upstream.options;
  const sendDate = () => {
    if (hasDate) onSkew(dateErrorMs - world.clockError);
  };
  let queries = 0;
  const failed = (reason: 'network' | 'auth' | 'incomplete', windows: readonly VdnWindow[] = []): QueryResult => ({
    ...{ windows, rejected: [] },
    failure: new ApiError('Made to fail', { reason, hint: 'None' }),
  });

  function request(luck: number): void {
    onRequest();
    world.pass(20 + Math.floor(luck * slowMs));
  }

  function responseTo(query: Query, luck: number): QueryResult {
    const sentAt = [world.trueNow, world.now] as const;
    const signedWithError = world.clockError;
    request(luck);
    const now = world.trueNow;
    const state = stateAt(now);
    if (state === 'down') return failed('network');
    sendDate();
    if (checksClock && Math.abs(signedWithError) > SIGNATURE_TOLERANCE_MS) return failed('auth');
    const windows = rowsOf(upstream, query, now);
    // The model's few VDNs stand for many, so that a catch-up takes its time: a page holds 100 rows.
    for (let page = 1; page < Math.ceil((windows.length * rowsPerVdn) / 100); page++) request(luck);
    sendDate();
    if (state !== 'fine') windows.sort((a, b) => noise(luck * 1e9, a.vdn, a.start) - noise(luck * 1e9, b.vdn, b.start));
    const isCutOff = state === 'partial' && luck >= 0.5;
    const received = isCutOff ? windows.slice(0, Math.floor(windows.length * luck)) : windows;
    if (received.length > 0 || !isCutOff) onAnswered(query, received, ...sentAt);
    if (isCutOff) return failed('incomplete', received);
    const repeated = state === 'scrambled' ? windows.slice(0, 3) : [];
    return { windows: [...windows, ...repeated], rejected: [], failure: undefined };
  }

  return {
    query: (query) => Promise.resolve(responseTo(query, noise(seed, ++queries, 99))),
    close: () => Promise.resolve(),
  };
}

function rowsOf(upstream: Upstream, { vdns, range }: Query, trueNow: number): VdnWindow[] {
  const rows: VdnWindow[] = [];
  for (const vdn of vdns === 'all' ? upstream.options.vdns : vdns) {
    for (let start = range.from; start < range.to; start += WINDOW_MS) {
      const row = upstream.served(vdn, start, trueNow);
      if (row !== undefined) rows.push(row);
    }
  }
  return rows;
}
