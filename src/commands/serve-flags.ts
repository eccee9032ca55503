import { UsageError } from '../core/errors.ts';
import { RESERVED_PATHS } from '../http/reserved-paths.ts';
import { LOG_FORMATS, LOG_LEVELS, type LogFormat, type LogLevel } from '../core/log.ts';
import { oneOf, readFlags } from './flags.ts';

export const SERVE_USAGE = `Usage: aicc-cti-exporter [serve] --config.file=FILE [flags]

Polls the call centers of the config and serves what they report to Prometheus.

  --config.file=FILE              configuration (required); config.example.yaml documents every key
  --config.check                  check the configuration, and the web config, and exit: 0 if good, 2 if not
  --web.listen-address=ADDRESS    host:port, :port or [ipv6]:port; repeatable (default :10122)
  --web.telemetry-path=PATH       where the metrics are (default /metrics)
  --web.docs-url=URL              where links to the documentation lead (default /docs: the exporter's own)
  --web.config.file=FILE          TLS, client certificates, users (exporter-toolkit's format)
  --storage.path=DIR              keep counters over restarts in this directory
  --log.level=LEVEL               debug, info, warn or error (default info)
  --log.format=FORMAT             logfmt or json (default logfmt)
  --version, --help
`;

/** The flags of serve, checked. */
export interface ServeFlags {
  readonly configFile: string;
  readonly isCheck: boolean;
  readonly listenAddresses: readonly string[];
  readonly telemetryPath: string;
  /** Without a slash at its end. */
  readonly docsUrl: string;
  readonly webConfigFile: string | undefined;
  readonly storagePath: string | undefined;
  readonly logLevel: LogLevel;
  readonly logFormat: LogFormat;
}

/** @throws UsageError */
function parseDocsUrl(text: string): string {
  const isUrl = URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol);
  if (text !== '/docs' && (!isUrl || /[?#]/.test(text))) {
    throw new UsageError(
      `--web.docs-url is "${text}": use an http or https URL without query, such as https://docs.example.com/aicc`,
    );
  }
  return text.replace(/\/+$/, '');
}

/** @throws UsageError */
export function parseFlags(argv: readonly string[]): ServeFlags {
  const values = readFlags(argv, {
    'config.file': { type: 'string' },
    'config.check': { type: 'boolean', default: false },
    'web.listen-address': { type: 'string', multiple: true, default: [':10122'] },
    'web.telemetry-path': { type: 'string', default: '/metrics' },
    'web.docs-url': { type: 'string', default: '/docs' },
    'web.config.file': { type: 'string' },
    'storage.path': { type: 'string' },
    'log.level': { type: 'string', default: 'info' },
    'log.format': { type: 'string', default: 'logfmt' },
  });
  const configFile = values['config.file'];
  if (!configFile) throw new UsageError('--config.file=FILE is missing: config.example.yaml shows what belongs in it');
  const telemetryPath = values['web.telemetry-path'];
  if (!/^\/[\w./-]*$/.test(telemetryPath)) {
    throw new UsageError(`--web.telemetry-path is "${telemetryPath}": use a path of plain characters such as /metrics`);
  }
  if (RESERVED_PATHS.includes(telemetryPath)) {
    throw new UsageError(`--web.telemetry-path is "${telemetryPath}", which is taken: use another such as /metrics`);
  }
  return {
    configFile,
    isCheck: values['config.check'],
    listenAddresses: values['web.listen-address'],
    telemetryPath,
    docsUrl: parseDocsUrl(values['web.docs-url']),
    // Service files pass an empty value for none.
    webConfigFile: values['web.config.file'] || undefined,
    storagePath: values['storage.path'],
    logLevel: oneOf('log.level', values['log.level'].toLowerCase(), LOG_LEVELS),
    logFormat: oneOf('log.format', values['log.format'].toLowerCase(), LOG_FORMATS),
  };
}
