import { once } from 'node:events';
import { type Clock, systemClock } from '../core/clock.ts';
import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { Exporter } from '../exporter/exporter.ts';
import { createExposition, type Exposition } from '../exposition/exposition.ts';
import { createApp } from '../http/app.ts';
import type { Handler } from '../web-server/access-control.ts';
import { startServer } from '../web-server/server.ts';
import { renderStatusPage } from '../http/status-page/status-page.ts';
import type { VdnQuery } from '../http/status-page/vdn-list.ts';
import { createLogger, type Logger } from '../core/log.ts';
import { createReload, type Reloading } from '../exporter/reload.ts';
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
  /** Sets what SIGHUP does from now on. */
  readonly setOnHangup: (reload: () => void) => void;
}

interface Running {
  readonly exporter: Exporter;
  readonly exposition: Exposition;
  readonly reloading: Reloading;
}

/** Polls and serves until the signal is aborted; stops everything it started, also after an error. */
async function run(dependencies: ServeDependencies): Promise<void> {
  const { flags, io, config, clock, logger, telemetry, storage, setOnHangup } = dependencies;
  const environment = { clock, logger, telemetry, storage, proxyEnvironment: io.env, random: Math.random };
  const exporter = await Exporter.create(config, environment);
  const exposition = createExposition({
    sources: () => exporter.callCenters().map(({ config: { name }, snapshot }) => ({ name, snapshot })),
    labelNames: () => exporter.config().vdnLabelNames,
    selfMetrics: createSelfMetrics(telemetry, clock),
    now: () => clock.now(),
  });
  const onChange = () => exposition.refresh();
  exporter.subscribe(onChange);
  const load = () => loadConfig(flags.configFile, io.env);
  const reloading = createReload({ load, exporter, onChange, telemetry, logger, clock, signal: io.signal });

  try {
    const handler = createHandler(dependencies, { exporter, exposition, reloading });
    const { listenAddresses, webConfigFile } = flags;
    const server = await startServer({ handler, listenAddresses, webConfigFile, logger, clock });
    reloading.attachWeb(() => server.reload());
    setOnHangup(() => {
      reloading.reload().catch(() => undefined); // Logged where it failed.
    });
    try {
      // Before the first poll, so that the memory of the start is free for it.
      collectGarbage();
      exporter.start();
      if (!io.signal.aborted) await once(io.signal, 'abort');
      logger.info('Stopping');
    } finally {
      await server.close();
      await reloading.idle();
    }
  } finally {
    await exporter.stop();
  }
}

/** All routes, with a status page that shows what is running. */
function createHandler(
  { flags, version, clock, logger, storageFailedAt }: ServeDependencies,
  { exporter, exposition, reloading }: Running,
): Handler {
  const { telemetryPath, docsUrl } = flags;
  const startedAt = clock.now();
  const statusPage = (query: VdnQuery) => {
    // Not earlier: the first use of Intl takes 7 MB.
    const ownTimeZone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const callCenters = exporter.callCenters();
    return renderStatusPage({
      ...{ version, startedAt, telemetryPath, docsUrl, query, now: clock.now() },
      callCenters: callCenters.map((center) => ({
        snapshot: center.snapshot(),
        status: center.status(),
        queues: center.queues(),
        vdnsConfigured: center.config.vdns === 'all' ? undefined : center.config.vdns.length,
        timeZone: center.config.openingHours?.timeZone ?? ownTimeZone,
      })),
      exporter: {
        refusedReload: reloading.refused(),
        storageFailedAt: storageFailedAt(),
        warnings: exporter.config().warnings,
        skews: callCenters.map((center) => ({ callCenter: center.config.name, skewMs: center.skewMs() ?? 0 })),
      },
    });
  };
  const { reload } = reloading;
  return createApp({ exporter, exposition, telemetryPath, docsUrl, statusPage, reload, logger });
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
  const setOnHangup = (reload: () => void) => (onHangup = reload);

  const clock = systemClock;
  const logger = createLogger(flags.logLevel, flags.logFormat, io.stderr);
  const version = readVersion();
  const config = await loadConfig(flags.configFile, io.env);
  logger.info({ version, node: process.version, config: flags.configFile }, 'Starting aicc-cti-exporter');
  for (const warning of config.warnings) logger.warn(warning);

  const telemetry = createTelemetry(version);
  telemetry.configLoaded(true, clock.now());
  const { storage, storageFailedAt } = await openLedgers(flags, clock, logger, telemetry);
  try {
    await run({ flags, io, config, version, clock, logger, telemetry, storage, storageFailedAt, setOnHangup });
  } finally {
    await storage.close();
  }
  logger.info('Stopped');
  return 0;
}

/** Opens the ledgers of `--storage.path`, and remembers when they could not be read or written. */
async function openLedgers(
  { storagePath: directory }: ServeFlags,
  clock: Clock,
  logger: Logger,
  telemetry: Telemetry,
): Promise<Pick<ServeDependencies, 'storage' | 'storageFailedAt'>> {
  let failedAt: number | undefined;
  const onFailure = (operation: 'read' | 'write') => {
    failedAt = clock.now();
    telemetry.storageFailed(operation);
  };
  const storage = directory === undefined ? noStorage : await openStorage({ directory, clock, logger, onFailure });
  return { storage, storageFailedAt: () => failedAt };
}
