import type { IncomingMessage, ServerResponse } from 'node:http';
import { renderEffectiveConfig } from '../config/redact.ts';
import { ConfigError, OperationError } from '../errors.ts';
import type { Exporter } from '../exporter.ts';
import type { Exposition } from '../exposition.ts';
import type { Logger } from '../log.ts';
import { answer, answerLine } from './answer.ts';
import type { Handler } from './guard.ts';
import { metricsHandler } from './metrics-handler.ts';
import { discoverTargets } from './service-discovery.ts';
import { CONTENT_SECURITY_POLICY } from './status-style.ts';
import { pathOf, searchOf } from './target.ts';
import { parseVdnQuery, type VdnQuery } from './vdn-list.ts';

/** Paths that the telemetry path must leave free. */
export const RESERVED_PATHS = ['/-/healthy', '/-/ready', '/-/reload', '/config', '/sd'];

export interface AppOptions {
  readonly exporter: Pick<Exporter, 'callCenters' | 'config' | 'isReady'>;
  readonly exposition: Exposition;
  readonly telemetryPath: string;
  /** Renders the status page. */
  readonly statusPage: (query: VdnQuery) => string;
  /** Loads the configuration again; rejects with ConfigError when it cannot be used. */
  readonly reload: () => Promise<void>;
  readonly logger: Pick<Logger, 'error'>;
}

interface Route {
  readonly methods: readonly string[];
  /** What it throws, or rejects with, becomes a 500 unless something was sent already. */
  readonly handle: (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;
}

/** All routes, without a listener. Paths are compared as they are sent, letter for letter. */
export function createApp(options: AppOptions): Handler {
  const { exporter, exposition, telemetryPath, logger } = options;
  const get = (handle: Route['handle']): Route => ({ methods: ['GET', 'HEAD'], handle });

  const routes = new Map<string, Route>([
    [
      '/',
      get((req, res) => {
        const page = options.statusPage(parseVdnQuery(searchOf(req.url)));
        answer(res, 200, 'text/html', page, {
          'Content-Security-Policy': CONTENT_SECURITY_POLICY,
          'Referrer-Policy': 'no-referrer',
        });
      }),
    ],
    [
      '/-/healthy',
      get((_req, res) => {
        answerLine(res, 200, 'Healthy');
      }),
    ],
    [
      '/-/ready',
      get((_req, res) => {
        if (exporter.isReady()) answerLine(res, 200, 'Ready');
        else answerLine(res, 503, 'Not ready: the first poll of a call center has not ended yet');
      }),
    ],
    ['/-/reload', { methods: ['POST'], handle: reload }],
    [
      '/config',
      get((_req, res) => {
        answer(res, 200, 'text/plain', renderEffectiveConfig(exporter.config()));
      }),
    ],
    [
      '/sd',
      get((req, res) => {
        const callCenters = exporter.callCenters().map(({ config }) => config.name);
        const isTls = 'encrypted' in req.socket;
        const targets = discoverTargets({ host: hostOf(req), isTls, telemetryPath, callCenters });
        answer(res, 200, 'application/json', JSON.stringify(targets));
      }),
    ],
    // The last one: it may take the place of the status page.
    [telemetryPath, get(metricsHandler(exposition))],
  ]);

  async function reload(_req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await options.reload();
      answerLine(res, 200, 'Reloaded');
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof OperationError)) throw error;
      answerLine(res, 500, `The configuration was not changed:\n${error.message}`);
    }
  }

  async function run(route: Route, req: IncomingMessage, res: ServerResponse): Promise<void> {
    try {
      await route.handle(req, res);
    } catch (error) {
      const err = error instanceof Error ? error.stack : String(error);
      logger.error({ path: pathOf(req.url), err }, 'Cannot answer a request');
      if (res.headersSent) res.destroy();
      else answerLine(res, 500, 'Internal error: the log says more');
    }
  }

  return (req, res) => {
    res.setHeader('X-Content-Type-Options', 'nosniff');
    const route = routes.get(pathOf(req.url));
    if (route === undefined) answerLine(res, 404, 'Not found');
    else if (route.methods.includes(req.method ?? '')) void run(route, req, res);
    else answerLine(res, 405, 'Method not allowed', { Allow: route.methods.join(', ') });
  };
}

/** `host:port` as the client calls us; by our own address when it does not say. */
function hostOf({ headers, socket }: IncomingMessage): string {
  const { localAddress = '', localPort = 0 } = socket;
  return headers.host ?? `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
}
