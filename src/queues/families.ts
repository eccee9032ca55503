import { QUEUE_INDICATORS, type QueueTargets, SEVERITIES } from '../config/targets.ts';
import { FAILURE_REASONS } from '../core/errors.ts';
import { printable } from '../core/format.ts';
import type { MetricDefinition } from '../exposition/metrics.ts';
import type { SelfMetricFamily } from '../exposition/self-metrics.ts';
import { escapeLabel } from '../exposition/text-format.ts';
import type { QueueBoard, ShownQueue } from './board.ts';
import type { InterfaceStatus } from './health.ts';
import type { QueueInterface } from './interfaces.ts';
import {
  LIVE_METRICS,
  QUEUE_INFO,
  QUEUE_LAST_SUCCESS,
  QUEUE_REQUEST_FAILURES,
  QUEUE_REQUESTS,
  QUEUE_ROWS_REJECTED,
  QUEUE_THRESHOLD,
  QUEUE_UP,
  SLOT_METRICS,
  SLOTS,
  SLOTS_MISSING,
} from './metrics.ts';
import { SLOT_FIELDS } from './rows.ts';

type Sample = SelfMetricFamily['values'][number];

export interface FamilySources {
  readonly callCenter: string;
  /** Those whose queues are requested. */
  readonly vdns: readonly { readonly id: number }[];
  readonly board: QueueBoard;
  readonly interfaces: () => readonly (readonly [QueueInterface, InterfaceStatus])[];
}

/** Makes the families. The lines of a VDN are made anew when something of it changed. */
export function createQueueFamilies(sources: FamilySources): () => readonly SelfMetricFamily[] {
  const { board, vdns } = sources;
  const live = createLines(vdns, LIVE_LINES, sources, (vdn) => board.versionsOf(vdn).live);
  const known = createLines(vdns, KNOWN_LINES, sources, (vdn) => board.versionsOf(vdn).known);
  return () => [...live(), ...known(), ...interfaceFamilies(sources)];
}

/** A metric with the ends of its lines for a queue, after the label `queue`; none where it has no value. */
type LineEnds = readonly [MetricDefinition, (shown: ShownQueue) => readonly string[]];

const valueEnd = (value: number | undefined): readonly string[] => (value === undefined ? [] : [`} ${value}\n`]);

const LIVE_LINES: readonly LineEnds[] = LIVE_METRICS.map((metric) => [
  metric,
  ({ status }) => valueEnd(status?.[metric.field]),
]);

const KNOWN_LINES: readonly LineEnds[] = [
  ...SLOT_METRICS.map((metric): LineEnds => {
    const index = SLOT_FIELDS.indexOf(metric.field);
    return [metric, ({ totals }) => valueEnd(totals?.counts[index])];
  }),
  [SLOTS, ({ totals }) => valueEnd(totals?.slots)],
  [SLOTS_MISSING, ({ totals }) => valueEnd(totals?.missing)],
  [
    QUEUE_INFO,
    ({ queue }) =>
      queue === undefined
        ? []
        : [`,name="${escapeLabel(printable(queue.name))}",media_type="${queue.mediaType ?? ''}"} 1\n`],
  ],
  [QUEUE_THRESHOLD, ({ targets }) => thresholdEnds(targets)],
];

function thresholdEnds(targets: QueueTargets): readonly string[] {
  return QUEUE_INDICATORS.flatMap((indicator) =>
    SEVERITIES.flatMap((severity) => {
      const value = targets[indicator][severity];
      return value === undefined ? [] : [`,indicator="${indicator}",severity="${severity}"} ${value}\n`];
    }),
  );
}

function createLines(
  vdns: FamilySources['vdns'],
  metrics: readonly LineEnds[],
  { callCenter, board }: FamilySources,
  versionOf: (vdn: number) => number,
): () => readonly SelfMetricFamily[] {
  /** The lines of each VDN, one text for each metric. */
  const made = new Map<number, { readonly version: number; readonly texts: readonly string[] }>();
  const textsOf = (vdn: number): readonly string[] => {
    const version = versionOf(vdn);
    const known = made.get(vdn);
    if (known?.version === version) return known.texts;
    const queues = board.queuesOf(vdn);
    const texts = metrics.map(([{ name }, endsOf]) => {
      const start = `${name}{call_center="${escapeLabel(callCenter)}",vdn="${vdn}",queue="`;
      let text = '';
      for (const shown of queues) for (const end of endsOf(shown)) text += `${start}${shown.id}"${end}`;
      return text;
    });
    made.set(vdn, { version, texts });
    return texts;
  };
  return () => {
    const all = vdns.map(({ id }) => textsOf(id));
    return metrics.map(([{ name, help, type }], index) => {
      return { name, help, type, values: [], text: all.map((texts) => texts[index] ?? '').join('') };
    });
  };
}

function family({ name, help, type }: MetricDefinition, values: readonly Sample[]): SelfMetricFamily {
  return { name, help, type, values };
}

function interfaceFamilies({ callCenter, interfaces }: FamilySources): SelfMetricFamily[] {
  const statuses = interfaces();
  const each = (metric: MetricDefinition, valueOf: (status: InterfaceStatus) => number | undefined) =>
    family(
      metric,
      statuses.flatMap(([name, status]): Sample[] => {
        const value = valueOf(status);
        return value === undefined ? [] : [{ labels: { call_center: callCenter, interface: name }, value }];
      }),
    );
  const failures = statuses.flatMap(([name, status]) =>
    FAILURE_REASONS.map((reason): Sample => ({
      labels: { call_center: callCenter, interface: name, reason },
      value: status.failures.get(reason) ?? 0,
    })),
  );
  return [
    each(QUEUE_UP, ({ isUp }) => (isUp ? 1 : 0)),
    each(QUEUE_LAST_SUCCESS, ({ lastSuccessAt }) => lastSuccessAt && lastSuccessAt / 1000),
    each(QUEUE_REQUESTS, ({ requests }) => requests),
    family(QUEUE_REQUEST_FAILURES, failures),
    each(QUEUE_ROWS_REJECTED, ({ rejectedRows }) => rejectedRows),
  ];
}
