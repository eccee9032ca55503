import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { dashboardFile } from '../../src/monitoring/dashboard.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { THRESHOLDS } from '../../src/monitoring/thresholds.ts';
import { installed } from '../support/installed.ts';
import { knownSeries, selectorsOf, substitute } from '../support/promql.ts';

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly datasource: { readonly uid: string };
  readonly interval: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly datasource: { readonly uid: string };
  }[];
  readonly fieldConfig: {
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
    readonly defaults: {
      readonly unit: string;
      readonly decimals?: number;
      readonly noValue: string;
      readonly mappings?: readonly unknown[];
      readonly custom?: { readonly spanNulls?: number; readonly lineInterpolation?: string };
      readonly thresholds: { readonly steps: readonly { readonly value: number | null }[] };
    };
  };
  readonly options: { readonly reduceOptions?: { readonly calcs: readonly string[] } };
  readonly panels?: readonly Panel[];
}

interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
  readonly multi: boolean;
  readonly allValue?: string;
  readonly refresh: number;
  readonly regex: string;
}

interface Annotation {
  readonly expr: string;
  readonly titleFormat: string;
  readonly textFormat: string;
}

const TEXT = readFileSync('grafana/aicc-cti.json', 'utf8');
const DASHBOARD = JSON.parse(TEXT) as Readonly<Record<string, unknown>> & {
  readonly panels: readonly Panel[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly Annotation[] };
};
const ALL = DASHBOARD.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
const PANELS = ALL.filter(({ type }) => type !== 'row');
const QUERIES = PANELS.flatMap(({ title, targets }) => targets.map(({ expr }) => ({ title, expr })));
/** A unit of Grafana 12 (packages/grafana-data/src/valueFormats/categories.ts), as far as they are used here. */
const UNITS = ['none', 'percentunit', 's', 'd', 'reqps'];

describe('the dashboard', () => {
  it('is committed as it is generated (npm run dashboard)', () => {
    expect(TEXT).toBe(dashboardFile(DEFAULT_OPTIONS));
  });

  it('can be imported by hand and provisioned', () => {
    expect(DASHBOARD).toMatchObject({ id: null, uid: 'aicc-cti', schemaVersion: 42, editable: false });
    expect(DASHBOARD).toMatchObject({ timezone: 'browser', refresh: '1m', time: { from: 'now-6h', to: 'now' } });
    expect(DASHBOARD).not.toHaveProperty('__inputs');
    expect(TEXT).not.toContain('libraryPanel');
    expect(DASHBOARD['tags']).not.toEqual([]);
    expect(new Set(ALL.map(({ id }) => id)).size).toBe(ALL.length);
  });

  it('lays panels out without overlap inside the 24 columns', () => {
    const cells = new Set<string>();
    for (const { title, gridPos } of ALL) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} lies over another panel`).toBe(false);
          cells.add(`${x} ${y}`);
        }
    }
  });

  it('shows the same thresholds as the rules', () => {
    const steps = (title: string): readonly (number | null)[] | undefined =>
      PANELS.find((panel) => panel.title === title)?.fieldConfig.defaults.thresholds.steps.map(({ value }) => value);
    const { answeredShare, occupancy, dataAgeSeconds, certificateDays, clockSkewSeconds } = THRESHOLDS;
    expect(steps('Answered, 15 min')).toEqual([null, answeredShare.critical, answeredShare.warning]);
    expect(steps('Occupancy, 15 min')).toEqual([null, occupancy.busy, occupancy.saturated]);
    expect(steps('Data age')).toEqual([null, dataAgeSeconds.warning, dataAgeSeconds.critical]);
    expect(steps('Certificate of the CMS')).toEqual([null, certificateDays.critical, certificateDays.warning]);
    expect(steps('Clock skew')).toEqual([null, -clockSkewSeconds, clockSkewSeconds]);
  });
});

describe('what Grafana makes of the dashboard', () => {
  it('starts with the default data source where there are several', () => {
    expect(DASHBOARD.templating.list[0]).toMatchObject({ current: { text: 'default', value: 'default' } });
  });

  // Grafana matches the pattern against each series as text, in which the quotes of a label are not escaped.
  it.each(['Orders', 'Sales "VIP", north', '"', '0800123456'])('offers the VDN named %s by its whole name', (name) => {
    const [, pattern, flags] = /^\/(.+)\/(g)$/.exec(DASHBOARD.templating.list.at(-1)?.regex ?? '') ?? [];
    const series = `{call_center="demo",name="${name}",vdn="7"} 1 1700000000000`;
    const found = Array.from(series.matchAll(new RegExp(pattern ?? '', flags)), ({ groups }) => ({ ...groups }));
    expect(found).toEqual([
      { text: name, value: undefined },
      { text: undefined, value: '7' },
    ]);
  });

  it('shows names as they are: as a number, 0800123 would be 800123', () => {
    const overrides = PANELS.find(({ type }) => type === 'table')?.fieldConfig.overrides ?? [];
    for (const column of ['Name', 'VDN', 'Call center'])
      expect(overrides.find(({ matcher }) => matcher.options === column)?.properties).toContainEqual({
        id: 'unit',
        value: 'string',
      });
  });

  it('colours no number that is not there: as the lowest step, a missing data age would be green', () => {
    for (const { type, title, fieldConfig } of PANELS)
      if (type !== 'timeseries') {
        const text = type === 'table' ? '–' : fieldConfig.defaults.noValue;
        expect(fieldConfig.defaults.mappings, title).toContainEqual({
          type: 'special',
          options: { match: 'null', result: { text, color: 'text', index: 0 } },
        });
      }
  });

  it('marks the firing alerts of what is selected, and those that belong to no call center or VDN', () => {
    const [firing] = DASHBOARD.annotations.list;
    for (const label of ['instance', 'call_center', 'vdn']) expect(firing?.expr).toContain(`${label}=~"$${label}|"`);
    // Grafana prints the name of a label that is not there: only labels of every alert may be named.
    expect(`${firing?.titleFormat} ${firing?.textFormat}`).toBe('{{alertname}} {{severity}}');
  });
});

// What grafana/dashboard-linter 0.2.0 checks, here for panels of every type.
describe('the dashboard linter', () => {
  it('finds the data source, job and instance variables', () => {
    const [source, ...queried] = DASHBOARD.templating.list;
    expect(source).toMatchObject({ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' });
    expect(queried.map(({ name }) => name)).toEqual(['job', 'instance', 'call_center', 'vdn']);
    expect(queried.slice(0, 2).map(({ label }) => label)).toEqual(['Job', 'Instance']);
    for (const variable of queried)
      expect(variable).toMatchObject({
        type: 'query',
        datasource: { uid: '${datasource}' },
        multi: true,
        includeAll: true,
        allValue: '.+',
        refresh: 2,
      });
  });

  it('finds queries in the variables that parse', () => {
    for (const { name, query } of DASHBOARD.templating.list.slice(1)) {
      const text = typeof query === 'string' ? query : query.query;
      const match = /^(?:label_values\((.+), \w+\)|query_result\((.+)\))$/.exec(text);
      expect(match, name).not.toBeNull();
      expect(selectorsOf(substitute(match?.[1] ?? match?.[2] ?? '')).length).toBe(1);
    }
  });

  it.each(PANELS.map((panel) => [panel.title, panel] as const))('accepts the panel %s', (_, panel) => {
    expect(panel.title).not.toBe('');
    expect(panel.description.length).toBeGreaterThan(60);
    expect(panel.datasource.uid).toBe('${datasource}');
    expect(UNITS).toContain(panel.fieldConfig.defaults.unit);
    expect(panel.fieldConfig.defaults.noValue).not.toBe('');
    expect(panel.targets.length).toBeGreaterThan(0);
    expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
    for (const target of panel.targets) expect(target.datasource.uid).toBe('${datasource}');
    expect(['1m', '5m']).toContain(panel.interval);
    if (panel.type === 'stat') expect(panel.options.reduceOptions?.calcs).toEqual(['lastNotNull']);
    if (panel.type === 'timeseries')
      expect(panel.fieldConfig.defaults.custom).toMatchObject({ spanNulls: 301_000, lineInterpolation: 'stepAfter' });
    // Grafana would label 0% and 100% alone.
    if (panel.type === 'timeseries' && panel.fieldConfig.defaults.unit === 'percentunit')
      expect(panel.fieldConfig.defaults.decimals).not.toBe(0);
  });

  it('finds job and instance in every selector, and counters only in rates', () => {
    const known = knownSeries();
    for (const { title, expr } of QUERIES)
      for (const { metric, labels, text, calls } of selectorsOf(
        substitute(expr, { job: '$job', instance: '$instance' }),
      )) {
        const where = `${title}: ${text}`;
        expect(known.has(metric), where).toBe(true);
        for (const label of labels) expect(known.get(metric), where).toContain(label);
        expect(text, where).toContain('job=~"$job"');
        expect(text, where).toContain('instance=~"$instance"');
        if (/_(total|bucket|sum|count)$/.test(metric))
          expect(calls.slice(0, 2), where).toEqual(['[]', expect.stringMatching(/^(rate|irate|increase)$/)]);
      }
    for (const { expr } of QUERIES)
      for (const range of expr.matchAll(/rate\([^[]+\[([^\]]+)\]/g)) expect(range[1]).toBe('$__rate_interval');
  });
});

describe.skipIf(!installed('promtool'))('promtool', () => {
  it('finds no wrong type in any query of a panel or annotation', () => {
    const file = join(mkdtempSync(join(tmpdir(), 'aicc-')), 'queries.yaml');
    const queries = [...QUERIES, ...DASHBOARD.annotations.list];
    const rules = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr: substitute(expr) }));
    writeFileSync(file, stringify({ groups: [{ name: 'queries', rules }] }));
    expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(`${rules.length} rules`);
  });
});
