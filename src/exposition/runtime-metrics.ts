import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import { collectFamilies, type SelfMetricFamily, type SelfMetrics, type Telemetry } from './self-metrics.ts';

/** Collecting takes half a millisecond, longer than the rest of a scrape. It is done at most this often. */
const MAX_AGE_MS = 1000;

/** Calls `collect` again after {@link MAX_AGE_MS}, or when `revision` returns something else. */
function cached<T>(clock: Pick<Clock, 'now'>, revision: () => number, collect: () => Promise<T>): () => Promise<T> {
  let last: { readonly at: number; readonly revision: number; readonly result: Promise<T> } | undefined;
  return () => {
    const at = clock.now();
    // The wall clock, as it goes on while the machine is suspended; it may also be set back.
    if (last === undefined || last.revision !== revision() || Math.abs(at - last.at) >= MAX_AGE_MS) {
      last = { at, revision: revision(), result: collect() };
    }
    return last.result;
  };
}

/**
 * prom-client's `process_*` and `nodejs_*` metrics, at most a second old. It measures the event loop's lag from one
 * collection to the next.
 */
export function createRuntimeMetrics(clock: Pick<Clock, 'now'>): () => Promise<readonly SelfMetricFamily[]> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges that end in _total, which promtool refuses; counting them takes longer with every idle connection.
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_active_')) registry.removeSingleMetric(name);
  }
  return cached(
    clock,
    () => 0,
    () => collectFamilies(registry),
  );
}

/**
 * All self-metrics. They are the same object until something is reported, for at most a second: what
 * is made of them can be kept as long.
 */
export function createSelfMetrics(telemetry: Telemetry, clock: Pick<Clock, 'now'>): () => Promise<SelfMetrics> {
  const runtimeMetrics = createRuntimeMetrics(clock);
  return cached(clock, telemetry.revision, async () => {
    const [{ callCenters, exporter }, runtime] = await Promise.all([telemetry.collect(), runtimeMetrics()]);
    return { callCenters, exporter: [...exporter, ...runtime] };
  });
}
