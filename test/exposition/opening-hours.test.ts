import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import type { OpeningPlan } from '../../src/config/opening-plan.ts';
import { DEFAULT_TARGETS } from '../../src/config/targets.ts';
import { createExposition, type ScrapeRequest } from '../../src/exposition/exposition.ts';
import { SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { vdnConfig } from '../support/snapshots.ts';

const REQUESTS: readonly ScrapeRequest[] = [
  { format: 'text', encoding: 'identity' },
  { format: 'openmetrics', encoding: 'gzip' },
];

/** 08:00 to 20:00 every day. */
const OFFICE: OpeningPlan = {
  timeZone: 'Europe/Berlin',
  week: Array.from({ length: 7 }, () => [{ from: 480, to: 1200 }]),
  dates: new Map(),
};
/** Opens on a day when the clocks change in the night. */
const OPENS = Date.parse('2026-03-29T06:00:00Z');

function setUp(now: number, vdns: readonly number[] | 'all') {
  const clock = new FakeClock(now);
  const line = { targets: DEFAULT_TARGETS, openingHours: OFFICE };
  const store = new SnapshotStore({
    ...{ callCenter: 'hq', ccId: 1, vdnLabelNames: [], staleAfterMs: 720_000, ...line },
    // The last one is always open.
    vdns:
      vdns === 'all'
        ? 'all'
        : vdns.map((id, index) => ({ ...vdnConfig(id), ...(index < vdns.length - 1 ? line : {}) })),
  });
  const exposition = createExposition({
    sources: () => [{ name: 'hq', snapshot: () => store.snapshot(clock.now()) }],
    labelNames: () => [],
    selfMetrics: () => Promise.resolve({ callCenters: new Map(), exporter: [] }),
    now: () => clock.now(),
  });
  const scrape = async (request: ScrapeRequest): Promise<string> => {
    const body = Buffer.concat((await exposition.scrape(request))?.chunks ?? []);
    return (request.encoding === 'gzip' ? gunzipSync(body) : body).toString();
  };
  /** The values of aicc_cti_vdn_open, in the order of the VDNs. */
  const open = async (request: ScrapeRequest): Promise<number[]> => {
    const values = (await scrape(request)).matchAll(/^aicc_cti_vdn_open\{call_center="hq",vdn="\d+"\} (\d)$/gm);
    return [...values].map(([, value]) => Number(value));
  };
  return { clock, store, exposition, scrape, open };
}

describe.each(REQUESTS)('a scrape ($format, $encoding)', (request) => {
  it('shows that a line is open from the second on at which it opens, although pages are kept', async () => {
    const { clock, open } = setUp(OPENS - 60_000, [1, 2, 3]);
    expect(await open(request)).toEqual([0, 0, 1]);
    clock.advance(59_999);
    expect(await open(request)).toEqual([0, 0, 1]);
    clock.advance(1);
    expect(await open(request)).toEqual([1, 1, 1]);
    clock.advance(12 * 3_600_000 - 1);
    expect(await open(request)).toEqual([1, 1, 1]);
    clock.advance(1);
    expect(await open(request)).toEqual([0, 0, 1]);
  });

  it('is rendered once between two changes', async () => {
    const { clock, store, open } = setUp(OPENS, [1, 2]);
    await open(request);
    const { version } = store.snapshot(clock.now());
    clock.advance(12 * 3_600_000 - 1);
    expect(store.snapshot(clock.now()).version).toBe(version);
    clock.advance(1);
    expect(store.snapshot(clock.now()).version).toBe(version + 1);
  });

  it('does not get the page from before a line opened while the new one is being rendered', async () => {
    const { clock, exposition, open } = setUp(
      OPENS - 1,
      Array.from({ length: 2000 }, (_, index) => index + 1),
    );
    expect(new Set((await open(request)).slice(0, -1))).toEqual(new Set([0]));
    clock.advance(1);
    const refreshed = exposition.refresh();
    expect(new Set(await open(request))).toEqual(new Set([1]));
    await refreshed;
  });

  it('follows a clock that is set back', async () => {
    const { clock, store, open } = setUp(OPENS, [1, 2]);
    expect(await open(request)).toEqual([1, 1]);
    expect(store.snapshot(clock.now() - 1).vdns.map(({ opening }) => opening.isOpen)).toEqual([false, true]);
  });

  it('shows targets and hours of the VDNs that report, with vdns: all', async () => {
    const { clock, store, scrape } = setUp(OPENS - 600_000, 'all');
    expect(await scrape(request)).not.toContain('aicc_cti_vdn_');
    store.update([{ vdn: 7, start: clock.now() - 300_000 }]);
    const lines = (await scrape(request)).split('\n').filter((line) => /^aicc_cti_vdn_(?:open|threshold)/.test(line));
    expect(lines).toEqual([
      'aicc_cti_vdn_open{call_center="hq",vdn="7"} 0',
      'aicc_cti_vdn_threshold{call_center="hq",vdn="7",indicator="answer_ratio",severity="warning"} 0.8',
      'aicc_cti_vdn_threshold{call_center="hq",vdn="7",indicator="answer_ratio",severity="critical"} 0.6',
      'aicc_cti_vdn_threshold{call_center="hq",vdn="7",indicator="occupancy_ratio",severity="warning"} 0.9',
      'aicc_cti_vdn_threshold{call_center="hq",vdn="7",indicator="unavailable_ratio",severity="warning"} 0.5',
    ]);
  });
});
