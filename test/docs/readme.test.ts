import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  type MetricDefinition,
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
} from '../../src/exposition/metrics.ts';
import { SELF_METRICS } from '../../src/exposition/self-metric-table.ts';

const readme = readFileSync('README.md', 'utf8');

/** The table of the README, as the metric table of the program says it must be. */
function metricsTable(): string {
  const groups: [string, readonly MetricDefinition[]][] = [
    ['per VDN', [...WINDOW_METRICS, WINDOW_START, ...TOTAL_METRICS, VDN_INFO, VDN_OPEN, VDN_THRESHOLD]],
    ['exporter', Object.values(SELF_METRICS)],
  ];
  const rows = groups.flatMap(([, definitions]) =>
    definitions.map(({ name, type, labels, help }) => {
      const own = labels.map((label) => `\`${label}\``).join(', ');
      return [`\`${name}\``, type, own, help.replaceAll('|', '\\|')];
    }),
  );
  return [['metric', 'type', 'labels', 'meaning'], ['---', '---', '---', '---'], ...rows]
    .map((cells) => `| ${cells.join(' | ')} |`)
    .join('\n');
}

/** Tables compared without the padding that the formatter adds. */
const bare = (table: string) => table.replaceAll(/ *\| */g, '|').replaceAll(/-+/g, '-');

describe('the README', () => {
  it('has a table of every metric that agrees with the program', () => {
    const [, table = ''] = /<!-- metrics -->\n([\s\S]*?)\n<!-- \/metrics -->/.exec(readme) ?? [];
    expect(bare(table.trim())).toBe(bare(metricsTable()));
  });

  it('and the other documents link to files that exist', () => {
    for (const file of [
      'README.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      'docs/api.md',
      'docs/storage.md',
      'docs/alerting.md',
      'docs/dashboard.md',
      'docs/performance.md',
      'docs/history.md',
      'docs/scale-out.md',
      'docs/web-config.md',
      'docs/simulator.md',
      'docs/runbooks.md',
    ]) {
      const text = readFileSync(file, 'utf8').replaceAll(/```[\s\S]*?```/g, '');
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        expect(existsSync(join(dirname(file), target)), `${file} links to ${target}`).toBe(true);
      }
    }
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });
});
