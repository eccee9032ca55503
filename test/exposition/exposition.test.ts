import { setImmediate as nextTurn } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import { createExposition, type ScrapeBody, type ScrapeRequest } from '../../src/exposition/exposition.ts';
import type { SelfMetricFamily, SelfMetrics } from '../../src/exposition/self-metrics.ts';
import { type CallCenterSnapshot, SnapshotStore } from '../../src/exposition/snapshot-store.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { parseExposition } from '../support/parse-exposition.ts';
import { DEFAULT_LINE, snapshot, vdnConfig, vdnState } from '../support/snapshots.ts';

const PLAIN: ScrapeRequest = { format: 'text', encoding: 'identity' };
const GZIP: ScrapeRequest = { format: 'openmetrics', encoding: 'gzip' };

function textOf(body: ScrapeBody | undefined): string {
  if (body === undefined) throw new Error('no body');
  const whole = Buffer.concat(body.chunks);
  expect(whole).toHaveLength(body.length);
  return (whole[0] === 0x1f ? gunzipSync(whole) : whole).toString();
}

/** The self-metrics: a gauge of the process, and the same one of each call center named. */
function selfMetrics(name: string, value: number, callCenters: readonly string[] = []): SelfMetrics {
  const family = (labels: Record<string, string>): SelfMetricFamily[] => [
    { name, help: name, type: 'gauge', values: [{ labels, value }] },
  ];
  return {
    callCenters: new Map(callCenters.map((callCenter) => [callCenter, family({ call_center: callCenter })])),
    exporter: family({}),
  };
}

/** All values are the version, so that a mixture shows. */
function uniform(callCenter: string, version: number, vdns: number): CallCenterSnapshot {
  const totals = {
    ...{ inbound: version, answered: version, outbound: version },
    ...{ windows: version, revised: version, missing: version },
  };
  return snapshot(
    callCenter,
    Array.from({ length: vdns }, (_, index) => vdnState(index + 1, { totals })),
    version,
  );
}

function totalsIn(text: string): Set<string> {
  return new Set([...text.matchAll(/^aicc_cti_\w+_total\{.*\} (\d+)$/gm)].map(([, value]) => value ?? ''));
}

/** A call center whose renderings can be counted: each reads the VDNs once per family. */
function counted(inner: CallCenterSnapshot, onRead: () => void): CallCenterSnapshot {
  return {
    ...inner,
    get vdns() {
      onRead();
      return inner.vdns;
    },
  };
}

function setUp(...initial: CallCenterSnapshot[]) {
  const state = {
    snapshots: initial,
    labelNames: [] as string[],
    self: (): Promise<SelfMetrics> => Promise.resolve(selfMetrics('up', 1)),
  };
  const exposition = createExposition({
    sources: () => state.snapshots.map((current) => ({ name: current.callCenter, snapshot: () => current })),
    labelNames: () => state.labelNames,
    now: () => 0,
    selfMetrics: () => state.self(),
  });
  const scrape = async (request: ScrapeRequest) => textOf(await exposition.scrape(request));
  return { state, exposition, scrape };
}

describe('a scrape', () => {
  it('holds the same samples in both formats and both encodings', async () => {
    const { scrape } = setUp(snapshot('a', 3), snapshot('b', 2));
    const samples = (text: string) => text.split('\n').filter((line) => !line.startsWith('#'));
    const all = await Promise.all(
      (['text', 'openmetrics'] as const).flatMap((format) =>
        (['identity', 'gzip'] as const).map((encoding) => scrape({ format, encoding })),
      ),
    );
    expect(samples(all[0] ?? '')).toHaveLength(5 * 22 + 2);
    for (const text of all) expect(samples(text)).toEqual(samples(all[0] ?? ''));
  });

  it('keeps the samples of a family together over several call centers', async () => {
    const { scrape } = setUp(snapshot('a', 600), snapshot('b', 600), snapshot('c', []));
    const families = parseExposition(await scrape(PLAIN), 'text');
    expect(families.get('aicc_cti_agents')?.samples).toHaveLength(2 * 600 * 4);
  });

  it('is well-formed before there is any data', async () => {
    const { state, scrape } = setUp();
    expect([...parseExposition(await scrape(GZIP), 'openmetrics').keys()]).toEqual(['up']);
    state.self = () => Promise.resolve({ callCenters: new Map(), exporter: [] });
    expect(await scrape(GZIP)).toBe('# EOF\n');
    expect(await scrape(PLAIN)).toBe('');
  });

  it('renders once per change, however many scrapes come', async () => {
    let reads = 0;
    const count = () => reads++;
    const { state, scrape } = setUp(counted(snapshot('a', 100), count));
    await Promise.all(Array.from({ length: 20 }, () => scrape(GZIP)));
    const once = reads;
    for (let again = 0; again < 5; again++) await scrape(GZIP);
    expect(reads).toBe(once);
    expect(once).toBeGreaterThan(0);
    state.snapshots = [counted(snapshot('a', 101, 2), count)];
    await Promise.all(Array.from({ length: 20 }, () => scrape(GZIP)));
    expect(reads).toBe(2 * once);
  });

  it('shows a change that nobody announced at once', async () => {
    const { state, scrape } = setUp(uniform('a', 1, 10));
    expect(totalsIn(await scrape(PLAIN))).toEqual(new Set(['1']));
    state.snapshots = [uniform('a', 2, 10)];
    expect(totalsIn(await scrape(PLAIN))).toEqual(new Set(['2']));
  });

  it('never mixes two states, also when the data changes while it is being rendered', async () => {
    const { state, scrape } = setUp(uniform('a', 1, 2000));
    const scrapes: Promise<string>[] = [];
    for (let version = 1; version <= 4; version++) {
      state.snapshots = [uniform('a', version, 2000)];
      scrapes.push(scrape(GZIP));
      for (let turn = 0; turn < 5; turn++) await nextTurn();
    }
    const seen = (await Promise.all(scrapes)).map(totalsIn);
    expect(seen).toEqual(['1', '2', '3', '4'].map((version) => new Set([version])));
  });

  it('notices call centers and label names that come and go', async () => {
    const { state, scrape } = setUp(snapshot('a', [vdnState(1, { labels: { team: 'sales' } })]));
    expect(await scrape(PLAIN)).not.toContain('team=');
    state.labelNames = ['team'];
    expect(await scrape(PLAIN)).toContain('team="sales"');
    state.snapshots = [...state.snapshots, snapshot('b', 1)];
    expect(await scrape(PLAIN)).toContain('call_center="b"');
    state.snapshots = state.snapshots.slice(1);
    expect(await scrape(PLAIN)).not.toContain('call_center="a"');
  });

  it('can be limited to some call centers', async () => {
    const { state, exposition, scrape } = setUp(snapshot('a', 1), snapshot('b"', 1), snapshot('c', 1));
    state.self = () => Promise.resolve(selfMetrics('up', 1, ['a', 'b"']));
    const names = (text: string, metric: string) =>
      [...text.matchAll(new RegExp(`^${metric}\\{call_center="((?:\\\\.|[^"])*)"`, 'gm'))].map(([, name]) => name);
    const shown = async (...callCenters: string[]) => {
      const text = await scrape({ ...PLAIN, callCenters });
      return [names(text, 'aicc_cti_vdn_info'), names(text, 'up')];
    };
    expect(await shown('b"')).toEqual([['b\\"'], ['b\\"']]);
    expect(await shown('c', 'a')).toEqual([['a', 'c'], ['a']]);
    expect(names(await scrape(PLAIN), 'aicc_cti_vdn_info')).toEqual(['a', 'b\\"', 'c']);
    expect(await exposition.scrape({ ...PLAIN, callCenters: ['a', 'unknown'] })).toBeUndefined();
  });

  it('keeps the page of each call center and of all, but not of any number of combinations', async () => {
    let reads = 0;
    const { scrape } = setUp(
      counted(snapshot('a', 1), () => reads++),
      ...[snapshot('b', 1), snapshot('c', 1)],
    );
    const scrapeAll = async (choices: readonly (readonly string[] | undefined)[]) => {
      for (const callCenters of choices) {
        await scrape({ ...PLAIN, callCenters });
        await scrape({ ...GZIP, callCenters });
      }
    };
    const usual = [undefined, ['a'], ['b'], ['c']];
    await scrapeAll(usual);
    const once = reads;
    await scrapeAll([...usual, ['b', 'c'], ['c', 'b'], ...usual]);
    expect(reads).toBe(once);
    await scrapeAll([
      ['a', 'b'],
      ['a', 'c'],
      ['a', 'b', 'c'],
    ]);
    const combined = reads;
    await scrapeAll(usual);
    expect(reads).toBeGreaterThan(combined);
  });

  it('waits for the renderings requested before it: many choices at once do not add up in memory', async () => {
    const { scrape } = setUp(uniform('large', 1, 5000), uniform('small', 1, 1));
    const ended: string[] = [];
    await Promise.all(
      ['large', 'small'].map(async (name) => {
        await scrape({ ...GZIP, callCenters: [name] });
        ended.push(name);
      }),
    );
    expect(ended).toEqual(['large', 'small']);
  });

  it('is built once for those who come together and want the same', async () => {
    const { exposition } = setUp(snapshot('a', 1));
    const bodies = await Promise.all([GZIP, { ...GZIP }, PLAIN].map((request) => exposition.scrape(request)));
    expect(bodies[1]).toBe(bodies[0]);
    expect(bodies[2]).not.toBe(bodies[0]);
  });

  it('gives way to other work while 5,000 VDNs are rendered', async () => {
    const state = { families: 0, done: false };
    const { scrape } = setUp(counted(snapshot('a', 5000), () => state.families++));
    const scraped = scrape(GZIP).finally(() => (state.done = true));
    let most = 0;
    while (!state.done) {
      const before = state.families;
      await nextTurn();
      most = Math.max(most, state.families - before);
    }
    await scraped;
    expect(state.families).toBeGreaterThan(10);
    expect(most).toBeLessThanOrEqual(3);
  });
});

describe('an announced change', () => {
  it('is shown when it is rendered; until then scrapes get the data of before without waiting', async () => {
    const { state, exposition, scrape } = setUp(uniform('a', 1, 5000));
    await scrape(GZIP);
    state.snapshots = [uniform('a', 2, 5000)];
    let refreshed = false;
    const refresh = exposition.refresh().then(() => (refreshed = true));
    expect(totalsIn(await scrape(GZIP))).toEqual(new Set(['1']));
    expect(refreshed).toBe(false);
    await refresh;
    expect(totalsIn(await scrape(GZIP))).toEqual(new Set(['2']));
  });

  it('does not hide a later one that nobody announced', async () => {
    const { state, exposition, scrape } = setUp(uniform('a', 1, 5000));
    await scrape(GZIP);
    state.snapshots = [uniform('a', 2, 5000)];
    const refresh = exposition.refresh();
    state.snapshots = [uniform('a', 3, 5000)];
    expect(totalsIn(await scrape(GZIP))).toEqual(new Set(['3']));
    await refresh;
  });

  it('renders only what somebody scraped since the last one', async () => {
    let reads = 0;
    const { state, exposition, scrape } = setUp(counted(snapshot('a', 1), () => reads++));
    await exposition.refresh();
    expect(reads).toBe(0);
    await scrape(GZIP);
    const once = reads;
    for (let version = 2; version <= 4; version++) {
      state.snapshots = [counted(snapshot('a', 1, version), () => reads++)];
      await exposition.refresh();
    }
    expect(reads).toBe(2 * once);
  });
});

describe('after a suspend of the machine', () => {
  const START = 1_763_460_000_000;
  const ENDED = START + 300_000;

  /** A call center of 2,000 VDNs with a window that ended just now, scraped once. */
  async function scraped() {
    const clock = new FakeClock(ENDED);
    const vdns = Array.from({ length: 2000 }, (_, index) => vdnConfig(index + 1));
    const options = { callCenter: 'hq', ccId: 1, vdns, vdnLabelNames: [], staleAfterMs: 720_000, ...DEFAULT_LINE };
    const store = new SnapshotStore(options);
    store.update(vdns.map(({ id }) => ({ vdn: id, start: START, talking: 3 })));
    const exposition = createExposition({
      sources: () => [{ name: 'hq', snapshot: () => store.snapshot(clock.now()) }],
      labelNames: () => [],
      selfMetrics: () => Promise.resolve(selfMetrics('up', 1)),
      now: () => clock.now(),
    });
    const gauges = async () => textOf(await exposition.scrape(PLAIN)).match(/^aicc_cti_agents\{/gm)?.length ?? 0;
    expect(await gauges()).toBe(2000);
    return { clock, exposition, gauges };
  }

  it('a scrape never shows gauges older than stale_after, also while the new page is being rendered', async () => {
    const { clock, exposition, gauges } = await scraped();
    clock.advance(1_525_000);
    const refresh = exposition.refresh(); // The first poll after the suspend failed.
    expect(await gauges()).toBe(0);
    await refresh;
    expect(await gauges()).toBe(0);
  });

  it('a scrape that waited through it for its page does not show them either', async () => {
    const { clock, exposition } = await scraped();
    const body = exposition.scrape({ ...PLAIN, format: 'openmetrics' });
    await nextTurn();
    await nextTurn();
    clock.advance(1_525_000);
    expect(textOf(await body).includes('aicc_cti_agents{')).toBe(false);
  });
});

describe('the self-metrics in a scrape', () => {
  it('are requested anew each time, and once for scrapes that come together', async () => {
    const { state, scrape } = setUp(snapshot('a', 1));
    let asked = 0;
    state.self = () => Promise.resolve(selfMetrics('asked', ++asked));
    expect(await scrape(PLAIN)).toContain('asked 1\n');
    const together = await Promise.all([scrape(PLAIN), scrape(GZIP), scrape({ ...PLAIN, callCenters: ['a'] })]);
    for (const text of together) expect(text).toContain('asked 2\n');
    expect(await scrape(GZIP)).toContain('asked 3\n');
  });

  it('fail the scrape they fail for, not the next one', async () => {
    const { state, scrape } = setUp(snapshot('a', 1));
    const works = state.self;
    state.self = () => Promise.reject(new Error('no metrics'));
    await expect(scrape(PLAIN)).rejects.toThrow('no metrics');
    state.self = works;
    expect(await scrape(PLAIN)).toContain('up 1\n');
  });
});
