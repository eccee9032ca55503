import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parse } from 'yaml';

import { dashboard } from '../../src/commands/dashboard.ts';
import { rules } from '../../src/commands/rules.ts';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { DASHBOARDS } from '../../src/monitoring/dashboards.ts';

type Command = typeof rules;

async function run(command: Command, ...args: string[]): Promise<string> {
  let text = '';
  const stdout = new Writable({
    write: (chunk: Buffer, _, done) => {
      text += chunk.toString();
      done();
    },
  });
  expect(await command(args, { stdout })).toBe(0);
  return text;
}

interface Rule {
  readonly alert?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Rules {
  readonly groups: readonly { readonly name: string; readonly interval: string; readonly rules: readonly Rule[] }[];
}

const alertsOf = ({ groups }: Rules): Rule[] => groups.flatMap((group) => group.rules.filter(({ alert }) => alert));

describe('rules', () => {
  it('prints by default the file that the repository ships', async () => {
    expect(await run(rules)).toBe(await readFile('prometheus/aicc-cti.rules.yaml', 'utf8'));
  });

  it('prints a PrometheusRule with the same groups, as the custom resource allows them', async () => {
    const plain = parse(await run(rules, '--alert-label=team')) as Rules;
    const resource = parse(await run(rules, '--alert-label=team', '--format=kubernetes')) as Record<string, unknown>;
    expect(Object.keys(resource)).toEqual(['apiVersion', 'kind', 'metadata', 'spec']);
    expect(resource).toMatchObject({ apiVersion: 'monitoring.coreos.com/v1', kind: 'PrometheusRule' });
    expect(resource['spec']).toEqual(plain);
    // The patterns and fields of the definition, prometheusrules.monitoring.coreos.com, version v1.
    const duration = /^(0|(([0-9]+)y)?(([0-9]+)w)?(([0-9]+)d)?(([0-9]+)h)?(([0-9]+)m)?(([0-9]+)s)?(([0-9]+)ms)?)$/;
    const fields = ['alert', 'annotations', 'expr', 'for', 'keep_firing_for', 'labels', 'record'];
    for (const { name, interval, rules: inGroup } of plain.groups) {
      expect(name).not.toBe('');
      expect(interval).toMatch(duration);
      for (const rule of inGroup) {
        expect(fields).toEqual(expect.arrayContaining(Object.keys(rule)));
        const { labels = {}, annotations = {}, ...own } = rule;
        for (const value of Object.values({ ...labels, ...annotations, ...own })) expect(value).toBeTypeOf('string');
        for (const field of ['for', 'keep_firing_for'] as const) {
          if (field in own) expect((own as Record<string, string>)[field]).toMatch(duration);
        }
      }
    }
    expect(new Set(plain.groups.map(({ name }) => name)).size).toBe(plain.groups.length);
  });

  it('puts the URLs in front of every link', async () => {
    const text = await run(rules, '--docs-url=https://docs.example.com/cti/', '--dashboard-url=https://g.example.com');
    const alerts = alertsOf(parse(text) as Rules);
    expect(alerts.length).toBeGreaterThan(10);
    for (const { annotations } of alerts) {
      expect(annotations?.['runbook_url']).toMatch(/^https:\/\/docs\.example\.com\/cti\/runbooks#[a-z]+$/);
      expect(annotations?.['dashboard_url']).toMatch(/^https:\/\/g\.example\.com\/d\/aicc-cti/);
    }
    expect(text).not.toContain('localhost');
  });

  it('puts chosen labels on the alerts about a VDN', async () => {
    expect(await run(rules)).not.toContain('team');
    expect(await run(rules, '--alert-label=team', '--alert-label=floor')).toMatch(/group_left ?\([^)]*\bteam, floor\b/);
  });

  it.each([
    [['--format=helm'], '--format is "helm": use one of prometheus, kubernetes'],
    [['--job='], '--job must be the job_name of the exporters in Prometheus, without quotes, braces or dollars'],
    [['--job=a"b'], '--job must be the job_name of the exporters in Prometheus, without quotes, braces or dollars'],
    [['--docs-url=docs.example.com'], '--docs-url is "docs.example.com": use an http:// or https:// URL'],
    [
      ['--dashboard-url=https://g/d?x=1'],
      '--dashboard-url must end after the path, and must not contain a user, a query or a fragment',
    ],
    [['--alert-label=a,b'], '--alert-label is "a,b": use the name of a label, and repeat the flag for more'],
    [
      ['--alert-label=name'],
      '--alert-label=name is not needed: this label is there already; choose a label of your VDNs',
    ],
    [['--alert-label=team', '--alert-label=team'], '--alert-label=team is given twice: remove one'],
  ])('refuses %j with one sentence', async (args, message) => {
    await expect(run(rules, ...args)).rejects.toThrow(new UsageError(message));
  });
});

describe('dashboard', () => {
  const [first = ''] = DASHBOARDS.keys();

  it.each([...DASHBOARDS.keys()])('%s is by default the file that the repository ships', async (name) => {
    expect(await run(dashboard, name)).toBe(await readFile(`grafana/${name}.json`, 'utf8'));
  });

  it('prints the first one without a name', async () => {
    expect(await run(dashboard)).toBe(await run(dashboard, first));
  });

  it('writes all into a directory', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'dashboards-'));
    onTestFinished(() => rm(directory, { recursive: true }));
    expect(await run(dashboard, '--all', `--output=${directory}`)).toBe('');
    expect((await readdir(directory)).sort()).toEqual([...DASHBOARDS.keys()].map((name) => `${name}.json`).sort());
    for (const name of DASHBOARDS.keys()) {
      expect(await readFile(join(directory, `${name}.json`), 'utf8')).toBe(await run(dashboard, name));
    }
  });

  it('that cannot be written says where and why', async () => {
    const write = run(dashboard, first, '--output=/nonexistent');
    await expect(write).rejects.toThrow(
      new OperationError(`Cannot write ${join('/nonexistent', `${first}.json`)}: no such directory, create it first`),
    );
  });

  it.each([
    [['nothing'], /^Unknown dashboard "nothing": use one of aicc-cti/],
    [['--all'], /^--all needs --output=DIR: each dashboard is a file of its own$/],
    [['aicc-cti', '--all', '--output=x'], /^Give either a NAME or --all, not both$/],
    [['--output='], /^--output needs a directory$/],
    [['--label=1'], /^--label is "1": use the name of a label/],
  ])('refuses %j with one sentence', async (args, message) => {
    await expect(run(dashboard, ...args)).rejects.toThrow(message);
  });
});
