import { describe, expect, test } from 'vitest';
import {
  addWindow,
  compare,
  GrowthCounter,
  intervalsOf,
  sampleRange,
  sampleSlices,
  selectorOf,
  type Sums,
  total,
} from '../../src/history/counter-growth.ts';
import { verdictOf } from '../../src/history/audit-report.ts';
import { OperationError } from '../../src/core/errors.ts';
import { WINDOW_MS } from '../../src/core/window.ts';

const FROM = Date.UTC(2026, 0, 1);
const RANGE = { from: FROM, to: FROM + 12 * WINDOW_MS };
const INTERVALS = intervalsOf(RANGE);
const labels = (more: Record<string, string> = {}) => ({
  __name__: 'aicc_cti_inbound_calls_total',
  call_center: 'a',
  vdn: '7',
  ...more,
});

type Samples = readonly (readonly [minute: number, value: number])[];

/** Inbound calls that series, each with an instance label of its own, have counted. */
function counted(...series: readonly Samples[]): number {
  const counter = new GrowthCounter(INTERVALS);
  for (const [index, samples] of series.entries()) {
    const at = samples.map(([minute, value]): [number, number] => [FROM + minute * 60_000, value]);
    counter.add({ labels: labels({ instance: String(index) }), samples: at });
  }
  return total(counter.totals().get(7)?.inbound);
}

const grown = (...samples: Samples) => counted(samples);

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
    const counter = new GrowthCounter(INTERVALS);
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
    expect(total(counter.totals().get(7)?.inbound)).toBe(9);
  });

  test('adds up series that follow each other, each from its first sample on', () => {
    const before: Samples = [
      [1, 100],
      [11, 108],
      [21, 115],
    ];
    const after: Samples = [
      [22, 115],
      [31, 120],
      [41, 122],
    ];
    expect(counted(before, after)).toBe(15 + 7);
    // History that was imported under other labels, and what was scraped since.
    expect(
      counted(
        [...before, [22, 116]],
        [
          [22.1, 0],
          [31, 6],
        ],
      ),
    ).toBe(16 + 6);
  });

  test('of replicas that were both replaced takes the larger, and adds up each', () => {
    const x1: Samples = [
      [1, 0],
      [20, 10],
    ];
    const y1: Samples = [
      [2, 50],
      [35, 71],
    ];
    const x2: Samples = [
      [21, 0],
      [60, 30],
    ];
    const y2: Samples = [
      [36, 71],
      [59, 90],
    ];
    expect(counted(y1, x2, x1, y2)).toBe(Math.max(10 + 30, 21 + 19));
    expect(counted(x1, y1, x2)).toBe(40);
  });

  test('that overlaps with another series by one sample is a replica, not its successor', () => {
    expect(
      counted(
        [
          [0, 0],
          [30, 9],
        ],
        [
          [30, 0],
          [60, 4],
        ],
      ),
    ).toBe(9);
  });

  test('takes no notice of other metrics', () => {
    const counter = new GrowthCounter(INTERVALS);
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
  expect(hours('all')).toHaveLength(8 * 24 * 6);
});

test('the selector escapes the name of the call center', () => {
  expect(selectorOf('a"b\\', [1, 2])).toMatch(
    /^\{__name__=~"aicc_cti_[a-z_|]+",call_center="a\\"b\\\\",vdn=~"1\|2"\}$/,
  );
  expect(selectorOf('a', 'all')).not.toContain('vdn');
});

function sums(values: Partial<Record<keyof Sums, number>>, interval = 0): Sums {
  const of = (value = 0) => Array.from({ length: INTERVALS.length }, (_, index) => (index === interval ? value : 0));
  return {
    inbound: of(values.inbound),
    answered: of(values.answered),
    outbound: of(values.outbound),
    windows: of(values.windows),
  };
}

test('differences are told by VDN and metric, and VDNs of one side alone count as 0 on the other', () => {
  const window = { vdn: 1, start: FROM, inbound: 5, answered: 4 };
  const api = new Map<number, Sums>();
  addWindow(api, window, INTERVALS);
  addWindow(api, { ...window, outbound: 2 }, INTERVALS);
  addWindow(api, { vdn: 2, start: FROM + 3 * WINDOW_MS }, INTERVALS);
  expect(api.get(1)).toEqual(sums({ inbound: 10, answered: 8, outbound: 2, windows: 2 }));
  const found = new Map([
    [1, sums({ inbound: 10, answered: 7, outbound: 2, windows: 2 })],
    [3, sums({ outbound: 1 }, 11)],
  ]);
  expect(compare(api, found)).toEqual([
    { vdn: 1, metric: 'aicc_cti_inbound_calls_answered_total', field: 'answered', api: 8, counted: 7, intervals: [0] },
    { vdn: 2, metric: 'aicc_cti_windows_total', field: 'windows', api: 1, counted: undefined, intervals: [3] },
    { vdn: 3, metric: 'aicc_cti_outbound_calls_total', field: 'outbound', api: 0, counted: 1, intervals: [11] },
  ]);
});

test('a range has few intervals, of whole windows, however long it is', () => {
  expect(INTERVALS).toEqual({ ...RANGE, width: WINDOW_MS, length: 12 });
  const month = intervalsOf({ from: FROM, to: FROM + 31 * 86_400_000 });
  expect(month).toMatchObject({ width: 186 * WINDOW_MS, length: 48 });
  expect(intervalsOf({ from: FROM, to: FROM + 49 * WINDOW_MS })).toMatchObject({ width: 2 * WINDOW_MS, length: 25 });
});

describe('the verdict', () => {
  const target = (callCenter: string) => ({ callCenter, vdns: [1, 2, 3, 4] });
  const side = (...vdns: readonly (readonly [vdn: number, sums: Sums])[]) => new Map(vdns);
  const tell = (api: Map<number, Sums>, found: Map<number, Sums>) =>
    verdictOf([target('hq')], INTERVALS, [api], [found]);

  test('is clean when nothing differs, and none at all when nothing was there', () => {
    const one = side([1, sums({ inbound: 1234, windows: 1 })]);
    expect(tell(one, one)).toEqual({
      lines: [
        'OK: the API and Prometheus agree: 2026-01-01T00:00:00Z to 2026-01-01T01:00:00Z, 1 VDN, inbound 1,234, answered 0, outbound 0, windows 1',
      ],
      isClean: true,
    });
    expect(() => tell(side(), side())).toThrow(OperationError);
    expect(() => tell(side(), side())).toThrow('Nothing to compare');
  });

  test('says when and for which VDNs they differ, and where to look', () => {
    const api = side(
      [1, sums({ inbound: 5, windows: 1 }, 3)],
      [2, sums({ inbound: 5, windows: 1 }, 4)],
      [3, sums({ inbound: 5, windows: 1 }, 9)],
      [4, sums({ windows: 1 }, 9)],
    );
    const found = side(
      [1, sums({})],
      [2, sums({})],
      [3, sums({ inbound: 6, windows: 1 }, 9)],
      [5, sums({ windows: 1 }, 11)],
    );
    const { lines, isClean } = tell(api, found);
    expect(isClean).toBe(false);
    expect(lines.slice(0, 2)).toEqual([
      'hq VDN 1: aicc_cti_inbound_calls_total: API 5, Prometheus 0 (-5)',
      'hq VDN 1: aicc_cti_windows_total: API 1, Prometheus 0 (-1)',
    ]);
    expect(lines.slice(7)).toEqual([
      expect.stringMatching(/^5 of 5 VDNs differ: /),
      'They differ in:',
      '  2026-01-01T00:15:00Z to 2026-01-01T00:25:00Z: hq VDN 1-2',
      '  2026-01-01T00:45:00Z to 2026-01-01T00:50:00Z: hq VDN 3-4',
      '  2026-01-01T00:55:00Z to 2026-01-01T01:00:00Z: hq VDN 5',
      expect.stringMatching(/^Prometheus has no series: .*\(hq VDN 4\)$/),
      expect.stringMatching(/^Prometheus has fewer windows: .*\(hq VDN 1-2\)$/),
      expect.stringMatching(/^Prometheus has more windows: .*\(hq VDN 5\)$/),
      expect.stringMatching(/^As many windows with other values: .*\(hq VDN 3\)$/),
    ]);
  });
});
