import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import { DASHBOARDS } from '../../src/monitoring/dashboards.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { COMMITTED, everything, panelsOf } from '../support/dashboards.ts';
import { installed } from '../support/installed.ts';
import { knownSeries, selectorsOf, substitute } from '../support/promql.ts';

/** Units of Grafana 12 (packages/grafana-data/src/valueFormats/categories.ts), as far as they are used here. */
const UNITS = ['none', 'percentunit', 's', 'd', 'dthms', 'reqps', 'bytes'];
/** Units of times: a pattern of moment.js. */
const TIME_UNIT = /^time:(\[[a-z ]+\] )?HH:mm$/;
/** Series in which replicas are one: without an instance. */
const WITHOUT_INSTANCE = /^(ALERTS|ALERTS_FOR_STATE|\w+:\w+:\w+)$/;

it('are all committed', () => {
  const files = readdirSync('grafana').filter((name) => name.endsWith('.json'));
  expect(files.sort()).toEqual([...DASHBOARDS.keys()].map((name) => `${name}.json`).sort());
});

describe.each(COMMITTED)('the dashboard $name', ({ name, text, dashboard }) => {
  const all = everything(dashboard);
  const panels = panelsOf(dashboard);

  it('is committed as it is generated (npm run dashboard)', () => {
    expect(text).toBe(DASHBOARDS.get(name)?.(DEFAULT_OPTIONS));
  });

  it('can be imported by hand and provisioned', () => {
    expect(dashboard).toMatchObject({ id: null, uid: name, schemaVersion: 42, editable: false, timezone: 'browser' });
    expect(dashboard).toMatchObject({
      refresh: name === 'aicc-cti-wall' ? '30s' : '1m',
      time: { from: name === 'aicc-cti-exporter' ? 'now-6h' : 'now/d', to: 'now' },
    });
    expect(dashboard).not.toHaveProperty('__inputs');
    expect(text).not.toContain('libraryPanel');
    expect(dashboard.tags).not.toEqual([]);
    expect(new Set(all.map(({ id }) => id)).size).toBe(all.length);
  });

  it('lays panels out without overlap inside the 24 columns', () => {
    const cells = new Set<string>();
    for (const { title, gridPos } of all) {
      expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
          expect(cells.has(`${x} ${y}`), `${title} lies over another panel`).toBe(false);
          cells.add(`${x} ${y}`);
        }
    }
  });

  it('links to the other dashboards with what is selected, and to the documentation', () => {
    const others = [...DASHBOARDS.keys()].filter((other) => other !== name);
    const linked = dashboard.links.filter(({ includeVars }) => includeVars).map(({ url }) => url);
    expect(linked.sort()).toEqual(others.map((other) => `/d/${other}`).sort());
    const pages = dashboard.links.filter(({ includeVars }) => !includeVars).map(({ url }) => url);
    expect(pages).toEqual(['dashboard', 'runbooks'].map((page) => `${DEFAULT_OPTIONS.docsUrl}/${page}`));
  });

  // What grafana/dashboard-linter 0.2.0 checks, here for panels of every type.
  it('has the data source, job and instance variables of the linter', () => {
    const [source, ...queried] = dashboard.templating.list;
    expect(source).toMatchObject({ name: 'datasource', label: 'Data source', type: 'datasource', query: 'prometheus' });
    expect(queried.map((variable) => variable.name)).toEqual(['job', 'instance', 'call_center', 'vdn']);
    expect(queried.slice(0, 2).map(({ label }) => label)).toEqual(['Job', 'Instance']);
    for (const variable of queried) {
      const isOne = name === 'aicc-cti-vdn' && ['call_center', 'vdn'].includes(variable.name);
      expect(variable).toMatchObject({ type: 'query', datasource: { uid: '${datasource}' }, refresh: 2 });
      expect(variable).toMatchObject({ multi: !isOne, includeAll: !isOne });
      expect(variable.allValue).toBe(isOne ? undefined : '.+');
    }
  });

  it('has variables with queries that parse', () => {
    for (const { name: variable, query } of dashboard.templating.list.slice(1)) {
      const asked = typeof query === 'string' ? query : query.query;
      const match = /^(?:label_values\((.+), \w+\)|query_result\((.+)\))$/.exec(asked);
      expect(match, variable).not.toBeNull();
      expect(selectorsOf(substitute(match?.[1] ?? match?.[2] ?? '')).length).toBe(1);
    }
  });

  it.each(panels.map((panel) => [panel.title, panel] as const))(
    'has a panel that the linter accepts: %s',
    (_, panel) => {
      const { unit, noValue, custom, decimals } = panel.fieldConfig.defaults;
      expect(panel.title).not.toBe('');
      expect(panel.description.length).toBeGreaterThan(60);
      expect(panel.datasource.uid).toBe('${datasource}');
      if (!TIME_UNIT.test(unit)) expect(UNITS).toContain(unit);
      expect(noValue).not.toBe('');
      expect(panel.targets.length).toBeGreaterThan(0);
      expect(new Set(panel.targets.map(({ refId }) => refId)).size).toBe(panel.targets.length);
      for (const target of panel.targets) expect(target.datasource.uid).toBe('${datasource}');
      expect(['1m', '5m', '1h']).toContain(panel.interval);
      if (panel.type === 'stat') expect(panel.options.reduceOptions?.calcs).toEqual(['lastNotNull']);
      if (panel.type === 'timeseries')
        expect(custom).toMatchObject({ spanNulls: 301_000, lineInterpolation: 'stepAfter' });
      // Grafana would label 0% and 100% alone.
      if (panel.type === 'timeseries' && unit === 'percentunit') expect(decimals).not.toBe(0);
    },
  );

  it('has job and instance in every selector, and counters only in rates', () => {
    const known = knownSeries();
    for (const { title, targets } of panels)
      for (const { expr } of targets) {
        const values = { job: '$job', instance: '$instance' };
        for (const { metric, labels, text: selector, calls } of selectorsOf(substitute(expr, values))) {
          const where = `${title}: ${selector}`;
          expect(known.has(metric), where).toBe(true);
          for (const label of labels) expect(known.get(metric), where).toContain(label);
          if (WITHOUT_INSTANCE.test(metric)) {
            // The watchdog belongs to no job.
            expect(selector, where).toMatch(/job=~"\$job\|?"/);
            expect(selector, where).toContain('instance=~"$instance|"');
          } else {
            expect(selector, where).toContain('job=~"$job"');
            expect(selector, where).toContain('instance=~"$instance"');
          }
          if (/_(total|bucket|sum|count)$/.test(metric))
            expect(calls.slice(0, 2), where).toEqual(['[]', expect.stringMatching(/^(rate|irate|increase)$/)]);
        }
        for (const range of expr.matchAll(/rate\([^[]+\[([^\]]+)\]/g)) expect(range[1]).toBe('$__rate_interval');
      }
  });

  it.skipIf(!installed('promtool'))('has no wrong type in any query of a panel or annotation', () => {
    const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-queries-'));
    const queries = [...panels.flatMap(({ targets }) => targets), ...dashboard.annotations.list];
    const rules = queries.map(({ expr }, index) => ({ record: `query:${index}`, expr: substitute(expr) }));
    const file = join(directory, 'queries.yaml');
    writeFileSync(file, stringify({ groups: [{ name: 'queries', rules }] }));
    expect(execFileSync('promtool', ['check', 'rules', file], { encoding: 'utf8' })).toContain(`${rules.length} rules`);
    rmSync(directory, { recursive: true });
  });
});
