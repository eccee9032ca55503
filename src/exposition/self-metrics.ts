import { Counter, Gauge, Registry } from 'prom-client';
import { type CallCenterTelemetry, createCallCenterMetrics, metricOptions } from './call-center-metrics.ts';
import type { MetricDefinition } from './metrics.ts';
import { SELF_METRICS } from './self-metric-table.ts';

/** A metric with its samples, as prom-client's `getMetricsAsJSON()` gives it. */
export interface SelfMetricFamily extends Pick<MetricDefinition, 'name' | 'help'> {
  readonly type: string;
  /** The lines of the family, where they are made elsewhere; `values` is empty then. */
  readonly text?: string;
  readonly values: readonly {
    /** Name of the sample where it is not the metric's: `_bucket`, `_sum`, `_count`. */
    readonly metricName?: string;
    /** A number is the bound of a histogram. */
    readonly labels: Readonly<Partial<Record<string, string | number>>>;
    readonly value: number;
  }[];
}

/** The self-metrics at one moment. */
export interface SelfMetrics {
  /** By the call center's name, in the order in which they were added. */
  readonly callCenters: ReadonlyMap<string, readonly SelfMetricFamily[]>;
  /** Of the process, whatever the call center. */
  readonly exporter: readonly SelfMetricFamily[];
}

/** The metrics of the process and of the call centers with these names; of all without names. */
export function familiesOf(
  { callCenters, exporter }: SelfMetrics,
  names?: readonly string[],
): readonly SelfMetricFamily[] {
  const chosen = [...callCenters].filter(([name]) => names?.includes(name) ?? true);
  return [...chosen.flatMap(([, families]) => families), ...exporter];
}

/** Records events as metrics. */
export interface Telemetry {
  /** Adds the metrics of a call center. */
  readonly callCenter: (name: string) => CallCenterTelemetry;
  /**
   * Sets the metrics of the skill queues of a call center; undefined takes them away.
   * @param families called at most once a second
   */
  readonly queues: (callCenter: string, families: (() => readonly SelfMetricFamily[]) | undefined) => void;
  readonly configLoaded: (ok: boolean, now: number) => void;
  readonly storageFailed: (operation: 'read' | 'write') => void;
  readonly collect: () => Promise<SelfMetrics>;
  /** Changes whenever something is reported. `aicc_cti_vdns_reporting` changes without it, as time passes. */
  readonly revision: () => number;
}

/** All metrics of a registry with their samples. */
export async function collectFamilies(registry: Registry): Promise<SelfMetricFamily[]> {
  const families = await registry.getMetricsAsJSON();
  return families.map((family) => ({ ...family, type: String(family.type) }));
}

function registerProcessMetrics(registry: Registry, version: string) {
  const options = metricOptions(registry);
  const storageFailures = new Counter(options(SELF_METRICS.storageFailures));
  const reloadSuccessful = new Gauge(options(SELF_METRICS.configReloadSuccessful));
  const reloadTime = new Gauge(options(SELF_METRICS.configReloadTime));
  new Gauge(options(SELF_METRICS.buildInfo)).set({ version, node_version: process.version }, 1);
  for (const operation of ['read', 'write']) storageFailures.inc({ operation }, 0);
  return { storageFailures, reloadSuccessful, reloadTime };
}

async function familiesOfCallCenter(
  name: string,
  registry: Registry,
  queues: (() => readonly SelfMetricFamily[]) | undefined,
): Promise<[name: string, families: readonly SelfMetricFamily[]]> {
  return [name, [...(await collectFamilies(registry)), ...(queues?.() ?? [])]];
}

/** The metrics of {@link SELF_METRICS}: one registry for each call center, and one for the process. */
export function createTelemetry(version: string): Telemetry {
  const registry = new Registry();
  const { storageFailures, reloadSuccessful, reloadTime } = registerProcessMetrics(registry, version);
  const callCenters = new Map<string, Registry>();
  const queues = new Map<string, () => readonly SelfMetricFamily[]>();
  let revision = 0;
  const changed = () => {
    revision++;
  };
  return {
    callCenter(name) {
      changed();
      const metrics = createCallCenterMetrics(name, changed);
      callCenters.set(name, metrics.registry);
      const remove = () => {
        changed();
        callCenters.delete(name);
        queues.delete(name);
      };
      return { ...metrics.telemetry, remove };
    },
    queues(callCenter, families) {
      changed();
      if (families === undefined) queues.delete(callCenter);
      else queues.set(callCenter, families);
    },
    configLoaded(ok, now) {
      changed();
      reloadSuccessful.set(ok ? 1 : 0);
      if (ok) reloadTime.set(now / 1000);
    },
    storageFailed(operation) {
      changed();
      storageFailures.inc({ operation });
    },
    async collect() {
      const families = ([name, of]: [string, Registry]) => familiesOfCallCenter(name, of, queues.get(name));
      const exporter = collectFamilies(registry);
      return { callCenters: new Map(await Promise.all([...callCenters].map(families))), exporter: await exporter };
    },
    revision: () => revision,
  };
}
