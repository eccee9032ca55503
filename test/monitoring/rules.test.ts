import { execFileSync } from 'node:child_process';
import { readFileSync, readdirSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { GROUPS, rulesFile } from '../../src/monitoring/rules.ts';
import { THRESHOLDS } from '../../src/monitoring/thresholds.ts';
import type { Alert } from '../../src/monitoring/alert.ts';
import { installed } from '../support/installed.ts';
import { knownSeries, selectorsOf } from '../support/promql.ts';

const RULES = 'prometheus/aicc-cti.rules.yaml';
const TESTS = readdirSync('prometheus').filter((name) => name.endsWith('.test.yaml'));
const ALERTS = GROUPS.flatMap((group): readonly Alert[] =>
  (group.rules as readonly (Alert | object)[]).filter((rule): rule is Alert => 'alert' in rule),
);
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

  it('have a runbook, and a dashboard row that is documented', () => {
    const headings = (file: string): string[] =>
      [...readFileSync(file, 'utf8').matchAll(/^#+ (.+)$/gm)].map((match) => String(match[1]).toLowerCase());
    for (const { annotations } of ALERTS)
      for (const url of [annotations.runbook_url, annotations.dashboard_url]) {
        const [file, anchor] = url.replace(/^.*\/blob\/main\//, '').split('#') as [string, string];
        expect(headings(file), url).toContain(anchor);
      }
  });

  it('state the thresholds that stand in one place', () => {
    const text = readFileSync(RULES, 'utf8');
    const { answeredShare, occupancy, unavailable, traffic } = THRESHOLDS;
    for (const part of [
      `ratio15m) < ${answeredShare.warning}\n`,
      `ratio15m) < ${answeredShare.critical}\n`,
      `ratio15m) > ${occupancy.saturated}\n`,
      `ratio15m) > ${unavailable}\n`,
      `> ${traffic.high}\n`,
      `< ${traffic.low}\n`,
    ])
      expect(text).toContain(part);
  });

  it('are each tested firing and quiet', () => {
    const cases = TESTS.flatMap(
      (file) => (parse(readFileSync(`prometheus/${file}`, 'utf8')) as RuleTest).tests,
    ).flatMap((test) => test.alert_rule_test ?? []);
    for (const { alert, labels } of ALERTS) {
      const own = cases.filter(({ alertname }) => alertname === alert);
      const fired = own.flatMap(({ exp_alerts }) => exp_alerts).map(({ exp_labels }) => exp_labels.severity);
      expect(fired, `${alert} fires`).toContain(labels.severity);
      expect(
        own.some(({ exp_alerts }) => exp_alerts.length === 0),
        `${alert} stays quiet`,
      ).toBe(true);
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

  // Two weeks in steps of five minutes take a while.
  it.each(TESTS)('passes %s', { timeout: 120_000 }, (file) => {
    expect(run('promtool', 'test', 'rules', `prometheus/${file}`)).toContain('SUCCESS');
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
