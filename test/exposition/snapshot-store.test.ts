import { expect, it } from 'vitest';
import { WINDOW_MS } from '../../src/core/window.ts';
import { SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { DEFAULT_LINE, vdnConfig } from '../support/snapshots.ts';

it('shows no window that has not begun: the clock was days ahead', () => {
  const store = new SnapshotStore({
    ...{ callCenter: 'hq', ccId: 1, vdns: [vdnConfig(1)], vdnLabelNames: [], staleAfterMs: 720_000 },
    ...DEFAULT_LINE,
  });
  const ahead = 864 * WINDOW_MS;
  store.update([{ vdn: 1, start: ahead, inbound: 0 }]);
  expect(store.snapshot(ahead + WINDOW_MS).vdns[0]?.window).toMatchObject({ start: ahead });
  expect(store.snapshot(2 * WINDOW_MS).vdns[0]?.window).toBeUndefined();
  store.update([{ vdn: 1, start: WINDOW_MS, inbound: 3 }]);
  expect(store.snapshot(2 * WINDOW_MS).vdns[0]?.window).toMatchObject({ inbound: 3 });
});

it('shows a window until stale_after, although nothing new comes', () => {
  const store = new SnapshotStore({
    ...{ callCenter: 'hq', ccId: 1, vdns: [vdnConfig(1)], vdnLabelNames: [], staleAfterMs: 720_000 },
    ...DEFAULT_LINE,
  });
  store.update([{ vdn: 1, start: 0, inbound: 1 }]);
  const last = WINDOW_MS + 720_000;
  expect(store.snapshot(last).vdns[0]?.window).toBeDefined();
  expect(store.snapshot(last + 1).vdns[0]?.window).toBeUndefined();
});
