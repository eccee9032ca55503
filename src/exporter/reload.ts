import type { Config } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { ConfigError, OperationError } from '../core/errors.ts';
import type { Logger } from '../core/log.ts';
import type { Telemetry } from '../exposition/self-metrics.ts';
import type { Exporter } from './exporter.ts';

export interface ReloadOptions {
  /** Reads the config again. */
  readonly load: () => Promise<Config>;
  readonly exporter: Pick<Exporter, 'prepare'>;
  /** Makes the change visible; resolves when scrapes show it. */
  readonly onChange: () => Promise<void>;
  readonly telemetry: Pick<Telemetry, 'configLoaded'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the exporter stops: later reloads are refused. */
  readonly signal: AbortSignal;
}

export interface Reloading {
  /**
   * What SIGHUP and `POST /-/reload` call: applies the config and the web config, or neither. Reloads run one at a time.
   * Rejects when nothing was changed: with ConfigError or OperationError, or because of a bug.
   */
  readonly reload: () => Promise<void>;
  /**
   * Adds the web server, which is created after the handler that calls `reload`.
   * @param reloadWeb reads the web config again, and uses it if it is valid
   */
  readonly attachWeb: (reloadWeb: () => Promise<void>) => void;
  /** Why the last reload was refused, for the status page; undefined after one that succeeded. */
  readonly refused: () => RefusedReload | undefined;
  /** Resolves when no reload is running. */
  readonly idle: () => Promise<void>;
}

export interface RefusedReload {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly reason: string;
}

/** Each reload first does everything that can fail, the web config last; only then it changes anything. */
export function createReload(options: ReloadOptions): Reloading {
  const { telemetry, logger, clock } = options;
  let reloadWeb = () => Promise.resolve();
  let refused: RefusedReload | undefined;

  async function reload(): Promise<void> {
    try {
      const { warnings } = await change(options, reloadWeb);
      for (const warning of warnings) logger.warn(warning);
      telemetry.configLoaded(true, clock.now());
      refused = undefined;
      logger.info('Configuration reloaded');
    } catch (error) {
      telemetry.configLoaded(false, clock.now());
      const { problems, reason } = explain(error);
      refused = { at: clock.now(), reason };
      logger.error({ problems }, 'Configuration not reloaded: the previous one stays in use');
      throw error;
    }
  }

  let last: Promise<void> = Promise.resolve();
  return {
    reload: () => (last = last.then(reload, reload)),
    attachWeb: (reload) => {
      reloadWeb = reload;
    },
    refused: () => refused,
    idle: () => last.catch(() => undefined),
  };
}

/** `problems` for the log; `reason` for the status page, which shows no internals. */
function explain(error: unknown): { problems: string | undefined; reason: string } {
  if (error instanceof ConfigError || error instanceof OperationError) {
    return { problems: error.message, reason: error.message };
  }
  const problems = error instanceof Error ? error.stack : String(error);
  return { problems, reason: 'The log has the reason.' };
}

/** Uses the config on disk and the web config, or neither of them. Returns the new config. */
async function change(options: ReloadOptions, reloadWeb: () => Promise<void>): Promise<Config> {
  const { load, exporter, onChange, signal } = options;
  if (signal.aborted) throw new OperationError('The exporter is stopping');
  const config = await load();
  const prepared = await exporter.prepare(config);
  try {
    await reloadWeb();
  } catch (error) {
    await prepared.discard();
    throw error;
  }
  await prepared.commit();
  await onChange();
  return config;
}
