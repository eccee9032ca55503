import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { COMMITTED } from '../support/dashboards.ts';
import { installed } from '../support/installed.ts';
import { startPrometheus } from '../support/monitoring.ts';
import { substitute } from '../support/promql.ts';
import { startExporter } from '../support/running-exporter.ts';

interface Firing {
  readonly alert: string;
  readonly severity: string;
  readonly vdn: string;
  /** Seconds. */
  readonly fired: number;
}

const MINUTE = 60_000;

/** Open from 10:00 to 19:00 in Berlin; the clocks were changed on 25 October. The hours of the days below are in UTC. */
const FAULTS = [
  // Friday, from closing time on.
  { kind: 'noAgents', vdns: [3], from: '2026-10-23T17:00:00Z', to: '2026-10-23T21:00:00Z' },
  // Monday: it would be open if the clocks had not been changed.
  { kind: 'noAgents', vdns: [3], from: '2026-10-26T07:00:00Z', to: '2026-10-26T08:55:00Z' },
  // Monday: it would be closed if the clocks had not been changed.
  { kind: 'noAgents', vdns: [9], from: '2026-10-26T17:00:00Z', to: '2026-10-26T17:55:00Z' },
];

describe.skipIf(!installed('prometheus') || !installed('promtool'))('days in a real Prometheus', () => {
  let pages: readonly Firing[];

  beforeAll(async () => {
    const args = ['--from=2026-10-22T00:00:00Z', '--to=2026-10-27T00:00:00Z', '--output=json'];
    const script = ['scripts/replay-alerts.mjs', ...args, `--faults=${JSON.stringify(FAULTS)}`];
    const { stdout } = await promisify(execFile)(process.execPath, script);
    pages = (JSON.parse(stdout) as readonly Firing[]).filter(({ severity }) => severity === 'critical');
  }, 5 * MINUTE);

  const pagesOf = (vdn: string) =>
    pages
      .filter((page) => page.vdn === vdn)
      .map(({ alert, fired }) => `${alert} ${new Date(fired * 1000).toISOString()}`);

  it('pages nobody when a line closes and its agents leave, also on the day after the clocks were changed', () => {
    expect(pagesOf('3')).toEqual([]);
  });

  it('pages in the hour that the change of the clocks has added', () => {
    expect(pagesOf('9')).toContainEqual(expect.stringMatching(/^AiccCtiNoAgentForCalls 2026-10-26T17:[12]/));
  });
});

describe.skipIf(!installed('prometheus'))('a call center that vanishes with its exporter', () => {
  it('is critical, and on the wall', { timeout: 2 * MINUTE }, async () => {
    const folder = mkdtempSync(join(tmpdir(), 'aicc-cti-vanishes-'));
    const rules = join(folder, 'rules.yaml');
    const committed = readFileSync('prometheus/aicc-cti.rules.yaml', 'utf8');
    writeFileSync(
      rules,
      committed.replace(/^( +for): (\d+)m$/gm, '$1: $2s').replace(/^( +interval): \d+m$/gm, '$1: 1s'),
    );
    const simulator = await startSimulator({ flat: true });
    const start = (name: string) =>
      startExporter(
        `call_centers: [{ name: ${name}, url: '${simulator.url}', access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1, 2] }]`,
      );
    const [headquarters, branch] = [await start('headquarters'), await start('branch')];
    const targets = [headquarters, branch].map(({ url }) => new URL(url).host);
    const prometheus = await startPrometheus({ static_configs: [{ targets }] }, rules);
    try {
      await prometheus.untilValue('count(aicc_cti_up == 1)', 2);
      await prometheus.until('ALERTS{alertname="WatchdogAiccCti"}');
      expect(await prometheus.query('ALERTS{alertname="AiccCtiCallCenterMissing"}')).toEqual([]);
      await branch.stop();
      const alert = 'ALERTS{alertname="AiccCtiCallCenterMissing", alertstate="firing"}';
      const [missing, ...others] = await prometheus.until(alert);
      expect(missing?.metric).toMatchObject({ call_center: 'branch', severity: 'critical' });
      expect(others).toEqual([]);
      const wall = COMMITTED.find(({ name }) => name === 'aicc-cti-wall')?.dashboard.panels ?? [];
      const [critical] = wall.find(({ title }) => title === 'Lines that need somebody')?.targets ?? [];
      const entries = await prometheus.query(substitute(critical?.expr ?? ''));
      expect(entries.map(({ metric }) => `${metric['line']} (${metric['center']}): ${metric['what']}`)).toContain(
        'all lines (branch): no exporter shows it',
      );
    } finally {
      await prometheus.stop();
      await headquarters.stop();
      await simulator.close();
      rmSync(folder, { recursive: true });
    }
  });
});
