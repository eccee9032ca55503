import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { query } from '../../src/commands/query.ts';
import { type QueryRow, renderCsv, renderTable } from '../../src/history/render.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { printable } from '../../src/core/format.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, type RunOptions, workFolder } from '../support/command.ts';
import { fixedClock } from '../support/fake-clock.ts';

/** When the newest window ended; it is half a minute later. */
const NOW = Date.UTC(2026, 2, 4, 12);
const CLOCK = NOW + 30_000;
const WINDOW = 300_000;

const work = workFolder();
let simulator: Simulator;
let config: string;
beforeAll(async () => {
  simulator = await startSimulator({ vdns: [1, 2, 3], flat: true, now: () => CLOCK });
  const more = 'vdns: [{ id: 1, name: Sales }, { id: 2, name: "客服, \\"A\\"" }, 3]';
  config = configFlag(work.path('config.yaml'), [{ name: 'hq', simulator, more }]);
});
afterEach(() => {
  simulator.setFaults([]);
});
afterAll(async () => {
  work.remove();
  await simulator.close();
});

function go(args: readonly string[], options: Partial<RunOptions> = {}): Promise<Ran> {
  return run(query, [config, ...args], { clock: fixedClock(CLOCK), ...options });
}

const words = (line: string | undefined): string[] => (line ?? '').trim().split(/\s{2,}/);

describe('query --queues', () => {
  const withQueues = () =>
    configFlag(work.path('queues.yaml'), [
      { name: 'hq', simulator, more: 'vdns: [1-3, { id: 4, queues: off }], queues: {}' },
    ]);
  const queues = (...args: string[]) => run(query, [withQueues(), '--queues', ...args], { clock: fixedClock(CLOCK) });

  test('shows the queues of every VDN now, as a table', async () => {
    const { code, stdout } = await queues();
    expect(code).toBe(0);
    const [header, first, ...rest] = stdout.trimEnd().split('\n');
    const titles = 'CALL CENTER|VDN|QUEUE|NAME|WAITING|LONGEST WAIT|AVAILABLE|SIGNED IN|CAPACITY';
    expect(words(header)).toEqual(titles.split('|'));
    const live = simulator.queues.live(1, 101);
    const values = [live.waiting, live.longestWait, live.available, live.signedIn];
    expect(words(first).slice(0, 8)).toEqual(['hq', '1', '101', 'General', ...values.map(String)]);
    expect(rest).toHaveLength([1, 2, 3].flatMap((vdn) => simulator.queues.of(vdn)).length - 1);
  });

  test('shows one VDN, as JSON and CSV', async () => {
    const rows = JSON.parse((await queues('--vdn=2', '--output=json')).stdout) as Record<string, unknown>[];
    expect(rows.map(({ queue }) => queue)).toEqual(simulator.queues.of(2).map(({ id }) => id));
    expect(rows[0]).toMatchObject({ call_center: 'hq', vdn: 2, name: 'General', media_type: 5, waiting_calls: 0 });
    const csv = (await queues('--vdn=2', '--output=csv')).stdout.split('\n');
    expect(csv[0]).toBe(Object.keys(rows[0] ?? {}).join(','));
    expect(csv).toHaveLength(rows.length + 2);
  });

  test('says what is wrong', async () => {
    expect((await queues('--vdn=4')).error).toMatchObject({ message: expect.stringContaining('No queues') as string });
    expect((await queues('--from=-1h')).error).toBeInstanceOf(UsageError);
    simulator.setFaults([{ kind: 'code', code: '0101003', interface: 'totalskillstatusex3' }]);
    const { error, stdout } = await queues();
    expect(error).toBeInstanceOf(OperationError);
    expect((error as Error).message).toContain('hq: The CMS reports resultCode 0101003');
    expect(stdout).toBe('');
  });
});

describe('query', () => {
  test('shows the newest window as an aligned table with a line of totals', async () => {
    const { code, stdout } = await go([]);
    expect(code).toBe(0);
    const lines = stdout.split('\n');
    const truth = [1, 2, 3].map((vdn) => simulator.truth(vdn, NOW - WINDOW));
    const sum = (field: 'agentsOnline' | 'inbound' | 'answered' | 'outbound') =>
      truth.reduce((all, t) => all + t[field], 0);
    const [first] = truth;
    expect(words(lines[0])).toEqual(
      'WINDOW (UTC)|VDN|NAME|ONLINE|TALKING|IDLE|BUSY|RESTING|INBOUND|ANSWERED|RATIO|OUTBOUND'.split('|'),
    );
    expect(words(lines[1]).slice(0, 5)).toEqual(
      ['2026-03-04 11:55', '1', 'Sales', first?.agentsOnline, first?.talking].map(String),
    );
    const total = words(lines[4]);
    expect(total[0]).toBe('Total');
    expect([total[1], total[6], total[7], total[9]].map(Number)).toEqual(
      (['agentsOnline', 'inbound', 'answered', 'outbound'] as const).map(sum),
    );
    // Not the mean of the ratios: that of the sums.
    expect(total[8]).toBe(`${((100 * sum('answered')) / sum('inbound')).toFixed(1)}%`);
    // Every line ends in the same column; two of the characters are two columns wide.
    expect(lines.slice(0, 5).map((line) => line.length + (line.includes('客服') ? 2 : 0))).toEqual(
      Array(5).fill(lines[0]?.length),
    );
  });

  test('is complete when the server orders its rows differently at each request', async () => {
    const range = ['--from=-1d', '--to=now', '--output=csv'];
    const { stdout } = await go(range);
    simulator.setShape('unstable');
    const unstable = await go(range);
    simulator.setShape('example');
    expect(unstable.code).toBe(0);
    expect(unstable.stdout).toBe(stdout);
  });

  test('prints more rows than a function takes arguments', async () => {
    const many = await startSimulator({
      vdns: Array.from({ length: 15 }, (_, i) => i + 1),
      flat: true,
      now: () => CLOCK,
    });
    try {
      const more = configFlag(work.path('many.yaml'), [{ name: 'hq', simulator: many, more: 'vdns: [1-15]' }]);
      const args = [more, '--from=-31d', '--to=now', '--output=csv'];
      const { code, stdout } = await run(query, args, { clock: fixedClock(CLOCK) });
      expect(code).toBe(0);
      // With a line of titles.
      expect(stdout.split('\n')).toHaveLength(15 * 31 * 288 + 2);
    } finally {
      await many.close();
    }
  });

  test('shows a VDN without rows as unknown, never as 0', async () => {
    simulator.setFaults([{ kind: 'withhold', vdns: [2] }]);
    const { stdout } = await go([]);
    expect(words(stdout.split('\n')[2])).toEqual(['-', '2', '客服, "A"', ...Array<string>(9).fill('-')]);
    const json = JSON.parse((await go(['--output=json'])).stdout) as Record<string, unknown>[];
    expect(json[1]).toMatchObject({ vdn: 2, window_start: null, agents_online: null, inbound_answer_ratio: null });
  });

  test('shows the window before when the newest has not settled', async () => {
    simulator.setFaults([{ kind: 'withhold', vdns: [1], start: NOW - WINDOW }]);
    const lines = (await go([])).stdout.split('\n');
    expect(words(lines[1])[0]).toBe('2026-03-04 11:50');
    expect(words(lines[2])[0]).toBe('2026-03-04 11:55');
  });

  test('shows every window of a range, without adding up agents of different moments', async () => {
    const lines = (await go(['--from=-15m', '--to=now', '--vdn=1'])).stdout.trimEnd().split('\n');
    expect(lines.slice(1, 4).map((line) => words(line)[0])).toEqual([
      '2026-03-04 11:45',
      '2026-03-04 11:50',
      '2026-03-04 11:55',
    ]);
    const inbound = [3, 2, 1].map((ago) => simulator.truth(1, NOW - ago * WINDOW).inbound).reduce((a, b) => a + b);
    expect(words(lines[4]).slice(0, 7)).toEqual(['Total', '-', '-', '-', '-', '-', String(inbound)]);
  });

  test('writes JSON with ratios from 0 to 1 and times with their zone', async () => {
    const rows = JSON.parse((await go(['--output=json', '--from=-1h', '--to=now'])).stdout) as Record<
      string,
      unknown
    >[];
    expect(rows).toHaveLength(36);
    const { inbound, answered, answerRate } = simulator.truth(1, NOW - WINDOW);
    expect(rows[33]).toMatchObject({
      ...{ call_center: 'hq', vdn: 1, name: 'Sales', inbound_calls: inbound, inbound_calls_answered: answered },
      ...{ window_start: '2026-03-04T11:55:00Z', window_end: '2026-03-04T12:00:00Z' },
    });
    expect(rows[33]?.['inbound_answer_ratio']).toBeCloseTo(answerRate / 100, 10);
  });

  test('writes CSV with quotes where they are needed', async () => {
    const lines = (await go(['--output=csv'])).stdout.split('\n');
    expect(lines[0]).toMatch(/^call_center,vdn,name,window_start,window_end,agents_online,/);
    expect(lines[2]).toMatch(/^hq,2,"客服, ""A""",2026-03-04T11:55:00Z,/);
    expect(lines).toHaveLength(5);
  });

  test('writes no CSV that a spreadsheet would run', () => {
    const row = { callCenter: '@hq', vdn: { id: 1, name: '=HYPERLINK("http://x")', labels: {} }, window: undefined };
    expect([...renderCsv([row])].join('').split('\n')[1]).toMatch(/^'@hq,1,"'=HYPERLINK\(""http:\/\/x""\)",,/);
  });

  test.each([
    ['客服', 4],
    ['🍕 x', 4],
    ['👩‍👩‍👧 👍🏽 🇩🇪 ❤️', 11],
    ['e\u0301te\u0301', 3],
    ['\u200fمبيعات', 12],
    ['a\tb\u001b[31m', 18],
  ])('%j takes %i columns of the table, whatever it is made of', (name, columns) => {
    const rows = [name, 'x'.repeat(columns)].map((text, index) => ({
      callCenter: 'hq',
      vdn: { id: index + 1, name: text, labels: {} },
      window: { vdn: index + 1, start: NOW, agentsOnline: 7 },
    }));
    const [, odd = '', plain = ''] = [...renderTable(rows, true)].join('').split('\n');
    const behind = (line: string, text: string) => line.slice(line.indexOf(text) + text.length);
    const shown = printable(name);
    expect(odd).toContain(shown);
    expect(behind(odd, shown)).toBe(behind(plain, 'x'.repeat(columns)));
  });

  test('prints any number of rows as a table', () => {
    const window = { vdn: 1, start: NOW, inbound: 2 };
    const rows = Array<QueryRow>(150_000).fill({ callCenter: 'hq', vdn: { id: 1, name: '' }, window });
    let last = '';
    for (const line of renderTable(rows, false)) last = line;
    expect(words(last)).toContain('300000');
  });

  test('names the VDNs without rows, which often have a wrong id', async () => {
    simulator.setFaults([{ kind: 'withhold', vdns: [2, 3] }]);
    const { code, stderr } = await go([]);
    expect(code).toBe(0);
    expect(stderr).toBe('hq: no rows in the last 3 windows for VDN 2-3: check the ids and cc_id\n');
    expect((await go(['--from=-1h', '--to=now'])).stderr).toBe('');
  });

  test('says so when a range has no rows', async () => {
    simulator.setFaults([{ kind: 'withhold' }]);
    const { stdout, stderr } = await go(['--from=-1h', '--to=now', '--output=json']);
    expect(stdout).toBe('[]\n');
    expect(stderr).toContain('The API has no rows from 2026-03-04T11:00:00Z to 2026-03-04T12:00:00Z');
  });

  test('fails with what the API said, after what came from the other call centers', async () => {
    const both = [
      { name: 'bad', simulator, more: 'vdns: [1], signing: { host: wrong } , proxy_url: "http://127.0.0.1:1"' },
      { name: 'good', simulator, more: 'vdns: [2]' },
    ];
    config = configFlag(work.path('both.yaml'), both);
    const { error, stdout } = await go([]);
    config = `--config.file=${work.path('config.yaml')}`;
    expect(error).toBeInstanceOf(OperationError);
    expect((error as Error).message).toMatch(/^bad: /);
    expect(stdout).toMatch(/^good .* 2 /m);
  });

  test.each([
    [['--from=-1d'], '--to=TIME is missing'],
    [['--output=xml'], '--output is "xml": use one of table, json, csv'],
    [['--vdn=4'], 'VDN 4 is not configured'],
    [['--vdn=1', '--vdn=2'], '--vdn is given more than once'],
    [['--output=csv', '--output', 'json'], '--output is given more than once'],
    [['x'], "Unexpected argument 'x'"],
  ])('refuses %j', async (args, text) => {
    const { error } = await go(args);
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toContain(text);
  });

  test('refuses a range that does not fit into a table', async () => {
    const { error } = await go(['--from=-5000d', '--to=now']);
    expect((error as Error).message).toContain('or use backfill');
  });

  test('shows its flags', async () => {
    expect((await go(['--help'])).stdout).toContain('--debug-signature');
  });
});

describe('query --debug-signature', () => {
  test('shows what is signed and sent, to stderr, once, without the secret key', async () => {
    const { code, stdout, stderr } = await go(['--debug-signature', '--output=json', '--from=-1d', '--to=now']);
    expect(code).toBe(0);
    expect(JSON.parse(stdout)).toHaveLength(864);
    const host = new URL(simulator.url).host;
    const [canonical = '', headers = '', body = ''] = stderr.split(/--- .* ---\n|---\n$/).slice(1);
    expect(canonical.split('\n').slice(0, 3)).toEqual([
      'POST',
      '/rest/cmsapp/v1/openapi/cti/sysindex',
      'content-length;content-type;host',
    ]);
    expect(canonical).toContain(`\nhost:${host.replace(':', '%3A')}\n%7B%22ccId%22%3A1%2C`);
    expect(headers).toMatch(/^authorization: auth-v2\/demo-access-key\/2026-03-04T12:00:30\.000Z\/.*\/[0-9a-f]{64}$/m);
    expect(headers).toContain(`host: ${host}\n`);
    expect(JSON.parse(body)).toMatchObject({ vdn: [1], limit: 100, offset: 0 });
    expect(stderr).not.toContain('demo-secret-key');
  });

  test('explains a 401 with the clock, the headers and the host', async () => {
    simulator.setFaults([{ kind: 'clock', seconds: 1200 }, { kind: 'unauthorized' }]);
    const { error, stderr } = await go(['--debug-signature']);
    expect((error as Error).message).toContain('HTTP 401');
    expect(stderr).toMatch(/Clock: this machine is 120[01]s behind the CMS, which is a likely reason/);
    expect(stderr).toContain('Signed headers: content-length;content-type;host.');
    expect(stderr).toContain(`Host: ${new URL(simulator.url).host} is sent and signed`);
    simulator.setFaults([{ kind: 'unauthorized' }]);
    expect((await go(['--debug-signature'])).stderr).toMatch(/Clock: within [01]s of the CMS, that is not the reason/);
  });
});
