import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import type { CallCenterView } from '../../src/http/status-page/call-center-card.ts';
import { escapeHtml, html } from '../../src/http/html.ts';
import { renderStatusPage } from '../../src/http/status-page/status-page.ts';
import { STATUS_STYLE } from '../../src/http/status-page/style.ts';
import { formatAge } from '../../src/http/status-page/relative-time.ts';
import {
  COLUMNS,
  listVdns,
  PAGE_ROWS,
  parseVdnQuery,
  type VdnQuery,
  vdnQueryLink,
} from '../../src/http/status-page/vdn-list.ts';
import type { ExporterState } from '../../src/http/status-page/problems.ts';
import type { PollStatus } from '../../src/exporter/scheduler.ts';
import { snapshot, vdnState } from '../support/snapshots.ts';

/** Window 10:00 to 10:05 of the snapshots' VDNs ended 200 seconds ago. */
const NOW = Date.parse('2025-11-18T10:08:20Z');

const STATUS: PollStatus = {
  polls: 3,
  lastPollAt: NOW - 190_000,
  lastSuccessAt: NOW - 190_000,
  nextPollAt: NOW + 110_000,
  lastFailure: undefined,
  isFailing: false,
  silentVdns: [],
};

const FAILURE = { at: NOW - 5_000, message: 'It broke', hint: 'Mend it', reason: 'network' };

const NO_PROBLEM: ExporterState = { refusedReload: undefined, storageFailedAt: undefined, warnings: [], skews: [] };

function page(views: readonly Partial<CallCenterView>[], search = '', exporter: Partial<ExporterState> = {}): string {
  return renderStatusPage({
    version: '1.2.3',
    startedAt: NOW - 90_061_000,
    now: NOW,
    telemetryPath: '/metrics',
    docsUrl: '/docs',
    callCenters: views.map((view) => ({ snapshot: snapshot('main', 3), status: STATUS, vdnsConfigured: 3, ...view })),
    exporter: { ...NO_PROBLEM, ...exporter },
    query: parseVdnQuery(search),
  });
}

/** The words of a page, without tags. */
const words = (text: string) =>
  text
    .replace(/<style>[^]*<\/style>/, '')
    .replaceAll(/<[^>]*>/g, ' ')
    .replaceAll(/\s+/g, ' ');

const CLOSED = { isOpen: false, nextChangeAt: Infinity };

describe('the state of a call center', () => {
  const silent = snapshot('main', [vdnState(1, { window: undefined })]);
  it.each<[string, Partial<CallCenterView>]>([
    ['Up', {}],
    ['Up', { status: { ...STATUS, lastFailure: FAILURE } }],
    ['Failing', { status: { ...STATUS, isFailing: true, lastFailure: FAILURE } }],
    ['Failing', { status: { ...STATUS, isFailing: true, lastFailure: FAILURE }, snapshot: silent }],
    ['Stale', { snapshot: silent }],
    ['Partial', { snapshot: snapshot('main', [vdnState(1), vdnState(2, { window: undefined })]) }],
    ['Partial', { status: { ...STATUS, silentVdns: [2] } }],
    ['Up', { snapshot: snapshot('main', [vdnState(1), vdnState(2, { window: undefined, opening: CLOSED })]) }],
    ['Waiting for first poll', { snapshot: silent, status: { ...STATUS, polls: 0 } }],
  ])('is %s', (state, view) => {
    expect(/class="state">\W*([\w ]+)</.exec(page([view]))?.[1]).toBe(state);
  });
});

describe('a row', () => {
  const row = (vdn: Parameters<typeof vdnState>[1]) =>
    /<tbody>([^]*?)<\/tbody>/.exec(page([{ snapshot: snapshot('main', [vdnState(1, vdn)]) }]))?.[1] ?? '';
  const window = { vdn: 1, start: NOW - 500_000, inbound: 10, answered: 7, talking: 9, idle: 1, busy: 1, resting: 1 };

  it.each<[string, Partial<typeof window>, string[]]>([
    ['a target that is missed', window, ['ratio warning at least 80 %']],
    ['the more severe one', { ...window, answered: 5 }, ['ratio critical at least 60 %']],
    ['too many on the phone', { ...window, answered: 10, talking: 10, idle: 0 }, ['talking warning at most 90 %']],
    ['few agents', { ...window, answered: 10, talking: 4, idle: 0, busy: 0 }, []],
    [
      'both kinds of away',
      { ...window, answered: 10, talking: 1, busy: 3 },
      ['busy warning at most 50 %', 'resting warning at most 50 %'],
    ],
    ['few calls', { ...window, inbound: 4, answered: 0 }, []],
    ['what is unknown', { vdn: 1, start: NOW - 500_000 }, []],
  ])('marks %s by the targets of the line', (_, values, expected) => {
    const text = row({ window: values as typeof window });
    const marks = [...text.matchAll(/class="(\w+) number (\w+)" title="Target: ([^"]*)"/g)];
    expect(marks.map(([, ...parts]) => parts.join(' '))).toEqual(expected);
  });

  it('tells whether a line with opening hours is open, and judges no closed line', () => {
    const at = (ms: number) => ({ nextChangeAt: NOW + ms });
    expect(words(row({ opening: { isOpen: true, ...at(7_500_000) } }))).toContain('Open, closes in 2h 5m');
    const closed = row({ window, opening: { isOpen: false, ...at(60_000) } });
    expect(words(closed)).toContain('Closed, opens in 1m 0s');
    expect(closed).toContain('<tr class="closed">');
    expect(closed).not.toContain('Target');
    expect(words(row({}))).not.toMatch(/Open|Closed/);
  });
});

describe('the VDNs of a failing call center', () => {
  const failing = { status: { ...STATUS, isFailing: true, lastFailure: FAILURE } };
  const silent = Array.from({ length: 400 }, (_, index) => vdnState(index + 1, { window: undefined }));
  const views = [{ ...failing, snapshot: snapshot('dead', silent) }, { snapshot: snapshot('well', 2) }];

  it('are one line', () => {
    const text = page(views);
    expect(text.match(/scope="row"/g)).toHaveLength(2);
    expect(words(/<details[^]*<\/details>/.exec(text)?.[0] ?? '').trim()).toBe(
      'dead : no data of 400 VDNs VDN 1-400. Show these VDNs',
    );
    expect(words(text)).toContain('402 VDNs');
  });

  it.each(['call_center=dead', 'show=silent', 'q=hotline'])('are rows with %s', (search) => {
    expect(page(views, search)).not.toContain('<details');
    expect(page(views, search).match(/scope="row"/g)?.length).toBe(PAGE_ROWS);
  });

  it('stay rows while they have data', () => {
    expect(page([{ ...failing, snapshot: snapshot('main', 3) }]).match(/scope="row"/g)).toHaveLength(3);
  });
});

describe('local time', () => {
  it('stands beside UTC where it differs', () => {
    const text = words(page([{ timeZone: 'Europe/Berlin' }, { timeZone: 'UTC' }, { timeZone: 'Asia/Shanghai' }]));
    expect(text).toContain('As of 2025-11-18 10:08:20 UTC (11:08 Europe/Berlin, 18:08 Asia/Shanghai).');
    expect(text).toContain('window 10:00–10:05 UTC (11:05 Europe/Berlin), ended 3m 20s ago');
    expect(text).toContain('window 10:00–10:05 UTC, ended 3m 20s ago');
  });
});

describe('the refresh', () => {
  it('needs no script, and can be paused and resumed without losing the query', () => {
    const text = page([{}], 'q=x');
    expect(text).toContain('<meta http-equiv="refresh" content="60" />');
    expect(text).toMatch(/<a href="\?q=x&amp;refresh=off"\s*>Pause the refresh</);
    const paused = page([{}], 'q=x&refresh=off');
    expect(paused).not.toContain('http-equiv="refresh"');
    expect(paused).toMatch(/<a href="\?q=x"\s*>Refresh every minute</);
    expect(paused).toContain('name="refresh" value="off"');
  });
});

describe('the problems of the exporter', () => {
  const strip = (exporter: Partial<ExporterState>) =>
    words(/<section class="problems"[^]*?<\/section>/.exec(page([{}], '', exporter))?.[0] ?? '').trim();

  it.each<[string, Partial<ExporterState>]>([
    [
      'Storage failing: Failed 5s ago: a restart now may lose counts. Check space and permissions of --storage.path, and the log.',
      { storageFailedAt: NOW - 5000 },
    ],
    [
      'Reload refused: The old configuration stays in use since 1m 1s. a.yaml:3: Unknown key',
      { refusedReload: { at: NOW - 61_000, reason: 'a.yaml:3: Unknown key' } },
    ],
    [
      'Clocks differ: main: the clock of the CMS is 10m 0s behind ours. Check NTP on both machines.',
      { skews: [{ callCenter: 'main', skewMs: -600_000 }] },
    ],
    ['Configuration: a.yaml:4: Not verified', { warnings: ['a.yaml:4: Not verified'] }],
  ])('are named on top: %s', (text, exporter) => {
    expect(strip(exporter)).toBe(`⚠ ${text}`);
    const whole = page([{}], '', exporter);
    expect(whole.indexOf('class="problems"')).toBeLessThan(whole.indexOf('<h2>'));
    expect(whole).toContain('<title>1 problem: AICC CTI exporter</title>');
  });

  it('leave no strip when there are none, or they are over', () => {
    expect(strip({})).toBe('');
    expect(strip({ storageFailedAt: NOW - 900_000, skews: [{ callCenter: 'main', skewMs: 2000 }] })).toBe('');
  });

  it('are escaped', () => {
    expect(page([{}], '', { warnings: ['<script>'] })).not.toContain('<script');
  });
});

describe('the boxes of the call centers', () => {
  it('come in the order in which somebody has to look at them', () => {
    const broken = { status: { ...STATUS, isFailing: true, lastFailure: FAILURE }, snapshot: snapshot('broken', 1) };
    const partial = { snapshot: snapshot('partial', [vdnState(1), vdnState(2, { window: undefined })]) };
    const text = page([{ snapshot: snapshot('well', 1) }, partial, broken]);
    expect([...text.matchAll(/<h3 [^>]*><bdi>(\w+)</g)].map(([, name]) => name)).toEqual(['broken', 'partial', 'well']);
  });

  it('have the sums of the call center, without values that are unknown', () => {
    const vdns = [vdnState(1), vdnState(2), vdnState(3, { window: { vdn: 3, start: 0, idle: 1 } })];
    const sums = /<ul class="sums"[^]*?<\/ul>/.exec(page([{ snapshot: snapshot('main', vdns) }]))?.[0] ?? '';
    expect(words(sums).trim()).toMatch(
      /^25 Idle 42 Talking 8 Busy 6 Resting \d+ Online 200 Inbound 58 Answered 34 Outbound$/,
    );
    const silent = page([{ snapshot: snapshot('main', [vdnState(1, { window: undefined })]) }]);
    expect(words(/<ul class="sums"[^]*?<\/ul>/.exec(silent)?.[0] ?? '')).toContain('– Idle');
  });

  it('name the VDNs that never had a row', () => {
    expect(words(page([{ status: { ...STATUS, silentVdns: [201, 202, 203] } }]))).toContain(
      'VDN 201-203: check the ids and cc_id',
    );
  });
});

describe('the summary', () => {
  const silent = { snapshot: snapshot('silent', [vdnState(1, { window: undefined })]) };
  const broken = { status: { ...STATUS, isFailing: true, lastFailure: FAILURE } };
  const summary = (text: string) => words(/<h2>Call centers<\/h2>([^]*?)<div class="centers">/.exec(text)?.[1] ?? '');

  it('names what somebody has to look at, the worst first, with links', () => {
    const first = { ...silent, status: { ...STATUS, polls: 0 } };
    const text = page([first, {}, silent, { ...broken, snapshot: snapshot('b1', 1) }, broken, {}]);
    expect(summary(text).trim()).toBe('2 failing: b1 , main . 1 stale: silent . 1 waiting: silent . 2 up.');
    expect(/<title>(.*)<\/title>/.exec(text)?.[1]).toBe('2 failing: AICC CTI exporter');
    for (const [, id] of text.matchAll(/href="#(center-\d+)"/g)) expect(text).toContain(`id="${id}"`);
    expect(text.match(/href="#center-\d+"/g)).toEqual([3, 4, 2, 0].map((place) => `href="#center-${place + 1}"`));
  });

  it('is short when there is nothing to look at, and left out for a single call center', () => {
    const text = page([{}, {}]);
    expect(summary(text).trim()).toBe('All 2 up.');
    expect(text).toContain('<title>AICC CTI exporter</title>');
    expect(summary(page([broken]))).not.toContain('failing:');
    expect(page([broken])).toContain('<title>1 failing: AICC CTI exporter</title>');
  });
});

describe('the page', () => {
  it('tells times absolutely and relatively', () => {
    const text = words(page([{}]));
    expect(text).toContain('Version 1.2.3, up 1d 1h, started 2025-11-17 09:07:19 UTC');
    expect(text).toContain('3 reporting of 3 configured');
    expect(text).toContain('window 10:00–10:05 UTC, ended 3m 20s ago');
    expect(text).toContain('Last poll 10:05:10 UTC (3m 10s ago) Last success 10:05:10 UTC (3m 10s ago)');
    expect(text).toContain('Next poll 10:10:10 UTC (in 1m 50s)');
    expect(text).not.toContain('Last error');
  });

  it('names the day of what was not today, and what never was', () => {
    const status = { ...STATUS, lastPollAt: NOW - 86_400_000, lastSuccessAt: undefined, nextPollAt: undefined };
    const text = words(page([{ status, vdnsConfigured: undefined }]));
    expect(text).toContain('Last poll 2025-11-17 10:08:20 UTC (1d 0h ago) Last success never Next poll under way');
    expect(text).toContain('VDNs 3 reporting Data');
  });

  it('keeps the last error after the recovery, with what to check', () => {
    const text = words(page([{ status: { ...STATUS, lastFailure: FAILURE } }]));
    expect(text).toContain('Last error 10:08:15 UTC (5s ago) It broke (network) What to check Mend it');
  });

  it('shows what is unknown as a dash, and 0 as 0', () => {
    const vdns = [
      vdnState(1, { name: '', window: { vdn: 1, start: NOW - 500_000, talking: 0, answerRate: 33.333 } }),
      vdnState(2, { window: undefined }),
    ];
    const cells = [
      ...page([{ snapshot: snapshot('main', vdns) }]).matchAll(/<t[dh] ?[^>]*class="(\w+)[^>]*>([^]*?)<\/t[dh]>/g),
    ]
      .map(([, key, cell]) => [key, words(cell ?? '').trim()])
      .filter(([key]) => key !== 'number');
    expect(cells.slice(0, 12)).toEqual([
      ...[
        ['id', '1'],
        ['name', '–'],
        ['online', '–'],
        ['talking', '0'],
        ['idle', '–'],
        ['busy', '–'],
        ['resting', '–'],
      ],
      ...[
        ['inbound', '–'],
        ['answered', '–'],
        ['ratio', '33.3 %'],
        ['outbound', '–'],
        ['window', '10:00–10:05'],
      ],
    ]);
    expect(cells.slice(14, 24).every(([, text]) => text === '–')).toBe(true);
  });

  it('escapes everything that comes from outside', () => {
    const evil = `</td><script>alert(1)</script>'"&`;
    const vdns = [vdnState(1, { name: evil, labels: { team: evil } })];
    const status = { ...STATUS, isFailing: true, lastFailure: { ...FAILURE, message: evil, hint: evil } };
    const texts = ['', `q=${encodeURIComponent(evil)}`].map((search) =>
      page([{ snapshot: snapshot(evil, vdns), status }, {}], search),
    );
    for (const text of texts) {
      expect(text).not.toContain('<script');
      expect(text).not.toContain(evil);
    }
    // Summary, heading, choice, message, hint, name, label, call center of the row; the second time also what is sought.
    expect(texts.map((text) => text.split(escapeHtml(evil)).length - 1)).toEqual([9, 10]);
  });

  it('has just the one style that its policy allows, and no script', () => {
    const text = page([{}]);
    const style = /<style>([^]*?)<\/style>/.exec(text)?.[1] ?? '';
    const hash = createHash('sha256').update(style).digest('base64');
    expect(STATUS_STYLE.policy).toBe(
      `default-src 'none'; style-src 'sha256-${hash}'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'`,
    );
    expect(text).not.toMatch(/<script| style=| on\w+=/);
  });

  it('of 5,000 VDNs shows a bounded number of them in a bounded number of bytes, for any query', () => {
    const vdns = Array.from({ length: 5000 }, (_, i) =>
      vdnState(i + 1, { name: `Hotline ${(i * 7919) % 5000} customers`, labels: { team: `team ${i % 7}` } }),
    );
    const view = { snapshot: snapshot('main', vdns), vdnsConfigured: 5000 };
    for (const search of ['', 'sort=name&page=25', 'sort=talking&order=desc', 'q=team+3&sort=name', 'q=nothing']) {
      const text = page([view], search);
      expect(text.length).toBeLessThan(250_000);
      expect(text.match(/scope="row"/g)?.length ?? 0).toBeLessThanOrEqual(PAGE_ROWS);
    }
  });
});

describe('the list of VDNs', () => {
  const vdns = [
    vdnState(10, { name: 'Éclair 2', labels: { team: 'Sales' } }),
    vdnState(2, { name: 'eclair 10' }),
    vdnState(30, { name: 'Zoo', window: undefined }),
    vdnState(4, { name: '' }),
  ];
  const snapshots = [snapshot('main', vdns), snapshot('other', [vdnState(2, { name: 'Other' })])];
  const ids = (search: string) => listVdns(snapshots, parseVdnQuery(search)).rows.map(({ vdn }) => vdn.id);

  it.each([
    ['', [10, 2, 30, 4, 2]],
    ['sort=id', [2, 2, 4, 10, 30]],
    ['sort=id&order=desc', [30, 10, 4, 2, 2]],
    ['sort=name', [10, 2, 2, 30, 4]],
    ['sort=name&order=desc', [30, 2, 2, 10, 4]],
    ['sort=online&order=desc', [10, 4, 2, 2, 30]],
    ['sort=online', [2, 2, 4, 10, 30]],
    ['sort=center&order=desc', [2, 10, 2, 30, 4]],
    ['sort=nonsense', [10, 2, 30, 4, 2]],
    ['q=3', [30]],
    ['q=ZOO', [30]],
    ['q=team%3Dsales', [10]],
    ['q=+sales+', [10]],
    ['show=silent', [30]],
    ['show=reporting', [10, 2, 4, 2]],
    ['show=nonsense', [10, 2, 30, 4, 2]],
    ['call_center=other', [2]],
    ['call_center=unknown', []],
    ['page=99', [10, 2, 30, 4, 2]],
    ['page=-1', [10, 2, 30, 4, 2]],
    ['page=1e99', [10, 2, 30, 4, 2]],
  ])('with %s', (search, expected) => {
    expect(ids(search)).toEqual(expected);
  });

  it('is cut into pages that have each VDN once, the last one shorter', () => {
    const many = [snapshot('main', 2 * PAGE_ROWS + 1)];
    const pages = [1, 2, 3, 4].map((number) => listVdns(many, parseVdnQuery(`sort=talking&page=${number}`)));
    expect(pages.map(({ rows }) => rows.length)).toEqual([PAGE_ROWS, PAGE_ROWS, 1, 1]);
    expect(pages.map(({ page: number, offset }) => [number, offset])).toEqual([
      [1, 0],
      [2, PAGE_ROWS],
      [3, 2 * PAGE_ROWS],
      [3, 2 * PAGE_ROWS],
    ]);
    const seen = pages.slice(0, 3).flatMap(({ rows }) => rows.map(({ vdn }) => vdn.id));
    expect(new Set(seen).size).toBe(2 * PAGE_ROWS + 1);
  });

  it('has links that lead to what they were made from', () => {
    const query: VdnQuery = {
      ...{
        text: 'a & b=ü',
        callCenter: 'x+y',
        show: 'silent',
        sort: 'ratio',
        isDescending: true,
        page: 7,
        isPaused: true,
      },
    };
    const search = (link: string) => link.replace(/^\?(.*)#vdns$/, '$1');
    expect(parseVdnQuery(search(vdnQueryLink(query, { page: 7 })))).toEqual(query);
    expect(parseVdnQuery(search(vdnQueryLink(query, { sort: 'id' })))).toEqual({ ...query, sort: 'id', page: 1 });
    expect(vdnQueryLink(parseVdnQuery(''), {})).toBe('?#vdns');
  });

  it('bounds what is sought', () => {
    expect(parseVdnQuery(`q=${'x'.repeat(5000)}`).text).toHaveLength(100);
    expect(new Set(COLUMNS.map(({ key }) => key)).size).toBe(COLUMNS.length);
  });
});

describe('texts', () => {
  it.each([
    [0, '0s'],
    [-5000, '0s'],
    [999, '1s'],
    [61_000, '1m 1s'],
    [3_600_000, '1h 0m'],
    [90_000_000, '1d 1h'],
  ])('age of %i ms', (ms, text) => {
    expect(formatAge(ms)).toBe(text);
  });

  it('are escaped once in a template, and kept where they are HTML', () => {
    expect(html`<b title="${'"\'<>&'}">${html`<i>${'&'}</i>`}${[1, ' ', undefined, false]}</b>`.text).toBe(
      '<b title="&quot;&#39;&lt;&gt;&amp;"><i>&amp;</i>1 </b>',
    );
    expect(escapeHtml('a\u0000b\u001bc\n\td\u0085')).toBe('a\u{fffd}b\u{fffd}c\n\td\u{fffd}');
  });
});
