import { parser } from '@prometheus-io/lezer-promql';
import type { SyntaxNode } from '@lezer/common';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { ruleGroups } from '../../src/monitoring/rules.ts';
import {
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
} from '../../src/exposition/metrics.ts';
import { QUEUE_METRICS } from '../../src/queues/metrics.ts';
import { SELF_METRICS } from '../../src/exposition/self-metric-table.ts';
import type { MetricDefinition } from '../../src/exposition/metrics.ts';

/** One selector of a query: its metric, the label names it mentions, and the functions around it, innermost first. */
export interface Selector {
  readonly metric: string;
  readonly labels: readonly string[];
  readonly text: string;
  readonly calls: readonly string[];
}

const walk = (node: SyntaxNode, visit: (node: SyntaxNode) => void): void => {
  visit(node);
  for (let child = node.firstChild; child !== null; child = child.nextSibling) walk(child, visit);
};

/** Puts values where Grafana puts them, so that a query can be parsed and run. */
export function substitute(expr: string, values: Readonly<Record<string, string>> = {}): string {
  const own: Readonly<Record<string, string>> = { __rate_interval: '5m', __interval: '5m', __range: '6h' };
  // `$1` belongs to label_replace.
  return expr.replace(/\$\{?([a-z_]\w*)\}?/g, (_, name: string) => values[name] ?? own[name] ?? '.+');
}

/** The selectors of a query; throws where the grammar does not accept it. */
export function selectorsOf(expr: string): readonly Selector[] {
  const at = (node: SyntaxNode | null): string => (node === null ? '' : expr.slice(node.from, node.to));
  const found: Selector[] = [];
  walk(parser.parse(expr).topNode, (node) => {
    if (node.type.isError) throw new Error(`Syntax error at ${node.from} of ${expr}`);
    if (node.name !== 'VectorSelector') return;
    const labels: string[] = [];
    walk(node, (inner) => {
      if (inner.name === 'LabelName') labels.push(at(inner));
    });
    const calls: string[] = [];
    for (let outer = node.parent; outer !== null; outer = outer.parent) {
      if (outer.name === 'FunctionCall') calls.push(at(outer.firstChild));
      if (outer.name === 'MatrixSelector') calls.push('[]');
    }
    found.push({ metric: at(node.getChild('Identifier')), labels, text: at(node), calls });
  });
  return found;
}

/** Labels that alerts have, or some of them. */
const ALERT_LABELS = ['alertname', 'severity', 'component', 'call_center', 'vdn'];

/** Every name that a query may use with its labels, from the metric table and the recording rules. */
export function knownSeries(): ReadonlyMap<string, readonly string[]> {
  const target = ['job', 'instance'];
  const table: readonly MetricDefinition[] = [
    ...WINDOW_METRICS,
    WINDOW_START,
    ...TOTAL_METRICS,
    VDN_INFO,
    VDN_OPEN,
    VDN_THRESHOLD,
    ...Object.values(SELF_METRICS),
    ...QUEUE_METRICS,
  ];
  const names = new Map<string, readonly string[]>([
    ['up', target],
    ['scrape_duration_seconds', target],
    // Of prom-client.
    ['process_resident_memory_bytes', target],
    ['process_cpu_seconds_total', target],
    ['ALERTS', [...ALERT_LABELS, 'alertstate', ...target]],
    ['ALERTS_FOR_STATE', [...ALERT_LABELS, ...target]],
  ]);
  for (const { name, type, labels } of table) {
    const all = [...labels, ...target];
    names.set(name, all);
    if (type !== 'histogram') continue;
    for (const suffix of ['_bucket', '_sum', '_count']) names.set(name + suffix, [...all, 'le']);
  }
  for (const rule of ruleGroups(DEFAULT_OPTIONS).flatMap(({ rules }) => rules)) {
    if ('record' in rule)
      names.set(rule.record, ['call_center', 'vdn', 'queue', 'name', 'indicator', 'severity', ...target]);
  }
  return names;
}
