import { describe, expect, test } from 'vitest';
import { addWindow, compare, GrowthCounter, sampleRange, sampleSlices, selectorOf } from '../src/audit.ts';
import { WINDOW_MS } from '../src/window.ts';

const FROM = Date.UTC(2026, 0, 1);
const RANGE = { from: FROM, to: FROM + 12 * WINDOW_MS };
const labels = (more: Record<string, string> = {}) => ({
  __name__: 'aicc_cti_inbound_calls_total',
  call_center: 'a',
  vdn: '7',
  ...more,
});

function grown(...samples: readonly (readonly [minute: number, value: number])[]): number | undefined {
  const counter = new GrowthCounter(RANGE);
  counter.add({ labels: labels(), samples: samples.map(([minute, value]) => [FROM + minute * 60_000, value]) });
  return counter.totals().get(7)?.inbound;
}

describe('growth of a counter', () => {
  test('starts from the last sample before the first window can be in it', () => {
    expect(grown([0, 90], [4, 100], [6, 103], [10, 103], [11, 110])).toBe(10);
  });

  test('starts from the first sample when there is none before', () => {
    expect(grown([20, 50], [25, 53])).toBe(3);
  });

  test('goes on over a counter that began again', () => {
    expect(grown([0, 90], [6, 95], [7, 0], [11, 4], [12, 2])).toBe(5 + 4 + 2);
  });

  test('is nothing for a counter that stood still', () => {
    expect(grown([0, 90], [64, 90])).toBe(0);
  });

  test('goes on over slices, and takes the larger of two replicas', () => {
    const counter = new GrowthCounter(RANGE);
    const add = (instance: string, minute: number, value: number) => {
      counter.add({ labels: labels({ instance }), samples: [[FROM + minute * 60_000, value]] });
    };
    for (const [instance, value] of [
      ['x', 0],
      ['y', 100],
    ] as const)
      add(instance, 0, value);
    for (const [instance, value] of [
      ['x', 8],
      ['y', 103],
    ] as const)
      add(instance, 20, value);
    add('y', 30, 109);
    expect(counter.totals().get(7)?.inbound).toBe(9);
  });

  test('takes no notice of other metrics', () => {
    const counter = new GrowthCounter(RANGE);
    counter.add({ labels: labels({ __name__: 'up' }), samples: [[FROM, 1]] });
    expect(counter.totals().size).toBe(0);
  });
});

test('samples are fetched up to the moment before the window after the range can be counted', () => {
  expect(sampleRange(RANGE)).toEqual({ from: FROM, to: RANGE.to + WINDOW_MS });
  const hours = (vdns: number | 'all') =>
    [
      ...sampleSlices({ from: FROM, to: FROM + 8 * 86_400_000 }, vdns === 'all' ? vdns : Array<number>(vdns).fill(1)),
    ].map(({ from, to }) => (to - from) / 3_600_000);
  expect(hours(1)).toEqual([168, 24]);
  expect(hours(100)).toEqual(Array(32).fill(6));
  expect(hours('all')).toHaveLength(192);
});

test('the selector escapes the name of the call center', () => {
  expect(selectorOf('a"b\\', [1, 2])).toMatch(
    /^\{__name__=~"aicc_cti_[a-z_|]+",call_center="a\\"b\\\\",vdn=~"1\|2"\}$/,
  );
  expect(selectorOf('a', 'all')).not.toContain('vdn');
});

test('differences are told by VDN and metric, and VDNs of one side alone count as 0 on the other', () => {
  const window = { vdn: 1, begin: FROM, inbound: 5, answered: 4 };
  const api = new Map([
    [1, addWindow(addWindow(undefined, window), { ...window, outbound: 2 })],
    [2, addWindow(undefined, { vdn: 2, begin: FROM })],
  ]);
  expect(api.get(1)).toEqual({ inbound: 10, answered: 8, outbound: 2, windows: 2 });
  const counted = new Map([
    [1, { inbound: 10, answered: 7, outbound: 2, windows: 2 }],
    [3, { inbound: 0, answered: 0, outbound: 1, windows: 0 }],
  ]);
  expect(compare(api, counted)).toEqual([
    { vdn: 1, metric: 'aicc_cti_inbound_calls_answered_total', api: 8, counted: 7 },
    { vdn: 2, metric: 'aicc_cti_windows_total', api: 1, counted: undefined },
    { vdn: 3, metric: 'aicc_cti_outbound_calls_total', api: 0, counted: 1 },
  ]);
});
