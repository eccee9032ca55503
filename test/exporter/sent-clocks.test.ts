import { expect, it } from 'vitest';
import { momentOf } from '../../src/core/clock.ts';
import { createLogger } from '../../src/core/log.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { totalsOf } from '../../src/exporter/apply-responses.ts';
import { poll } from '../../src/exporter/poll.ts';
import { createTelemetry } from '../../src/exposition/self-metrics.ts';
import { SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { Ledger } from '../../src/ledger/ledger.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { at } from '../support/ledger.ts';
import { DEFAULT_LINE, vdnConfig } from '../support/snapshots.ts';

it('follows a correction after a slow response while our clock is ahead', async () => {
  const AHEAD_MS = 3 * WINDOW_MS;
  const clock = new FakeClock(at(11) + 240_000 + AHEAD_MS);
  const ledger = new Ledger(
    { vdns: [1], lookbackWindows: 2, catchUpWindows: 288 },
    { now: at(0), monotonic: at(0) - (at(11) + 240_000) },
  );
  const store = new SnapshotStore({
    ...{ callCenter: 'hq', ccId: 1, vdns: [vdnConfig(1)], vdnLabelNames: [], staleAfterMs: 720_000 },
    ...DEFAULT_LINE,
  });
  let inbound = 5;
  const context = {
    client: {
      query: () => {
        // The next window ends before the response comes.
        clock.advance(120_000);
        return Promise.resolve({ windows: [{ vdn: 1, start: at(9), inbound }], rejected: [], failure: undefined });
      },
      close: () => Promise.resolve(),
    },
    ...{ ledger, store, clock, concurrency: 1, telemetry: createTelemetry('0').callCenter('hq') },
    logger: createLogger('error', 'json', { write: () => undefined }),
    persist: () => Promise.resolve(),
    clocks: () => ({ ...momentOf(clock), apiNow: clock.now() - AHEAD_MS }),
    onChange: () => Promise.resolve(),
  };
  const request = { vdns: [1], range: { from: at(9), to: at(11) }, latest: at(13) };
  await poll(context, request, new AbortController().signal);
  // When the query was sent, the window was one window old: it may still be corrected.
  inbound = 8;
  await poll(context, request, new AbortController().signal);
  expect(totalsOf(ledger).get(1)).toMatchObject({ inbound: 8, revised: 1 });
});
