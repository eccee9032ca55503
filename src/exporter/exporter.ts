import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { type CallCenter, type CallCenterOptions, prepareCallCenter } from './call-center.ts';
import { readFailure } from '../config/file-checks.ts';
import type { CallCenterConfig, Config } from '../config/schema.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';

export type ExporterOptions = Omit<CallCenterOptions, 'config' | 'vdnLabelNames'>;

/** A config that is ready to be changed over to. */
export interface PreparedChange {
  /**
   * Changes over. Call centers that did not change go on undisturbed; changed ones keep the windows and counters of the
   * VDNs that stay. Nothing in it can fail: what could has been done.
   */
  commit(): Promise<void>;
  discard(): Promise<void>;
}

/** All call centers of a config at work. */
export interface Exporter {
  /** In the order of the config. */
  callCenters(): readonly CallCenter[];
  config(): Config;
  /** Whether each call center has ended its first poll, whatever its outcome; once true, a reload does not change it. */
  isReady(): boolean;
  /**
   * Gets ready for another config; one change at a time.
   * @throws OperationError with a line for every call center that cannot be set up; then nothing has happened
   */
  prepare(config: Config): Promise<PreparedChange>;
  /** Begins to poll. */
  start(): void;
  stop(): Promise<void>;
}

/** What a call center is built from; it is built anew when any of it changed, a TLS file's content included. */
interface CallCenterInputs {
  readonly config: CallCenterConfig;
  readonly labelNames: readonly string[];
  readonly tlsFiles: readonly (Buffer | undefined)[];
}

interface RunningCallCenter {
  readonly inputs: CallCenterInputs;
  readonly center: CallCenter;
}

/** The TLS files' contents, after a try whether certificate and key fit together. */
function readTlsFiles({ tls }: CallCenterConfig): CallCenterInputs['tlsFiles'] {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const [ca, cert, key] = [read(tls.caFile), read(tls.certFile), read(tls.keyFile)];
  createSecureContext({ ca, cert, key });
  return [ca, cert, key];
}

/** Says why a call center cannot be set up, without values of the config. */
function explain(error: unknown): string {
  if (error instanceof OperationError) return error.message;
  const isOfFile = error instanceof Error && 'syscall' in error;
  if (isOfFile) return `Cannot read a file of its tls: ${readFailure(error)}`;
  const code = errorCode(error) ?? 'unknown error';
  return `Its tls files or its proxy cannot be used (${code}): check that cert_file and key_file belong together, and the proxy's URL`;
}

/** What a call center of the next config comes to. */
interface Step {
  commit(): Promise<RunningCallCenter>;
  discard(): Promise<void>;
}

/** Builds the call centers of a config; nothing is polled before `start`. Throws as {@link Exporter.prepare} does. */
export async function createExporter(initial: Config, options: ExporterOptions): Promise<Exporter> {
  let current = initial;
  let entries: readonly RunningCallCenter[] = [];
  let isStarted = false;
  let hasBeenReady = false;

  async function prepareCenter(config: CallCenterConfig, labelNames: readonly string[]): Promise<Step> {
    const known = entries.find(({ center }) => center.config.name === config.name);
    // Read before the connection is set up: should a file change in between, the next reload sees a difference.
    const inputs = { config, labelNames, tlsFiles: readTlsFiles(config) };
    if (known !== undefined && isDeepStrictEqual(known.inputs, inputs)) {
      return { commit: () => Promise.resolve(known), discard: () => Promise.resolve() };
    }
    const isNew = known === undefined;
    const prepared = await prepareCallCenter({ ...options, config, vdnLabelNames: labelNames }, isNew);
    return {
      async commit() {
        await known?.center.stop();
        return { inputs, center: await prepared.takeOver(known?.center) };
      },
      discard: () => prepared.discard(),
    };
  }

  async function prepare(next: Config): Promise<PreparedChange> {
    const steps: Step[] = [];
    const failures: string[] = [];
    for (const config of next.callCenters) {
      try {
        steps.push(await prepareCenter(config, next.vdnLabelNames));
      } catch (error) {
        failures.push(`Call center ${config.name}: ${explain(error)}`);
      }
    }
    const discard = async () => {
      await Promise.all(steps.map((step) => step.discard()));
    };
    if (failures.length > 0) {
      await discard();
      throw new OperationError(failures.join('\n'));
    }
    return { commit: () => changeOver(next, steps), discard };
  }

  async function changeOver(next: Config, steps: readonly Step[]): Promise<void> {
    const before = new Set(entries);
    const names = new Set(next.callCenters.map(({ name }) => name));
    const after = await Promise.all(steps.map((step) => step.commit()));
    entries = after;
    current = next;
    if (isStarted) for (const entry of after) if (!before.has(entry)) entry.center.start();
    const gone = [...before].filter(({ center }) => !names.has(center.config.name));
    await Promise.all(
      gone.map(async ({ center }) => {
        await center.stop();
        center.forget();
      }),
    );
  }

  const first = await prepare(initial);
  await first.commit();
  return {
    callCenters: () => entries.map(({ center }) => center),
    config: () => current,
    isReady: () => (hasBeenReady ||= entries.every(({ center }) => center.status().polls > 0)),
    prepare,
    start() {
      isStarted = true;
      for (const { center } of entries) center.start();
    },
    async stop() {
      await Promise.all(entries.map(({ center }) => center.stop()));
    },
  };
}
