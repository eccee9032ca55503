import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
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
import { QUEUE_METRICS } from '../../src/queues/metrics.ts';
import { SELF_METRICS } from '../../src/exposition/self-metric-table.ts';

const readme = readFileSync('README.md', 'utf8');
const chinese = readFileSync('README.zh-CN.md', 'utf8');

/** What a translation must not change: flags, metric names, the first column of tables, and commands in code blocks. */
function untranslated(text: string) {
  const all = (pattern: RegExp) => new Set([...text.matchAll(pattern)].map((match) => match[1] ?? match[0]));
  return {
    flags: all(/--[a-z][\w.-]*/g),
    metrics: all(/aicc_cti_\w+/g),
    firstColumns: all(/^\| (`[^|]+?) +\|/gm),
    commands: all(/^(?:\$ )?((?:npm|export|curl|aicc-cti-exporter) [^#\n]*?) *(?:#.*)?$/gm),
    links: all(/\]\(([^)#]+)\)/g),
  };
}

/** The table of the README, as the metric table of the program says it must be. */
function metricsTable(): string {
  const groups: [string, readonly MetricDefinition[]][] = [
    ['per VDN', [...WINDOW_METRICS, WINDOW_START, ...TOTAL_METRICS, VDN_INFO, VDN_OPEN, VDN_THRESHOLD]],
    ['exporter', Object.values(SELF_METRICS)],
    ['skill queues', QUEUE_METRICS],
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
    const pages = readdirSync('docs').filter((name) => name.endsWith('.md'));
    const files = [
      'README.md',
      'README.zh-CN.md',
      'CONTRIBUTING.md',
      'CHANGELOG.md',
      ...pages.map((name) => `docs/${name}`),
    ];
    for (const file of files) {
      const text = readFileSync(file, 'utf8').replaceAll(/```[\s\S]*?```/g, '');
      for (const [, target = ''] of text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)) {
        expect(existsSync(join(dirname(file), target)), `${file} links to ${target}`).toBe(true);
      }
    }
  });

  it('and its Chinese translation have the same commands, flags, metrics, paths and links', () => {
    const links = new Set(['README.md', 'README.zh-CN.md']);
    const own = (text: string) => {
      const found = untranslated(text);
      return { ...found, links: new Set([...found.links].filter((link) => !links.has(link))) };
    };
    expect(own(chinese)).toEqual(own(readme));
    expect(own(readme).firstColumns.size).toBeGreaterThan(50);
  });

  it('lists every command and every flag of serve', () => {
    const usage = execFileSync(process.execPath, ['dist/main.js', '--help'], { encoding: 'utf8' });
    const [, list = '', flags = ''] = /Commands:\n([\s\S]*?)\n\n([\s\S]*)/.exec(usage) ?? [];
    const commands = [...list.matchAll(/^ {2}([a-z-]+) /gm)].map((match) => match[1]);
    const named = [...flags.matchAll(/^ {2}(--[\w.-]+)/gm)].map((match) => match[1]);
    expect(commands.length).toBeGreaterThan(8);
    expect(named.length).toBeGreaterThan(8);
    for (const name of [...commands, ...named]) expect(readme).toContain(`\`${name ?? ''}\``);
  });

  it('names only npm scripts that exist', () => {
    const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
    const named = [...readme.matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name);
    expect(Object.keys(scripts)).toEqual(expect.arrayContaining(named));
  });
});
