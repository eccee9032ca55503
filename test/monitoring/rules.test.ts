import { execFile, execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { INDICATORS } from '../../src/config/targets.ts';
import type { Alert } from '../../src/monitoring/alert.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { ruleGroups, rulesFile } from '../../src/monitoring/rules.ts';
import { installed } from '../support/installed.ts';
import { knownSeries, selectorsOf } from '../support/promql.ts';

const RULES = 'prometheus/aicc-cti.rules.yaml';
const TESTS = readdirSync('prometheus').filter((name) => name.endsWith('.test.yaml'));
const GROUPS = ruleGroups(DEFAULT_OPTIONS);
const ALERTS = GROUPS.flatMap(({ rules }) => rules).filter((rule): rule is Alert => 'alert' in rule);
const WATCHDOG = 'WatchdogAiccCti';
const run = (program: string, ...args: string[]): string =>
  execFileSync(program, args, { encoding: 'utf8', stdio: 'pipe' });

interface RuleTest {
  readonly tests: readonly {
    readonly alert_rule_test?: readonly {
      readonly alertname: string;
      readonly exp_alerts: readonly { readonly exp_labels: { readonly severity: string } }[];
    }[];
  }[];
}

describe('the rules', () => {
  it('are committed as they are generated (npm run dashboard)', () => {
    expect(readFileSync(RULES, 'utf8')).toBe(rulesFile());
  });

  it('use only metrics and labels that exist', () => {
    const known = knownSeries();
    for (const { rules } of GROUPS)
      for (const { expr } of rules)
        for (const { metric, labels } of selectorsOf(expr)) {
          expect(known.has(metric), `${metric} in ${expr}`).toBe(true);
          for (const label of labels) expect(known.get(metric), expr).toContain(label);
        }
  });

  it('read no record of another group, as the groups have no order', () => {
    for (const group of GROUPS) {
      const others = GROUPS.filter((other) => other !== group).flatMap(({ rules }) => rules);
      const records = others.flatMap((rule) => ('record' in rule ? [rule.record] : []));
      const read = group.rules.flatMap(({ expr }) => selectorsOf(expr)).map(({ metric }) => metric);
      expect(read.filter((metric) => records.includes(metric))).toEqual([]);
    }
  });

  it('record nothing that no alert reads', () => {
    const read = new Set(ALERTS.flatMap(({ expr }) => selectorsOf(expr)).map(({ metric }) => metric));
    const records = GROUPS.flatMap(({ rules }) => rules).flatMap((rule) => ('record' in rule ? [rule] : []));
    for (const { expr, record } of records.reverse())
      if (read.has(record)) for (const { metric } of selectorsOf(expr)) read.add(metric);
    for (const { record } of records) expect([...read], record).toContain(record);
  });

  it('have a runbook', () => {
    const headings = [...readFileSync('docs/runbooks.md', 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) =>
      String(match[1]).toLowerCase(),
    );
    for (const { alert, annotations } of ALERTS) {
      expect(annotations.runbook_url).toBe(`${DEFAULT_OPTIONS.docsUrl}/runbooks#${alert.toLowerCase()}`);
      expect(headings).toContain(alert.toLowerCase());
    }
  });

  it('compare with the targets of each line, and hold no limit of their own', () => {
    for (const indicator of INDICATORS) {
      const judging = ALERTS.filter(({ expr }) => expr.includes(`indicator="${indicator}"`));
      expect(judging.map(({ labels }) => labels.severity)).toEqual(['warning', 'critical']);
      for (const { expr } of judging) expect(expr.replaceAll(/"[^"]*"|\b\w+:\w+:\w+\b/g, '')).not.toMatch(/\d/);
    }
  });

  it('carry the labels that were chosen beside the name, and link to the addresses that were given', () => {
    const options = {
      job: 'cti',
      docsUrl: 'https://docs.example.com/cti',
      dashboardUrl: 'https://grafana.example.com',
      alertLabels: ['team'],
      labels: [],
    };
    const text = rulesFile(options);
    expect(text).toContain('group_left (name, team)');
    expect(text).not.toMatch(/(ignoring|group_left) \(name[,)](?! team)/);
    expect(text).toContain('up{job="cti"}');
    for (const value of [DEFAULT_OPTIONS.job, DEFAULT_OPTIONS.docsUrl, DEFAULT_OPTIONS.dashboardUrl]) {
      expect(text).not.toMatch(new RegExp(`["(]${value}`));
    }
    for (const { annotations } of ruleGroups(options).flatMap(({ rules }) => rules) as readonly Partial<Alert>[]) {
      if (annotations === undefined) continue;
      expect(annotations.runbook_url).toMatch(/^https:\/\/docs\.example\.com\/cti\/runbooks#/);
      expect(annotations.dashboard_url).toMatch(/^https:\/\/grafana\.example\.com\/d\/aicc-cti-/);
    }
  });

  it('are each tested firing and quiet, and every template expands', () => {
    const texts = TESTS.map((file) => readFileSync(`prometheus/${file}`, 'utf8'));
    expect(texts.filter((text) => text.includes('error expanding'))).toEqual([]);
    const cases = texts
      .flatMap((text) => (parse(text) as RuleTest).tests)
      .flatMap((test) => test.alert_rule_test ?? []);
    for (const { alert, labels } of ALERTS) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      const fired = own.flatMap(({ exp_alerts }) => exp_alerts).map(({ exp_labels }) => exp_labels.severity);
      expect(fired, `${alert} fires`).toContain(labels.severity);
      expect(alert === WATCHDOG || own.some(({ exp_alerts }) => exp_alerts.length === 0), `${alert} stays quiet`).toBe(
        true,
      );
    }
  });
});

describe.skipIf(!installed('promtool'))('promtool', () => {
  it('finds nothing to complain about in the rules', () => {
    expect(run('promtool', 'check', 'rules', '--lint=all', '--lint-fatal', RULES)).toContain('SUCCESS');
  });

  it('accepts the example configuration', () => {
    expect(run('promtool', 'check', 'config', 'prometheus/prometheus.yml')).toContain('SUCCESS');
  });

  // Two weeks in steps of ten minutes take a while.
  it.each(TESTS)('passes %s', { timeout: 600_000 }, async (file) => {
    const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', `prometheus/${file}`]);
    expect(stdout).toContain('SUCCESS');
  });
});

describe.skipIf(!installed('amtool'))('amtool', () => {
  const CONFIG = 'prometheus/alertmanager.yml';

  it('accepts the example configuration', () => {
    expect(run('amtool', 'check-config', CONFIG)).toContain('SUCCESS');
  });

  it.each([
    ['platform-team', 'component=aicc-cti-exporter severity=critical'],
    ['platform-team', 'component=aicc-cti-exporter severity=warning'],
    ['platform-team', 'component=something-else severity=critical'],
    ['contact-center-lead', 'component=aicc-cti severity=critical call_center=hq vdn=7'],
    ['contact-center-lead', 'component=aicc-cti severity=warning call_center=hq vdn=7'],
    ['null', 'component=aicc-cti severity=info'],
    ['null', 'component=aicc-cti-exporter severity=info'],
  ])('sends to %s: %s', (receiver, labels) => {
    const args = ['config', 'routes', 'test', `--config.file=${CONFIG}`, `--verify.receivers=${receiver}`];
    expect(run('amtool', ...args, ...labels.split(' ')).trim()).toBe(receiver);
  });

  it('has a receiver for every alert', () => {
    for (const { alert, labels } of ALERTS) {
      const args = ['config', 'routes', 'test', `--config.file=${CONFIG}`, `alertname=${alert}`];
      const receiver = run('amtool', ...args, `severity=${labels.severity}`, `component=${labels.component}`).trim();
      expect(receiver).toBe(
        labels.severity === 'info' ? 'null' : labels.component === 'aicc-cti' ? 'contact-center-lead' : 'platform-team',
      );
    }
  });
});
