import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { isDeepStrictEqual } from 'node:util';
import { readFailure } from '../config/file-checks.ts';
import type { CallCenterConfig, Config } from '../config/schema.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';
import { type CallCenter, type CallCenterOptions, prepareCallCenter } from './call-center.ts';

export type ExporterOptions = Omit<CallCenterOptions, 'config' | 'vdnLabelNames' | 'onChange'>;

/** A config that is ready to take effect. */
export interface PreparedChange {
  /**
   * Switches to the config. Call centers that did not change continue; changed ones keep the windows and
   * counters of the VDNs that stay. Cannot fail: everything that can fail is done.
   */
  commit(): Promise<void>;
  /** Closes what was set up. */
  discard(): Promise<void>;
}

/** What a call center is built from, including the content of TLS files; any change of it builds a new one. */
interface CallCenterInputs {
  readonly config: CallCenterConfig;
  readonly vdnLabelNames: readonly string[];
  readonly tlsFiles: readonly (Buffer | undefined)[];
}

interface RunningCallCenter {
  readonly inputs: CallCenterInputs;
  readonly center: CallCenter;
}

/** Reads the TLS files and checks that certificate and key match. */
function readTlsFiles({ tls }: CallCenterConfig): CallCenterInputs['tlsFiles'] {
  const read = (file: string | undefined) => (file === undefined ? undefined : readFileSync(file));
  const [ca, cert, key] = [read(tls.caFile), read(tls.certFile), read(tls.keyFile)];
  createSecureContext({ ca, cert, key });
  return [ca, cert, key];
}

/** Why a call center cannot be set up, without values of the config. */
function explain(error: unknown): string {
  if (error instanceof OperationError) return error.message;
  const isOfFile = error instanceof Error && 'syscall' in error;
  if (isOfFile) return `Cannot read a file in tls: ${readFailure(error)}`;
  const code = errorCode(error) ?? 'unknown error';
  return `Cannot set up TLS or proxy (${code}): check that cert_file matches key_file, and proxy_url`;
}

/** The change of one call center. */
interface CallCenterChange {
  commit(): Promise<RunningCallCenter>;
  discard(): Promise<void>;
}

/** All call centers of a config at work. */
export class Exporter {
  readonly #options: ExporterOptions;
  #config: Config;
  #running: readonly RunningCallCenter[] = [];
  #isStarted = false;
  #hasBeenReady = false;
  readonly #listeners: (() => Promise<void>)[] = [];

  private constructor(config: Config, options: ExporterOptions) {
    this.#config = config;
    this.#options = options;
  }

  /**
   * Builds the call centers of a config; nothing is polled before `start`.
   * @throws OperationError as {@link Exporter.prepare} does
   */
  static async create(config: Config, options: ExporterOptions): Promise<Exporter> {
    const exporter = new Exporter(config, options);
    const first = await exporter.prepare(config);
    await first.commit();
    return exporter;
  }

  /** In the order of the config. */
  callCenters(): readonly CallCenter[] {
    return this.#running.map(({ center }) => center);
  }

  /** The config in use. */
  config(): Config {
    return this.#config;
  }

  /** Whether every call center has finished its first poll, whatever its outcome. Stays true after a reload. */
  isReady(): boolean {
    this.#hasBeenReady ||= this.#running.every(({ center }) => center.status().polls > 0);
    return this.#hasBeenReady;
  }

  /**
   * Calls `listener` after every change of a call center's snapshot. A poll is reported as finished only when the
   * listener has resolved, so that both become visible together.
   */
  subscribe(listener: () => Promise<void>): void {
    this.#listeners.push(listener);
  }

  /** Starts to poll. */
  start(): void {
    this.#isStarted = true;
    for (const { center } of this.#running) center.start();
  }

  /** Stops polling and closes every connection. */
  async stop(): Promise<void> {
    await Promise.all(this.#running.map(({ center }) => center.stop()));
  }

  /**
   * Prepares another config; one change at a time.
   * @throws OperationError with a line for every call center that cannot be set up; then nothing has changed
   */
  async prepare(next: Config): Promise<PreparedChange> {
    const changes: CallCenterChange[] = [];
    const failures: string[] = [];
    for (const config of next.callCenters) {
      try {
        changes.push(await this.#prepareCenter(config, next.vdnLabelNames));
      } catch (error) {
        failures.push(`Call center ${config.name}: ${explain(error)}`);
      }
    }
    const discard = async () => {
      await Promise.all(changes.map((change) => change.discard()));
    };
    if (failures.length > 0) {
      await discard();
      throw new OperationError(failures.join('\n'));
    }
    return { commit: () => this.#switchTo(next, changes), discard };
  }

  async #prepareCenter(config: CallCenterConfig, vdnLabelNames: readonly string[]): Promise<CallCenterChange> {
    const known = this.#running.find(({ center }) => center.config.name === config.name);
    // Read before the connection is set up: if a file changes in between, the next reload sees a difference.
    const inputs = { config, vdnLabelNames, tlsFiles: readTlsFiles(config) };
    if (known !== undefined && isDeepStrictEqual(known.inputs, inputs)) {
      return { commit: () => Promise.resolve(known), discard: () => Promise.resolve() };
    }
    const onChange = async () => {
      await Promise.all(this.#listeners.map((listener) => listener()));
    };
    const isNew = known === undefined;
    const prepared = await prepareCallCenter({ ...this.#options, config, vdnLabelNames, onChange }, isNew);
    return {
      async commit() {
        await known?.center.stop();
        return { inputs, center: await prepared.takeOver(known?.center) };
      },
      discard: () => prepared.discard(),
    };
  }

  async #switchTo(next: Config, changes: readonly CallCenterChange[]): Promise<void> {
    const before = new Set(this.#running);
    const names = new Set(next.callCenters.map(({ name }) => name));
    const after = await Promise.all(changes.map((change) => change.commit()));
    this.#running = after;
    this.#config = next;
    if (this.#isStarted) for (const each of after) if (!before.has(each)) each.center.start();
    const gone = [...before].filter(({ center }) => !names.has(center.config.name));
    await Promise.all(
      gone.map(async ({ center }) => {
        await center.stop();
        center.forget();
      }),
    );
  }
}
