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
  /** Resolves when no reload is running. */
  readonly idle: () => Promise<void>;
}

/** In each reload everything that can fail comes first, the web config last of it. */
export function createReload(options: ReloadOptions): Reloading {
  const { load, exporter, onChange, telemetry, logger, clock, signal } = options;
  let reloadWeb = () => Promise.resolve();

  async function change(): Promise<Config> {
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

  async function reload(): Promise<void> {
    try {
      const { warnings } = await change();
      for (const warning of warnings) logger.warn(warning);
      telemetry.configLoaded(true, clock.now());
      logger.info('Configuration reloaded');
    } catch (error) {
      telemetry.configLoaded(false, clock.now());
      const isExpected = error instanceof ConfigError || error instanceof OperationError;
      const problems = isExpected ? error.message : error instanceof Error ? error.stack : String(error);
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
    idle: () => last.catch(() => undefined),
  };
}
