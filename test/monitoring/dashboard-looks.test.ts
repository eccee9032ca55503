import { describe, expect, it } from 'vitest';
import { ANY_ALERT, SHIFT_ALERTS } from '../../src/monitoring/alert-names.ts';
import type { Alert } from '../../src/monitoring/alert.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { ruleGroups } from '../../src/monitoring/rules.ts';
import { THRESHOLDS } from '../../src/monitoring/thresholds.ts';
import { COMMITTED, type Dashboard, type Panel, panelsOf } from '../support/dashboards.ts';

const board = (name: string): Dashboard => {
  const found = COMMITTED.find((one) => one.name === name);
  if (found === undefined) throw new Error(`There is no dashboard ${name}`);
  return found.dashboard;
};
const panel = (name: string, title: string): Panel => {
  const found = panelsOf(board(name)).find((one) => one.title === title);
  if (found === undefined) throw new Error(`There is no panel ${title} in ${name}`);
  return found;
};
const PANELS = COMMITTED.flatMap(({ name, dashboard }) =>
  panelsOf(dashboard).map((one) => ({ ...one, where: `${name}: ${one.title}` })),
);
const TILES = PANELS.filter(({ type, targets }) => type === 'stat' && targets.length === 1);
const ALERTS = ruleGroups(DEFAULT_OPTIONS)
  .flatMap(({ rules }) => rules)
  .filter((rule): rule is Alert => 'alert' in rule);
const VARIABLES = board('aicc-cti').templating.list;

/** The looks that a panel gives a series whose name ends with these words. */
const looksOf = ({ fieldConfig }: Panel, words: string): ReadonlyMap<string, unknown> =>
  new Map(
    fieldConfig.overrides
      .filter(({ matcher }) => matcher.id === 'byRegexp' && new RegExp(matcher.options.slice(1, -1)).test(words))
      .flatMap(({ properties }) => properties.map(({ id, value }) => [id, value] as const)),
  );

describe('the colours of the dashboards', () => {
  it('come from the firing alerts, and name their severity for those who see no colours', () => {
    expect(TILES.length).toBeGreaterThan(20);
    for (const tile of TILES) {
      const [target] = tile.targets;
      expect(target?.legendFormat, tile.where).toMatch(/\{\{beside\}\} · \{\{state\}\}$/);
      expect(target?.expr, tile.where).toContain('ALERTS{');
      expect(looksOf(tile, 'target 80% · critical').get('color')).toMatchObject({ fixedColor: 'semi-dark-red' });
      expect(looksOf(tile, 'target 80% · warning').get('color')).toMatchObject({ fixedColor: 'dark-orange' });
      expect(looksOf(tile, 'target 80% · ok').get('color')).toBeUndefined();
    }
  });

  it('never show that data is gone in grey or green', () => {
    for (const tile of TILES) {
      const looks = looksOf(tile, 'see Exporter · no data');
      expect(looks.get('color'), tile.where).toMatchObject({ fixedColor: 'semi-dark-red' });
      expect(looks.get('unit'), tile.where).toBe('time:[no data since] HH:mm');
      for (const gone of ['data missing', 'data incomplete'])
        expect(looksOf(tile, `of 7 · ${gone}`).get('color'), tile.where).toMatchObject({
          fixedColor: expect.stringMatching(/red|orange/) as string,
        });
      expect(tile.fieldConfig.defaults.mappings, tile.where).toContainEqual({
        type: 'special',
        options: { match: 'null', result: { text: 'no data', color: 'red', index: 0 } },
      });
    }
  });

  it('do not trust the absence of alerts where the rules are not loaded', () => {
    for (const tile of TILES) {
      expect(tile.targets[0]?.expr, tile.where).toContain('"no rules"');
      expect(looksOf(tile, 'of 7 · no rules').get('color')).toMatchObject({ fixedColor: 'dark-orange' });
    }
  });

  it('are explained by alerts that exist', () => {
    const known = ALERTS.map(({ alert }) => alert);
    expect(known).toEqual(expect.arrayContaining(Object.keys(SHIFT_ALERTS)));
    for (const { where, targets } of PANELS)
      for (const { expr } of targets)
        for (const [, names] of expr.matchAll(/alertname=~?"([^"]+)"/g))
          for (const name of (names ?? '').split('|')) if (name !== ANY_ALERT) expect(known, where).toContain(name);
  });

  it('are limits of the rules where a panel draws one', () => {
    const steps = (title: string): readonly (number | null)[] =>
      panel('aicc-cti-exporter', title).fieldConfig.defaults.thresholds.steps.map(({ value }) => value);
    expect(steps('Settle lag')).toEqual([null, THRESHOLDS.settleLagSeconds]);
    expect(steps('Poll duration')).toEqual([null, THRESHOLDS.pollSeconds]);
    expect(steps('Clock skew')).toEqual([null, -THRESHOLDS.clockSkewSeconds, THRESHOLDS.clockSkewSeconds]);
  });

  it('mark the firing alerts of what is selected, and those that belong to no call center or VDN', () => {
    for (const { dashboard } of COMMITTED) {
      const [firing] = dashboard.annotations.list;
      for (const label of ['instance', 'call_center', 'vdn']) expect(firing?.expr).toContain(`${label}=~"$${label}|"`);
      // Grafana prints the name of a label that is not there: only labels of every alert may be named.
      expect(`${firing?.titleFormat ?? ''} ${firing?.textFormat ?? ''}`).toBe('{{alertname}} {{severity}}');
    }
  });
});

describe('targets', () => {
  it.each(['Answered', 'Occupancy', 'Unanswered', 'Answered today'])('stand beside the figure: %s', (title) => {
    const [target] = panel('aicc-cti', title).targets;
    expect(target?.expr).toContain('aicc_cti_vdn_threshold{');
    expect(target?.expr).toMatch(/"beside", "target /);
  });

  it.each(['Answered share', 'Occupancy', 'Unavailable agents'])('are drawn into the curve of a line: %s', (title) => {
    const queries =
      panelsOf(board('aicc-cti-vdn')).filter((one) => one.title === title && one.type === 'timeseries')[0]?.targets ??
      [];
    expect(queries.map(({ legendFormat }) => legendFormat)).toEqual(
      expect.arrayContaining(['closed', 'target', 'critical']),
    );
    for (const severity of ['warning', 'critical'])
      expect(queries.some(({ expr }) => expr.includes(`severity="${severity}"`))).toBe(true);
  });

  it('are in the table of all lines', () => {
    const { targets } = panel('aicc-cti', 'Lines, worst first');
    for (const indicator of ['answer_ratio', 'occupancy_ratio'])
      expect(targets.some(({ expr }) => expr.includes(`indicator="${indicator}", severity="warning"`))).toBe(true);
  });
});

describe('sums', () => {
  it('of today are sums from midnight on, whatever range is shown', () => {
    for (const title of ['Calls today', 'Answered today', 'Unanswered today', 'Outbound today']) {
      const { timeFrom, targets } = panel('aicc-cti', title);
      expect(timeFrom).toBe('now/d');
      expect(targets[0]?.expr).toMatch(/increase\(aicc_cti_\w+_total\{[^}]+\}\[\$__range\]\)/);
    }
  });

  it('of bars add up to the same at any step', () => {
    for (const { where, targets, interval } of PANELS.filter(({ title }) => title.startsWith('Calls per')))
      for (const { expr } of targets.filter(({ legendFormat }) => legendFormat !== 'closed'))
        expect(expr, where).toMatch(
          interval === '1h'
            ? /increase\([^[]+\[\$__interval\]/
            : /^sum_over_time\(\(.+\)\[\$__interval:5m\] offset -4m\)$/s,
        );
  });
});

describe('the wall', () => {
  it('needs no scroll bar at 1920x1080', () => {
    const bottom = Math.max(...panelsOf(board('aicc-cti-wall')).map(({ gridPos: { y, h } }) => y + h));
    // 38 pixels a grid unit, and 120 for the controls on top.
    expect(bottom * 38 + 120).toBeLessThanOrEqual(1080);
  });

  it('has six big numbers with their names in them, and who needs help', () => {
    const panels = panelsOf(board('aicc-cti-wall'));
    expect(panels.map(({ title }) => title)).toEqual([
      'Answered',
      'Waiting or unanswered',
      'Idle agents',
      'Calls today',
      'Lines below target',
      'Firing alerts',
      'Lines that need somebody',
    ]);
    const [answered, which, ...others] = panels.slice(0, 6);
    for (const one of [answered, ...others]) expect(one?.targets[0]?.legendFormat).toContain(`${one?.title}: {{`);
    expect(which?.targets[0]?.expr).toMatch(/"beside", "waiting, .+"beside", "unanswered, /s);
  });
});

describe('a click on a line', () => {
  it('opens the dashboard of the line with the line chosen', () => {
    const { overrides } = panel('aicc-cti', 'Lines, worst first').fieldConfig;
    const links = overrides.flatMap(({ properties }) => properties.filter(({ id }) => id === 'links'));
    expect(links.length).toBe(2);
    for (const { value } of links)
      expect((value as readonly { readonly url: string }[])[0]?.url).toMatch(
        /^\/d\/aicc-cti-vdn\?.*&var-call_center=\$\{__data\.fields\["Call center"\]\}&var-vdn=\$\{__data\.fields\.VDN\}$/,
      );
    const [link] = panel('aicc-cti-wall', 'Lines that need somebody').fieldConfig.defaults.links ?? [];
    expect(link?.url).toContain('&var-call_center=${__field.labels.call_center}&var-vdn=${__field.labels.vdn}');
  });
});

describe('what Grafana makes of the dashboards', () => {
  it('starts with the default data source where there are several', () => {
    expect(VARIABLES[0]).toMatchObject({ current: { text: 'default', value: 'default' } });
  });

  // Grafana matches the pattern against each series as text, in which the quotes of a label are not escaped.
  it.each(['Orders', 'Sales "VIP", north', '"', '0800123456'])('offers the VDN named %s by its whole name', (name) => {
    const [, pattern, flags] = /^\/(.+)\/(g)$/.exec(VARIABLES.at(-1)?.regex ?? '') ?? [];
    const series = `{call_center="demo",name="${name}",vdn="7"} 1 1700000000000`;
    const found = Array.from(series.matchAll(new RegExp(pattern ?? '', flags)), ({ groups }) => ({ ...groups }));
    expect(found).toEqual([
      { text: name, value: undefined },
      { text: undefined, value: '7' },
    ]);
  });

  it('shows names as they are: as a number, 0800123 would be 800123', () => {
    const overrides = panel('aicc-cti', 'Lines, worst first').fieldConfig.overrides;
    for (const column of ['Line', 'VDN', 'Call center'])
      expect(overrides.find(({ matcher }) => matcher.options === column)?.properties).toContainEqual({
        id: 'unit',
        value: 'string',
      });
  });

  it('colours no number of a table that is not there', () => {
    for (const { where, fieldConfig } of PANELS.filter(({ type }) => type === 'table'))
      expect(fieldConfig.defaults.mappings, where).toContainEqual({
        type: 'special',
        options: { match: 'null', result: { text: '–', color: 'text', index: 0 } },
      });
  });
});
