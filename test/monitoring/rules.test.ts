import { execFile, execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse, stringify } from 'yaml';
import { INDICATORS } from '../../src/config/targets.ts';
import type { Alert } from '../../src/monitoring/alert.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import type { RecordingRule } from '../../src/monitoring/records.ts';
import { type RuleGroup, ruleGroups, rulesFile } from '../../src/monitoring/rules.ts';
import { COMMITTED, panelsOf } from '../support/dashboards.ts';
import { installed } from '../support/installed.ts';
import { knownSeries, selectorsOf, substitute } from '../support/promql.ts';

const RULES = 'prometheus/aicc-cti.rules.yaml';
const TESTS = readdirSync('prometheus').filter((name) => name.endsWith('.test.yaml'));
const GROUPS = ruleGroups(DEFAULT_OPTIONS);
const ALERTS = GROUPS.flatMap(({ rules }) => rules).filter((rule): rule is Alert => 'alert' in rule);
const recordsOf = ({ rules }: RuleGroup): readonly RecordingRule[] =>
  rules.flatMap((rule) => ('record' in rule ? [rule] : []));
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

  it('read the records of another group over a range only, as the groups have no order', () => {
    for (const group of GROUPS) {
      const others = GROUPS.filter((other) => other !== group);
      const records = others.flatMap(recordsOf).map(({ record }) => record);
      for (const { expr } of group.rules) {
        const now = selectorsOf(expr.replaceAll(/last_over_time\([\w:]+\[6m\]\)/g, '1'));
        expect(now.filter(({ metric }) => records.includes(metric))).toEqual([]);
      }
    }
  });

  it('record nothing that no alert and no dashboard reads', () => {
    const panels = COMMITTED.flatMap(({ dashboard }) => panelsOf(dashboard)).flatMap(({ targets }) => targets);
    const queries = [...ALERTS.map(({ expr }) => expr), ...panels.map(({ expr }) => substitute(expr))];
    const read = new Set(queries.flatMap(selectorsOf).map(({ metric }) => metric));
    const records = GROUPS.flatMap(recordsOf);
    // A record may read those after it, in another group.
    for (let i = 0; i < 2; i++)
      for (const { expr, record } of records.toReversed())
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

  // Two weeks of evaluations take a while; they take minutes with rules of which the test needs nothing.
  it.each(TESTS)('passes %s', { timeout: 600_000 }, async (file) => {
    const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-rules-'));
    const text = readFileSync(`prometheus/${file}`, 'utf8');
    const named = GROUPS.filter(({ rules }) =>
      rules.some((rule) => text.includes('alert' in rule ? rule.alert : rule.record)),
    );
    expect(named).not.toEqual([]);
    const groups = GROUPS.map((group) => (named.includes(group) ? group : { ...group, rules: recordsOf(group) }));
    writeFileSync(join(directory, 'aicc-cti.rules.yaml'), stringify({ groups }, { aliasDuplicateObjects: false }));
    writeFileSync(join(directory, file), text);
    const { stdout } = await promisify(execFile)('promtool', ['test', 'rules', join(directory, file)]);
    expect(stdout).toContain('SUCCESS');
    rmSync(directory, { recursive: true });
  });
});

describe.skipIf(!installed('amtool'))('amtool', () => {
  const CONFIG = 'prometheus/alertmanager.yml';
  const receiversOf = (...labels: readonly string[]): string =>
    run('amtool', 'config', 'routes', 'test', `--config.file=${CONFIG}`, ...labels).trim();

  it('accepts the example configuration', () => {
    expect(run('amtool', 'check-config', CONFIG)).toContain('SUCCESS');
  });

  // The team lead gets an alert, too, when there is no data.
  it.each([
    [
      'contact-center-lead,platform-team-page',
      'alertname=AiccCtiPollFailing component=aicc-cti-exporter severity=critical',
    ],
    ['platform-team-page', 'alertname=AiccCtiCertificateExpiring component=aicc-cti-exporter severity=critical'],
    ['platform-team', 'alertname=AiccCtiClockSkew component=aicc-cti-exporter severity=warning'],
    ['platform-team', 'alertname=Any component=something-else severity=critical'],
    ['platform-team', 'alertname=Any severity=info'],
    ['contact-center-lead-page', 'alertname=Any component=aicc-cti severity=critical call_center=hq vdn=7'],
    ['contact-center-lead', 'alertname=Any component=aicc-cti severity=warning call_center=hq vdn=7'],
    ['null', 'alertname=Any component=aicc-cti severity=info'],
    ['null', 'alertname=Any component=aicc-cti-exporter severity=info'],
    ['dead-mans-switch', 'alertname=WatchdogAiccCti component=aicc-cti-exporter severity=none'],
  ])('sends to %s: %s', (receivers, labels) => {
    expect(receiversOf(...labels.split(' '))).toBe(receivers);
  });

  it('sends every alert to its team, critical as a page, and information to nobody', () => {
    for (const { alert, labels } of ALERTS.filter(({ labels: { severity } }) => severity !== 'none')) {
      const team = labels.component === 'aicc-cti' ? 'contact-center-lead' : 'platform-team';
      const expected = { info: 'null', warning: team, critical: `${team}-page` }[labels.severity as 'info'];
      const sent = receiversOf(`alertname=${alert}`, `severity=${labels.severity}`, `component=${labels.component}`);
      expect(sent.split(',').at(-1), alert).toBe(expected);
    }
  });

  it('mutes and routes alerts of our components alone', () => {
    interface Node {
      readonly matchers?: readonly string[];
      readonly routes?: readonly Node[];
    }
    const config = parse(readFileSync(CONFIG, 'utf8')) as {
      readonly route: Node;
      readonly inhibit_rules: readonly { source_matchers: readonly string[]; target_matchers: readonly string[] }[];
    };
    const nodes = ({ routes = [] }: Node): readonly Node[] => routes.flatMap((node) => [node, ...nodes(node)]);
    const all = [
      ...nodes(config.route).map(({ matchers }) => matchers ?? []),
      ...config.inhibit_rules.flatMap(({ source_matchers, target_matchers }) => [source_matchers, target_matchers]),
    ];
    for (const matchers of all) expect(matchers.join(), matchers.join()).toMatch(/(^|,)component=~?"aicc-cti/);
  });

  it.each([
    ['title', 'CRITICAL: Few calls are answered: VDN 7 (Orders), call center hq (and 1 more)'],
    ['text', 'Few calls are answered: VDN 7 (Orders), call center hq'],
    ['text', '50% of the calls; the target is at least 60%.\nSince: 2026-11-26 01:02 UTC\n'],
    ['text', 'Dashboard: http://grafana/d/7\nRunbook: http://docs/runbooks'],
  ])('has a template with a %s that says %j', (name, says) => {
    const alert = {
      status: 'firing',
      labels: { severity: 'critical' },
      annotations: {
        summary: 'Few calls are answered: VDN 7 (Orders), call center hq',
        description: '50% of the calls; the target is at least 60%.',
        dashboard_url: 'http://grafana/d/7',
        runbook_url: 'http://docs/runbooks',
      },
      startsAt: '2026-11-26T01:02:03Z',
    };
    const data = { status: 'firing', commonLabels: alert.labels, alerts: [alert, alert] };
    const file = join(mkdtempSync(join(tmpdir(), 'aicc-cti-template-')), 'data.json');
    writeFileSync(file, JSON.stringify(data));
    const template = `--template.text={{ template "aicc_cti.${name}" . }}`;
    const glob = '--template.glob=prometheus/aicc-cti.tmpl';
    expect(run('amtool', 'template', 'render', glob, template, `--template.data=${file}`)).toContain(says);
    rmSync(dirname(file), { recursive: true });
  });
});
