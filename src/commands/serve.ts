import { once } from 'node:events';
import { type Clock, systemClock } from '../core/clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { Exporter } from '../exporter/exporter.ts';
import { createExposition } from '../exposition/exposition.ts';
import { createApp } from '../http/app.ts';
import { startServer } from '../web-server/server.ts';
import { ConfigError, OperationError } from '../core/errors.ts';
import type { ExporterState } from '../http/status-page/problems.ts';
import { renderStatusPage } from '../http/status-page/status-page.ts';
import type { VdnQuery } from '../http/status-page/vdn-list.ts';
import { createLogger, type Logger } from '../core/log.ts';
import { createReload } from '../exporter/reload.ts';
import { createSelfMetrics } from '../exposition/runtime-metrics.ts';
import { noStorage, openStorage, type Storage } from '../storage/ledger-store.ts';
import { createTelemetry, type Telemetry } from '../exposition/self-metrics.ts';
import { readVersion } from '../core/version.ts';
import { checkConfig } from './check-config.ts';
import { parseFlags, SERVE_USAGE, type ServeFlags } from './serve-flags.ts';
import { collectGarbage } from '../core/memory.ts';

export interface ServeIo {
  readonly stdout: { write(text: string): unknown };
  readonly stderr: { write(text: string): unknown };
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborted to stop cleanly (SIGTERM, SIGINT). */
  readonly signal: AbortSignal;
  /** Registers what SIGHUP does. */
  readonly onHangup: (reload: () => void) => void;
}

interface ServeDependencies {
  readonly flags: ServeFlags;
  readonly io: ServeIo;
  readonly config: Config;
  readonly version: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly telemetry: Telemetry;
  readonly storage: Storage;
  /** When the ledgers could not be read or written the last time, milliseconds since the epoch. */
  readonly storageFailedAt: () => number | undefined;
  /** Registers what SIGHUP does from now on. */
  readonly setOnHangup: (reload: () => void) => void;
}

/** Polls and serves until the signal is aborted; stops everything it started, also after an error. */
async function run(dependencies: ServeDependencies): Promise<void> {
  const { flags, io, config, version, clock, logger, telemetry, storage, storageFailedAt, setOnHangup } = dependencies;
  const exporter = await Exporter.create(config, {
    clock,
    logger,
    telemetry,
    storage,
    proxyEnvironment: io.env,
    random: Math.random,
  });
  const exposition = createExposition({
    sources: () => exporter.callCenters().map(({ config: { name }, snapshot }) => ({ name, snapshot })),
    labelNames: () => exporter.config().vdnLabelNames,
    selfMetrics: createSelfMetrics(telemetry, clock),
    now: () => clock.now(),
  });
  exporter.subscribe(() => exposition.refresh());

  try {
    const startedAt = clock.now();
    let refusedReload: { readonly at: number; readonly reason: string } | undefined;
    const exporterState = (): ExporterState => {
      const centers = exporter.callCenters();
      return {
        refusedReload,
        storageFailedAt: storageFailedAt(),
        warnings: exporter.config().warnings,
        skews: centers.map((center) => ({ callCenter: center.config.name, skewMs: center.skewMs() ?? 0 })),
      };
    };
    const statusPage = (query: VdnQuery) =>
      renderStatusPage({
        version,
        startedAt,
        now: clock.now(),
        telemetryPath: flags.telemetryPath,
        docsUrl: flags.docsUrl,
        callCenters: exporter.callCenters().map((center) => ({
          snapshot: center.snapshot(),
          status: center.status(),
          vdnsConfigured: center.config.vdns === 'all' ? undefined : center.config.vdns.length,
        })),
        exporter: exporterState(),
        query,
      });
    const {
      reload: load,
      attachWeb,
      idle,
    } = createReload({
      load: () => loadConfig(flags.configFile, io.env),
      exporter,
      onChange: () => exposition.refresh(),
      telemetry,
      logger,
      clock,
      signal: io.signal,
    });
    const reload = async () => {
      try {
        await load();
        refusedReload = undefined;
      } catch (error) {
        const isExpected = error instanceof ConfigError || error instanceof OperationError;
        refusedReload = { at: clock.now(), reason: isExpected ? error.message : 'The log has the reason.' };
        throw error;
      }
    };
    const { telemetryPath, docsUrl } = flags;
    const server = await startServer({
      handler: createApp({ exporter, exposition, telemetryPath, docsUrl, statusPage, reload, logger }),
      listenAddresses: flags.listenAddresses,
      webConfigFile: flags.webConfigFile,
      logger,
      clock,
    });
    attachWeb(() => server.reload());
    setOnHangup(() => {
      reload().catch(() => undefined); // Logged where it failed.
    });

    try {
      // Before the first poll, whose garbage it keeps small.
      collectGarbage();
      exporter.start();
      if (!io.signal.aborted) await once(io.signal, 'abort');
      logger.info('Stopping');
    } finally {
      await server.close();
      await idle();
    }
  } finally {
    await exporter.stop();
  }
}

/**
 * Runs the exporter until `signal` is aborted; returns the exit code.
 * @throws UsageError, ConfigError, or OperationError when an address cannot be used
 */
export async function serve(argv: readonly string[], io: ServeIo): Promise<number> {
  if (argv.includes('--help')) {
    io.stdout.write(SERVE_USAGE);
    return 0;
  }
  const flags = parseFlags(argv);
  if (flags.isCheck) {
    const web = flags.webConfigFile === undefined ? [] : [`--web.config.file=${flags.webConfigFile}`];
    return checkConfig([`--config.file=${flags.configFile}`, ...web], io);
  }
  // First of all: SIGHUP ends a process without a handler.
  let onHangup: () => void = () => undefined;
  io.onHangup(() => {
    onHangup();
  });

  const clock = systemClock;
  const logger = createLogger(flags.logLevel, flags.logFormat, io.stderr);
  const version = readVersion();
  const config = await loadConfig(flags.configFile, io.env);
  logger.info({ version, node: process.version, config: flags.configFile }, 'Starting aicc-cti-exporter');
  for (const warning of config.warnings) logger.warn(warning);

  const telemetry = createTelemetry(version);
  telemetry.configLoaded(true, clock.now());
  let storageFailedAt: number | undefined;
  const onFailure = (operation: 'read' | 'write') => {
    storageFailedAt = clock.now();
    telemetry.storageFailed(operation);
  };
  const storage =
    flags.storagePath === undefined
      ? noStorage
      : await openStorage({ directory: flags.storagePath, clock, logger, onFailure });
  const setOnHangup = (reload: () => void) => (onHangup = reload);
  try {
    await run({
      flags,
      io,
      config,
      version,
      clock,
      logger,
      telemetry,
      storage,
      storageFailedAt: () => storageFailedAt,
      setOnHangup,
    });
  } finally {
    await storage.close();
  }
  logger.info('Stopped');
  return 0;
}
