import { describe, expect, it } from 'vitest';
import type { VdnWindow } from '../../src/cms/rows.ts';
import { WINDOW_MS } from '../../src/core/window.ts';
import { SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { DEFAULT_LINE, vdnConfig } from '../support/snapshots.ts';

const START = 1_763_460_000_000;
const ENDED = START + 300_000;
const STALE_AFTER_MS = 720_000;

function createStore(vdns: readonly number[] | 'all' = [1, 2]): SnapshotStore {
  return new SnapshotStore({
    ...{ callCenter: 'hq', ccId: 1, vdnLabelNames: [], staleAfterMs: STALE_AFTER_MS },
    vdns: vdns === 'all' ? 'all' : vdns.map(vdnConfig),
    ...DEFAULT_LINE,
  });
}

function row(vdn: number, overrides: Partial<VdnWindow> = {}): VdnWindow {
  return { vdn, start: START, inbound: 10, answered: 9, talking: 3, ...overrides };
}

const totals = (inbound: number) => ({ inbound, answered: 0, outbound: 0, windows: 1, revised: 0, missing: 0 });

describe('a snapshot', () => {
  it('stays the same object while nothing new comes, so that nothing is rendered again', () => {
    const store = createStore();
    store.update([row(1), row(2)]);
    store.publish(new Map([[1, totals(10)]]));
    const first = store.snapshot(ENDED);
    store.update([]);
    store.update([row(1), row(2)]);
    store.update([row(2, { start: START - 300_000, inbound: 99 })]);
    store.publish(new Map([[1, totals(10)]]));
    expect(store.snapshot(ENDED + 1000)).toBe(first);
  });

  it.each<[string, (store: SnapshotStore) => void]>([
    [
      'a value is corrected',
      (store) => {
        store.update([row(1, { inbound: 11 })]);
      },
    ],
    [
      'a value is taken back',
      (store) => {
        store.update([{ vdn: 1, start: START, inbound: 10, answered: 9 }]);
      },
    ],
    [
      'a value is added',
      (store) => {
        store.update([row(1, { idle: 0 })]);
      },
    ],
    [
      'a window is newer',
      (store) => {
        store.update([row(2, { start: START + 300_000 })]);
      },
    ],
    [
      'a VDN reports for the first time',
      (store) => {
        store.update([row(3)]);
      },
    ],
    [
      'a total changes',
      (store) => {
        store.publish(new Map([[1, totals(11)]]));
      },
    ],
    [
      'a total is added',
      (store) => {
        store.publish(
          new Map([
            [1, totals(10)],
            [2, totals(10)],
          ]),
        );
      },
    ],
    [
      'the totals of another VDN come',
      (store) => {
        store.publish(new Map([[2, totals(10)]]));
      },
    ],
  ])('is another one when %s', (_, change) => {
    const store = createStore();
    store.update([row(1), row(2)]);
    store.publish(new Map([[1, totals(10)]]));
    const first = store.snapshot(ENDED);
    change(store);
    const next = store.snapshot(ENDED);
    expect(next).not.toBe(first);
    expect(next.version).toBeGreaterThan(first.version);
  });

  it('is another one at the moment when a window becomes stale, and never shows it after that', () => {
    const store = createStore('all');
    store.update([row(1), row(2, { start: START + 300_000 })]);
    const first = store.snapshot(ENDED);
    expect(store.snapshot(ENDED + STALE_AFTER_MS)).toBe(first);
    const next = store.snapshot(ENDED + STALE_AFTER_MS + 1);
    expect(next.vdns.map(({ id, window }) => [id, window?.start])).toEqual([[2, START + 300_000]]);
  });
});

it('shows no window that has not begun: the clock was days ahead', () => {
  const store = createStore([1]);
  const ahead = START + 864 * WINDOW_MS;
  store.update([row(1, { start: ahead, inbound: 0 })]);
  expect(store.snapshot(ahead + WINDOW_MS).vdns[0]?.window).toMatchObject({ start: ahead });
  expect(store.snapshot(ENDED).vdns[0]?.window).toBeUndefined();
  store.update([row(1)]);
  expect(store.snapshot(ENDED).vdns[0]?.window).toMatchObject({ inbound: 10 });
});

it('shows a window until stale_after, although nothing new comes', () => {
  const store = createStore([1]);
  store.update([row(1)]);
  expect(store.snapshot(ENDED + STALE_AFTER_MS).vdns[0]?.window).toBeDefined();
  expect(store.snapshot(ENDED + STALE_AFTER_MS + 1).vdns[0]?.window).toBeUndefined();
});
