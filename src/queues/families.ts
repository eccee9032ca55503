import type { VdnConfig } from '../config/schema.ts';
import { QUEUE_INDICATORS, SEVERITIES } from '../config/targets.ts';
import { FAILURE_REASONS } from '../core/errors.ts';
import { printable } from '../core/format.ts';
import type { MetricDefinition } from '../exposition/metrics.ts';
import type { SelfMetricFamily } from '../exposition/self-metrics.ts';
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
import type { SlotTotals } from './slot-account.ts';

type Sample = SelfMetricFamily['values'][number];

export interface FamilySources {
  readonly callCenter: string;
  /** Those whose queues are requested. */
  readonly vdns: readonly Pick<VdnConfig, 'id' | 'targets'>[];
  readonly board: QueueBoard;
  readonly interfaces: () => readonly (readonly [QueueInterface, InterfaceStatus])[];
}

/** Makes the families anew when something changed; the same objects otherwise, so that their text can be kept. */
export function createQueueFamilies(sources: FamilySources): () => readonly SelfMetricFamily[] {
  const { board } = sources;
  const live = once(
    () => board.liveVersion,
    () => liveFamilies(sources),
  );
  const counted = once(
    () => board.version,
    () => countedFamilies(sources),
  );
  return () => [...live(), ...counted(), ...interfaceFamilies(sources)];
}

function once<T>(versionOf: () => number, make: () => T): () => T {
  let last: { readonly version: number; readonly made: T } | undefined;
  return () => {
    const version = versionOf();
    if (last?.version !== version) last = { version, made: make() };
    return last.made;
  };
}

function family({ name, help, type }: MetricDefinition, values: readonly Sample[]): SelfMetricFamily {
  return { name, help, type, values };
}

function labelsOf(callCenter: string, { vdn, id }: ShownQueue) {
  return { call_center: callCenter, vdn: String(vdn), queue: String(id) };
}

function liveFamilies({ callCenter, board }: FamilySources): SelfMetricFamily[] {
  const queues = board.queues();
  return LIVE_METRICS.map((metric) =>
    family(
      metric,
      queues.flatMap((queue): Sample[] => {
        const value = queue.status?.[metric.field];
        return value === undefined ? [] : [{ labels: labelsOf(callCenter, queue), value }];
      }),
    ),
  );
}

function countedFamilies(sources: FamilySources): SelfMetricFamily[] {
  const { callCenter, board } = sources;
  const queues = board.queues();
  const sum = (metric: MetricDefinition, valueOf: (totals: SlotTotals) => number) =>
    family(
      metric,
      queues.flatMap((queue): Sample[] =>
        queue.totals === undefined ? [] : [{ labels: labelsOf(callCenter, queue), value: valueOf(queue.totals) }],
      ),
    );
  return [
    ...SLOT_METRICS.map((metric) => sum(metric, ({ counts }) => counts[SLOT_FIELDS.indexOf(metric.field)] ?? 0)),
    sum(SLOTS, ({ slots }) => slots),
    sum(SLOTS_MISSING, ({ missing }) => missing),
    family(
      QUEUE_INFO,
      queues.flatMap((shown): Sample[] => {
        if (shown.queue === undefined) return [];
        const { name, mediaType } = shown.queue;
        const texts = { name: printable(name), media_type: String(mediaType ?? '') };
        return [{ labels: { ...labelsOf(callCenter, shown), ...texts }, value: 1 }];
      }),
    ),
    thresholds(sources),
  ];
}

function thresholds({ callCenter, vdns }: FamilySources): SelfMetricFamily {
  const values = vdns.flatMap(({ id, targets }) =>
    QUEUE_INDICATORS.flatMap((indicator) =>
      SEVERITIES.flatMap((severity): Sample[] => {
        const value = targets[indicator][severity];
        const labels = { call_center: callCenter, vdn: String(id), indicator, severity };
        return value === undefined ? [] : [{ labels, value }];
      }),
    ),
  );
  return family(QUEUE_THRESHOLD, values);
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
