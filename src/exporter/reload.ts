import type { Clock } from '../core/clock.ts';
import type { Config } from '../config/schema.ts';
import { ConfigError, OperationError } from '../core/errors.ts';
import type { Exporter } from './exporter.ts';
import type { Logger } from '../core/log.ts';
import type { Telemetry } from '../exposition/self-metrics.ts';

export interface ReloadOptions {
  /** Reads the config again. */
  readonly load: () => Promise<Config>;
  readonly exporter: Pick<Exporter, 'prepare'>;
  /** Reads the web config again, and uses it if it is good. */
  readonly reloadWeb: () => Promise<void>;
  /** Makes the change visible; resolves when scrapes show it. */
  readonly onChange: () => Promise<void>;
  readonly telemetry: Pick<Telemetry, 'configLoaded'>;
  readonly logger: Logger;
  readonly clock: Clock;
  /** Aborted when the exporter stops: nothing is changed then any more. */
  readonly signal: AbortSignal;
}

export interface Reloading {
  /**
   * What SIGHUP and `POST /-/reload` call: changes the config and the web config, or neither. Waits for the one before.
   * Rejects when everything stays as it was: with ConfigError or OperationError, or for a mistake of ours.
   */
  readonly reload: () => Promise<void>;
  /** Resolves when no reload is under way. */
  readonly idle: () => Promise<void>;
}

/** Reloads one after the other; in each, all that can fail comes first, the web config last of it. */
export function createReload(options: ReloadOptions): Reloading {
  const { load, exporter, reloadWeb, onChange, telemetry, logger, clock, signal } = options;

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
      logger.error({ problems }, 'Configuration not reloaded, the old one stays');
      throw error;
    }
  }

  let last: Promise<void> = Promise.resolve();
  return {
    reload: () => (last = last.then(reload, reload)),
    idle: () => last.catch(() => undefined),
  };
}
