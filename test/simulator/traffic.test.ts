import { describe, expect, test } from 'vitest';
import { createTiming } from '../../src/simulator/row-timing.ts';
import { beforeCorrection, createVdn, WINDOW_MS, windowOf, type WindowValues } from '../../src/simulator/traffic.ts';

const WEDNESDAY = Date.UTC(2026, 10, 18);
const SUNDAY = Date.UTC(2026, 10, 22);
const HOUR = 3_600_000;
const vdns = Array.from({ length: 60 }, (_, index) => createVdn({ id: index + 1 }, 7, false));

/** Every window of every VDN from `from` on, for `hours`. */
function windows(from: number, hours: number): WindowValues[] {
  const starts = Array.from({ length: hours * 12 }, (_, index) => from + index * WINDOW_MS);
  return vdns.flatMap((vdn) => starts.map((start) => windowOf(vdn, start)));
}
const sum = (rows: readonly WindowValues[], field: keyof WindowValues): number =>
  rows.reduce((total, row) => total + row[field], 0);

describe('the traffic of the simulator', () => {
  test('is the same for the same seed and another for another', () => {
    const again = createVdn({ id: 3 }, 7, false);
    expect(windowOf(again, WEDNESDAY + 10 * HOUR)).toEqual(windowOf(vdns[2] ?? again, WEDNESDAY + 10 * HOUR));
    const differ = vdns.filter((vdn) => {
      const other = createVdn({ id: vdn.id }, 8, false);
      return windowOf(other, WEDNESDAY + 10 * HOUR).inbound !== windowOf(vdn, WEDNESDAY + 10 * HOUR).inbound;
    });
    expect(differ.length).toBeGreaterThan(30);
  });

  test('has a busy day, a dip at lunch, a quiet night and a quiet Sunday', () => {
    const [night, morning, lunch, afternoon] = [2, 10, 12.5, 15].map((hour) =>
      sum(windows(WEDNESDAY + hour * HOUR, 1), 'inbound'),
    ) as [number, number, number, number];
    expect(night).toBeGreaterThan(0);
    expect(night).toBeLessThan(morning / 10);
    expect(lunch).toBeLessThan(0.85 * Math.min(morning, afternoon));
    expect(sum(windows(SUNDAY, 24), 'inbound')).toBeLessThan(sum(windows(WEDNESDAY, 24), 'inbound') / 3);
  });

  test('answers most calls, and over a day no more than there are', () => {
    const rows = windows(WEDNESDAY, 24);
    const share = sum(rows, 'answered') / sum(rows, 'inbound');
    expect(share).toBeGreaterThan(0.85);
    expect(share).toBeLessThan(1);
    expect(rows.some(({ answered, inbound }) => answered > inbound)).toBe(true);
    expect(sum(rows, 'outbound')).toBeGreaterThan(0);
  });

  test('keeps the states within the agents online, in whole numbers from 0', () => {
    for (const row of [...windows(WEDNESDAY, 24), ...windows(SUNDAY, 24)]) {
      expect(Object.values(row).every((value) => Number.isInteger(value) && value >= 0)).toBe(true);
      expect(row.talking + row.idle + row.busy + row.resting).toBeLessThanOrEqual(row.agentsOnline);
      expect(row.answerRate).toBe(row.inbound === 0 ? 0 : Math.round((100 * row.answered) / row.inbound));
    }
    const noon = windows(WEDNESDAY + 13 * HOUR, 1);
    for (const field of ['talking', 'idle', 'busy', 'resting'] as const) expect(sum(noon, field)).toBeGreaterThan(0);
  });

  test('has VDNs that close at night and VDNs that never close', () => {
    const silent = vdns.filter((vdn) => windowOf(vdn, WEDNESDAY + 3 * HOUR).agentsOnline === 0);
    expect(silent.map(({ id }) => id)).toEqual(vdns.filter(({ hours }) => hours === 'office').map(({ id }) => id));
    expect(silent.length).toBe(40);
  });

  test('scatters inbound calls like a Poisson process', () => {
    const vdn = createVdn({ id: 1, agents: 20 }, 3, true);
    const counts = Array.from({ length: 5000 }, (_, index) => windowOf(vdn, index * WINDOW_MS).inbound);
    const mean = counts.reduce((a, b) => a + b) / counts.length;
    const variance = counts.reduce((a, b) => a + (b - mean) ** 2, 0) / counts.length;
    expect(mean).toBeGreaterThan(3);
    expect(variance / mean).toBeGreaterThan(0.9);
    expect(variance / mean).toBeLessThan(1.1);
  });

  test('is as busy at night as by day when flat', () => {
    const flat = createVdn({ id: 2, agents: 30 }, 1, true);
    const night = Array.from({ length: 100 }, (_, index) => windowOf(flat, SUNDAY + index * WINDOW_MS));
    expect(night.every(({ agentsOnline }) => agentsOnline > 0)).toBe(true);
    expect(sum(night, 'inbound')).toBeGreaterThan(300);
  });

  test('corrects calls up and down, never to the same', () => {
    let up = 0;
    let down = 0;
    for (const vdn of vdns) {
      const truth = windowOf(vdn, WEDNESDAY + 10 * HOUR);
      const first = beforeCorrection(vdn, WEDNESDAY + 10 * HOUR, truth);
      if (first.inbound < truth.inbound) up++;
      if (first.inbound > truth.inbound) down++;
      expect(Object.values(first).every((value) => value >= 0)).toBe(true);
    }
    expect(up + down).toBe(vdns.length);
    expect(Math.min(up, down)).toBeGreaterThan(10);
  });
});

describe('the timing of the simulator', () => {
  test('makes the wanted shares of rows late and corrected', () => {
    const timing = createTiming({
      settleLag: [1000, 3000],
      late: 0.2,
      lateBy: [60_000, 120_000],
      corrections: 0.3,
      correctedAfter: 10_000,
    });
    const times = vdns.flatMap((vdn) =>
      Array.from({ length: 100 }, (_, index) => {
        const start = WEDNESDAY + index * WINDOW_MS;
        const { appears, final } = timing.timesOf(vdn, start);
        return { lag: appears - start - WINDOW_MS, correction: final - appears };
      }),
    );
    const share = (test: (time: { lag: number; correction: number }) => boolean): number =>
      times.filter(test).length / times.length;
    expect(share(({ lag }) => lag >= 1000)).toBe(1);
    expect(share(({ lag }) => lag > 3000)).toBeCloseTo(0.2, 1);
    expect(share(({ lag }) => lag > timing.longestLag)).toBe(0);
    expect(share(({ correction }) => correction === 10_000)).toBeCloseTo(0.3, 1);
  });
});
