import { statSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type CallCenter, type CallCenterOptions, createCallCenter } from './call-center.ts';
import type { CallCenterConfig, Config } from './config/schema.ts';

export type ExporterOptions = Omit<CallCenterOptions, 'config' | 'vdnLabelNames' | 'onPoll'>;

/** All call centers of a config at work. */
export interface Exporter {
  /** In the order of the config. */
  callCenters(): readonly CallCenter[];
  config(): Config;
  /** Whether each call center has ended its first poll, whatever its outcome. */
  isReady(): boolean;
  /**
   * Changes over to another config. Call centers that did not change go on undisturbed; changed ones keep the windows
   * and counters of the VDNs that stay.
   */
  apply(config: Config): Promise<void>;
  /** Begins to poll. */
  start(): void;
  stop(): Promise<void>;
}

/** Changes when a certificate file was replaced under the same name. */
function tlsFingerprint({ tls }: CallCenterConfig): string {
  const files = [tls.caFile, tls.certFile, tls.keyFile].filter((file) => file !== undefined);
  return files
    .map((file) => statSync(file, { throwIfNoEntry: false }))
    .map((stat) => (stat === undefined ? 'absent' : `${stat.ino}/${stat.size}/${stat.mtimeMs}`))
    .join();
}

interface Entry {
  readonly center: CallCenter;
  readonly labelNames: readonly string[];
  readonly fingerprint: string;
}

/** Builds the call centers of a config; nothing is polled before `start`. */
export async function createExporter(config: Config, options: ExporterOptions): Promise<Exporter> {
  let current = config;
  let entries: readonly Entry[] = [];
  let isStarted = false;

  async function create(
    callCenter: CallCenterConfig,
    labelNames: readonly string[],
    previous?: CallCenter,
  ): Promise<Entry> {
    const center = await createCallCenter({ ...options, config: callCenter, vdnLabelNames: labelNames }, previous);
    return { center, labelNames, fingerprint: tlsFingerprint(callCenter) };
  }

  function isUnchanged(entry: Entry, wanted: CallCenterConfig, labelNames: readonly string[]): boolean {
    return (
      isDeepStrictEqual(entry.center.config, wanted) &&
      isDeepStrictEqual(entry.labelNames, labelNames) &&
      entry.fingerprint === tlsFingerprint(wanted)
    );
  }

  async function apply(next: Config): Promise<void> {
    const before = new Map(entries.map((entry) => [entry.center.config.name, entry]));
    const after: Entry[] = [];
    for (const wanted of next.callCenters) {
      const known = before.get(wanted.name);
      before.delete(wanted.name);
      if (known !== undefined && isUnchanged(known, wanted, next.vdnLabelNames)) {
        after.push(known);
        continue;
      }
      await known?.center.stop();
      const entry = await create(wanted, next.vdnLabelNames, known?.center);
      if (isStarted) entry.center.start();
      after.push(entry);
    }
    current = next;
    entries = after;
    for (const { center } of before.values()) {
      await center.stop();
      center.forget();
    }
  }

  await apply(config);
  return {
    callCenters: () => entries.map(({ center }) => center),
    config: () => current,
    isReady: () => entries.every(({ center }) => center.status().polls > 0),
    apply,
    start() {
      isStarted = true;
      for (const { center } of entries) center.start();
    },
    async stop() {
      await Promise.all(entries.map(({ center }) => center.stop()));
    },
  };
}
