import { collectDefaultMetrics, Registry } from 'prom-client';
import type { Clock } from '../core/clock.ts';
import type { Telemetry } from './self-metrics.ts';

/** Collecting them takes half a millisecond, several times what the rest of a scrape takes. */
const KEPT_MS = 1000;

/**
 * prom-client's `process_*` and `nodejs_*` metrics in text format 0.0.4, at most a second old, so that many scrapes
 * cost no more than one. It measures the event loop's lag from one collection to the next.
 */
export function createRuntimeMetrics(clock: Pick<Clock, 'monotonic'>): () => Promise<string> {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  // Gauges that end in _total, which promtool refuses; counting them takes longer with every idle connection.
  for (const { name } of registry.getMetricsAsArray()) {
    if (name.startsWith('nodejs_active_')) registry.removeSingleMetric(name);
  }
  let text: Promise<string> | undefined;
  let collectedAt = -Infinity;
  return () => {
    const now = clock.monotonic();
    if (text === undefined || now - collectedAt >= KEPT_MS) {
      collectedAt = now;
      text = registry.metrics();
    }
    return text;
  };
}

/**
 * All of the exporter's own metrics in text format 0.0.4. They are the same text until something was reported, or for
 * a second: what is made of the text can be kept as long.
 */
export function createSelfMetricsText(
  telemetry: Pick<Telemetry, 'registry' | 'revision'>,
  clock: Pick<Clock, 'monotonic'>,
): () => Promise<string> {
  const runtimeMetrics = createRuntimeMetrics(clock);
  let text: Promise<string> | undefined;
  let madeAt = -Infinity;
  let revision = -1;
  return () => {
    const now = clock.monotonic();
    if (text === undefined || telemetry.revision() !== revision || now - madeAt >= KEPT_MS) {
      madeAt = now;
      revision = telemetry.revision();
      text = Promise.all([telemetry.registry.metrics(), runtimeMetrics()]).then((parts) => parts.join(''));
    }
    return text;
  };
}
