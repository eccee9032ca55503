import { existsSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { backfill } from '../../src/commands/backfill.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, type RunOptions, workFolder } from '../support/command.ts';
import { fixedClock } from '../support/fake-clock.ts';

/** When the newest window ended; it is half a minute later. */
const NOW = Date.UTC(2026, 2, 4, 12);
const CLOCK = NOW + 30_000;
const WINDOW = 300_000;
const DAY = 86_400_000;

let simulator: Simulator;
beforeAll(async () => {
  simulator = await startSimulator({ vdns: [1, 2, 3], now: () => CLOCK });
});
afterAll(() => simulator.close());
afterEach(() => {
  simulator.setFaults([]);
});

let work: ReturnType<typeof workFolder>;
let config: string;
beforeEach(() => {
  work = workFolder();
  const more = 'vdns: [{ id: 1, name: "The \\"first\\"", labels: { team: a } }, 2, 3]';
  config = configFlag(work.path('config.yaml'), [{ name: 'hq', simulator, more }]);
});
afterEach(() => {
  work.remove();
});

function go(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Ran> {
  return run(backfill, [config, ...args], { clock: fixedClock(CLOCK), ...options });
}

const out = (name = 'out'): string => `--output=${work.path(name)}`;
const read = (name = 'out'): string => readFileSync(work.path(name), 'utf8');
const TWO_DAYS = ['--from=-2d', '--to=now'];

/** Samples by series, in the order of the file: [timestamp, value]. */
function seriesOf(text: string): Map<string, [time: number, value: number][]> {
  const series = new Map<string, [number, number][]>();
  for (const line of text.split('\n').filter((candidate) => candidate !== '' && !candidate.startsWith('#'))) {
    const [, name = '', value, time] = /^(.*}) (\S+) (\S+)$/.exec(line) ?? [];
    const samples = series.get(name) ?? [];
    samples.push([Number(time), Number(value)]);
    series.set(name, samples);
  }
  return series;
}

describe('a backfill', () => {
  test('has one sample a window and series at its end, counters run up from 0, and all is the truth', async () => {
    const { code, stderr } = await go([...TWO_DAYS, out()]);
    expect(code).toBe(0);
    expect(stderr).toMatch(/Wrote .*out: 1,728 windows, \d\.\d MB, in \ds\n$/);
    const series = seriesOf(read());
    const starts = Array.from({ length: 576 }, (_, index) => NOW - 2 * DAY + index * WINDOW);
    const stamped = (values: readonly number[]) => starts.map((start, i) => [(start + WINDOW) / 1000, values[i]]);
    for (const vdn of [1, 2, 3]) {
      const labels = `call_center="hq",vdn="${vdn}"`;
      const truth = starts.map((start) => simulator.truth(vdn, start));
      const talking = truth.map((window) => window.talking);
      expect(series.get(`aicc_cti_agents{${labels},state="talking"}`)).toEqual(stamped(talking));
      let calls = 0;
      const totals = truth.map((window) => (calls += window.inbound));
      const counter = series.get(`aicc_cti_inbound_calls_total{${labels}}`);
      expect(counter).toEqual([[(NOW - 2 * DAY) / 1000, 0], ...stamped(totals)]);
      expect(calls).toBeGreaterThan(50);
    }
    const info = 'aicc_cti_vdn_info{call_center="hq",vdn="1",cc_id="1",name="The \\"first\\"",team="a"}';
    expect(series.get(info)).toHaveLength(576);
    expect(read().endsWith('\n# EOF\n')).toBe(true);
    expect(existsSync(work.path('out.state'))).toBe(false);
  });

  test('for VictoriaMetrics counts milliseconds and has no end mark; extra labels come first', async () => {
    const { code } = await go([
      '--from=-10m',
      '--to=now',
      '--format=victoriametrics',
      '--label=job=a"b',
      '--vdn=2',
      out(),
    ]);
    expect(code).toBe(0);
    const series = seriesOf(read());
    const samples = series.get('aicc_cti_agents_online{job="a\\"b",call_center="hq",vdn="2"}');
    expect(samples?.map(([time]) => time)).toEqual([NOW - WINDOW, NOW]);
    expect(read()).not.toContain('# EOF');
    expect([...series.keys()].filter((name) => !name.includes('vdn="2"'))).toEqual([]);
  });

  test('goes to the standard output byte for byte as to a file', async () => {
    await go([...TWO_DAYS, out()]);
    const { code, stdout } = await go([...TWO_DAYS, '--output=-']);
    expect(code).toBe(0);
    expect(stdout).toBe(read());
  });

  test('of all VDNs of the API, half an hour at a time, has the same samples', async () => {
    await go([...TWO_DAYS, out()]);
    config = configFlag(work.path('all.yaml'), [{ name: 'hq', simulator, more: 'vdns: all' }]);
    await go([...TWO_DAYS, out('all')]);
    const gauges = (text: string) =>
      text
        .split('\n')
        .filter((line) => !line.startsWith('#') && !line.includes('_info'))
        .sort();
    expect(gauges(read('all'))).toEqual(gauges(read()));
  });

  test('of two call centers has both', async () => {
    const other = await startSimulator({ vdns: [1], seed: 2, now: () => CLOCK });
    try {
      config = configFlag(work.path('two.yaml'), [
        { name: 'a', simulator, more: 'vdns: [1, 2]' },
        { name: 'b', simulator: other, more: 'vdns: [1]' },
      ]);
      await go(['--from=-1h', '--to=now', out()]);
      const online = [...seriesOf(read()).keys()].filter((name) => name.includes('agents_online'));
      expect(online.map((name) => name.slice(22))).toEqual([
        '{call_center="a",vdn="1"}',
        '{call_center="a",vdn="2"}',
        '{call_center="b",vdn="1"}',
      ]);
      await go(['--from=-1h', '--to=now', '--vdn=2', out('one')]);
      expect(read('one')).not.toContain('call_center="b"');
    } finally {
      await other.close();
    }
  });

  test('has no samples for windows without rows, tells of them, and repeats counters behind a gap', async () => {
    const gap = NOW - 20 * WINDOW;
    simulator.setFaults([
      { kind: 'withhold', vdns: [2], start: gap },
      { kind: 'withhold', vdns: [2], start: NOW - WINDOW },
      { kind: 'withhold', vdns: [3] },
    ]);
    const { code, stderr } = await go(['--from=-2h', '--to=now', out()]);
    expect(code).toBe(0);
    expect(stderr.split('\n').slice(-5)).toEqual([
      'The API has no rows for 26 windows; there are no samples for them:',
      '  hq VDN 2: 2026-03-04T10:20:00Z to 2026-03-04T10:25:00Z (1 window)',
      '  hq VDN 2: 2026-03-04T11:55:00Z to 2026-03-04T12:00:00Z (1 window)',
      '  hq: no rows at all for VDN 3',
      '',
    ]);
    const series = seriesOf(read());
    expect([...series.keys()].filter((name) => name.includes('vdn="3"'))).toEqual([]);
    const online = series.get('aicc_cti_agents_online{call_center="hq",vdn="2"}') ?? [];
    expect(online).toHaveLength(22);
    expect(online.map(([time]) => time)).not.toContain((gap + WINDOW) / 1000);
    const windows = new Map(series.get('aicc_cti_windows_total{call_center="hq",vdn="2"}'));
    const at = (ms: number) => windows.get(ms / 1000);
    // Up to the gap, at its end, and one window after it.
    expect([at(gap), at(gap + WINDOW), at(gap + 2 * WINDOW)]).toEqual([4, 4, 5]);
    const missing = series.get('aicc_cti_windows_missing_total{call_center="hq",vdn="2"}');
    expect(missing?.at(-1)).toEqual([(NOW - WINDOW) / 1000, 1]);
  });

  test('is the same when a third of the requests fail, and waits as Retry-After says', async () => {
    await go([...TWO_DAYS, out()]);
    simulator.setFaults([
      { kind: 'status', status: 503, probability: 0.3 },
      { kind: 'truncated', probability: 0.1 },
      { kind: 'throttled', seconds: 77, times: 1 },
    ]);
    const clock = fixedClock(CLOCK);
    const { code, stderr } = await go([...TWO_DAYS, out('faulty')], { clock });
    expect(code).toBe(0);
    expect(stderr).toMatch(/hq: .*HTTP 503.*; trying again in \d+s\n/);
    expect(clock.skipped).toContain(77_000);
    expect(Math.min(...clock.skipped)).toBeGreaterThanOrEqual(1000);
    expect(read('faulty')).toBe(read());
  });

  test('is complete when the server orders its rows differently at each request', async () => {
    await go([...TWO_DAYS, out()]);
    simulator.setShape('unstable');
    const before = simulator.counters.requests;
    const { code, stderr } = await go([...TWO_DAYS, out('unstable')]);
    simulator.setShape('example');
    expect(code).toBe(0);
    expect(stderr).not.toContain('Incomplete');
    expect(read('unstable')).toBe(read());
    // 3 VDNs times 32 windows fit in a page.
    expect(simulator.counters.requests - before).toBe(18);
  });

  test('never has more requests under way than it may', async () => {
    const slow = await startSimulator({ vdns: Array.from({ length: 300 }, (_, i) => i + 1), now: () => CLOCK });
    try {
      config = configFlag(work.path('many.yaml'), [{ name: 'hq', simulator: slow, more: 'vdns: [1-300]' }]);
      slow.setFaults([{ kind: 'slow', seconds: 0.02 }]);
      await go(['--from=-30m', '--to=now', '--concurrency=3', out()]);
      expect(slow.counters.maxActive).toBe(3);
    } finally {
      await slow.close();
    }
  });
});

describe('an unfinished backfill', () => {
  /** 3 VDNs times 666 windows are one query: 40 days are 18. */
  const LONG = ['--from=-40d', '--to=now'];

  /** Stops after so many requests, as Ctrl-C would. */
  async function interrupted(requests: number, ...args: string[]): Promise<Ran> {
    const controller = new AbortController();
    const upTo = simulator.counters.requests + requests;
    const watch = setInterval(() => {
      if (simulator.counters.requests >= upTo) controller.abort();
    }, 1);
    try {
      return await go([...args, out('cut')], { signal: controller.signal });
    } finally {
      clearInterval(watch);
    }
  }

  test('goes on where it was, byte for byte, however often it is interrupted', async () => {
    await go([...LONG, out()]);
    let ran = await interrupted(150, ...LONG);
    expect(ran.error).toBeInstanceOf(OperationError);
    expect((ran.error as Error).message).toMatch(
      /^Interrupted\n.*cut is not complete: repeat the command with --resume to go on, or delete it and .*cut\.state$/,
    );
    const lengths = [JSON.parse(read('cut.state')) as { next: number }];
    for (let attempt = 0; attempt < 5 && ran.code === undefined; attempt++) {
      writeFileSync(work.path('cut'), 'half a line', { flag: 'a' });
      ran = await interrupted(230, ...LONG, '--resume');
      if (ran.code === undefined) lengths.push(JSON.parse(read('cut.state')) as { next: number });
    }
    expect(ran.code).toBe(0);
    expect(ran.stderr).toContain('Resuming ');
    expect(lengths.map(({ next }) => next).some((next) => next > 0 && next < 18)).toBe(true);
    expect(read('cut') === read()).toBe(true);
    expect(existsSync(work.path('cut.state'))).toBe(false);
  });

  test('can be resumed after a failure, with relative times as they were', async () => {
    await go([...TWO_DAYS, out()]);
    simulator.setFaults([{ kind: 'unauthorized' }]);
    const before = simulator.counters.requests;
    const { error } = await go([...TWO_DAYS, out('cut')]);
    expect((error as Error).message).toMatch(/^hq: .*HTTP 401, the signature was refused\nCheck access_key/);
    // Refused for good: not tried again.
    expect(simulator.counters.requests - before).toBe(1);
    simulator.setFaults([]);
    const later = fixedClock(CLOCK + 10 * 60_000);
    expect((await go([...TWO_DAYS, out('cut'), '--resume'], { clock: later })).code).toBe(0);
    expect(read('cut')).toBe(read());
  });

  test('keeps what it knew of gaps', async () => {
    simulator.setFaults([{ kind: 'withhold', vdns: [2], start: NOW - 39 * DAY }]);
    await interrupted(230, ...LONG);
    expect(JSON.parse(read('cut.state'))).toMatchObject({ gaps: { gaps: 1 } });
    simulator.setFaults([]);
    const { stderr } = await go([...LONG, out('cut'), '--resume']);
    expect(stderr).toContain('hq VDN 2: 2026-01-24T12:00:00Z to 2026-01-24T12:05:00Z (1 window)');
  });

  test.each([
    [
      'neither resumed nor overwritten unasked',
      [...LONG],
      UsageError,
      'add --resume to go on, or --force to start again',
    ],
    [
      'not resumed for other times',
      ['--from=2026-01-01T00:00:00Z', '--to=now', '--resume'],
      UsageError,
      'with other flags',
    ],
    [
      'not resumed in another format',
      [...LONG, '--format=victoriametrics', '--resume'],
      UsageError,
      'with other flags',
    ],
    ['not resumed for other VDNs', [...LONG, '--vdn=1', '--resume'], UsageError, 'with other flags'],
  ])('is %s', async (_, args, type, text) => {
    await interrupted(60, ...LONG);
    const before = read('cut');
    const { error } = await go([...args, out('cut')]);
    expect(error).toBeInstanceOf(type);
    expect((error as Error).message).toContain(text);
    expect(read('cut')).toBe(before);
  });

  test('whose files were tampered with is refused', async () => {
    await interrupted(220, ...LONG);
    truncateSync(work.path('cut'), 10);
    const shorter = await go([...LONG, '--resume', out('cut')]);
    expect((shorter.error as Error).message).toMatch(
      /shorter than its state file says \(10 of \d+ bytes\): start again/,
    );
    rmSync(work.path('cut'));
    const lost = await go([...LONG, '--resume', out('cut')]);
    expect((lost.error as Error).message).toContain(
      'cut is gone, only its state file is left: start again with --force',
    );
    writeFileSync(work.path('cut.state'), '{');
    const damaged = await go([...LONG, '--resume', out('cut')]);
    expect((damaged.error as Error).message).toContain('cut.state: it is damaged; start again with --force');
    for (const content of ['{"version":1}', '[]', '{"version":1,"job":{}}', '{"version":2}']) {
      writeFileSync(work.path('cut.state'), content);
      const odd = await go([...LONG, '--resume', out('cut')]);
      expect((odd.error as Error).message).toContain(
        'cut.state is damaged or was written by another version: start again with --force',
      );
    }
    rmSync(work.path('cut.state'));
    const gone = await go([...LONG, '--resume', out('cut')]);
    expect((gone.error as Error).message).toContain('There is nothing to resume');
    expect((await go([...TWO_DAYS, '--force', out('cut')])).code).toBe(0);
  });
});

describe('the command line', () => {
  test('shows its flags', async () => {
    expect((await go(['--help'])).stdout).toContain('--resume');
  });

  test.each([
    [['--from=-1d', '--to=now'], '--output is missing'],
    [['--to=now', '--output=-'], '--from=TIME is missing'],
    [['--from=-1d', '--to=soon', '--output=-'], '--to is "soon", which is not a time'],
    [[...TWO_DAYS, '--output=-', '--vdn=1,9,8'], '--vdn: VDN 8-9 is not configured for call center hq'],
    [[...TWO_DAYS, '--output=-', '--vdn=x'], '--vdn is "x": write ids and ranges'],
    [[...TWO_DAYS, '--output=-', '--call-center=hr'], '"hr", which is not configured: use one of hq'],
    [[...TWO_DAYS, '--output=-', '--format=csv'], '--format is "csv": use one of openmetrics, victoriametrics'],
    [[...TWO_DAYS, '--output=-', '--label=vdn=1'], 'a label vdn already'],
    [[...TWO_DAYS, '--output=-', '--label=team=1'], 'a label team already'],
    [[...TWO_DAYS, '--output=-', '--label=job'], '--label is "job": write NAME=VALUE'],
    [[...TWO_DAYS, '--output=-', '--concurrency=0'], '--concurrency is "0"'],
    [[...TWO_DAYS, '--output=-', '--resume'], '--output=- cannot be resumed'],
    [[...TWO_DAYS, '--output=x', '--resume', '--force'], 'not both'],
    [['--nonsense'], 'nonsense'],
  ])('%j is refused', async (args, text) => {
    const before = simulator.counters.requests;
    const { error } = await go(args);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
    expect(simulator.counters.requests).toBe(before);
  });

  test('an output that exists is left alone, unless --force is given', async () => {
    writeFileSync(work.path('out'), 'precious');
    const { error } = await go([...TWO_DAYS, out()]);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(/out exists: choose another --output, or add --force$/);
    expect(read()).toBe('precious');
    expect((await go([...TWO_DAYS, '--force', out()])).code).toBe(0);
    expect(read().startsWith('# HELP')).toBe(true);
  });

  test.each([
    ['no/out', 'no such directory'],
    ['.', 'it is a directory'],
  ])('an output %s that cannot be opened is an error', async (name, text) => {
    const { error } = await go([...TWO_DAYS, '--force', out(name)]);
    expect(error).toBeInstanceOf(OperationError);
    expect((error as Error).message).toContain(text);
  });
});
