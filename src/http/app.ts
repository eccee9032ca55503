import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';
import { renderEffectiveConfig } from '../config/redact.ts';
import { ConfigError, OperationError } from '../errors.ts';
import type { Exporter } from '../exporter.ts';
import type { Exposition } from '../exposition.ts';
import type { Logger } from '../log.ts';
import { metricsHandler, searchOf } from './metrics-handler.ts';
import { discoverTargets } from './service-discovery.ts';
import { CONTENT_SECURITY_POLICY } from './status-style.ts';
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

/** Sets a header unless the web config has set it already. */
function header(res: Response, name: string, value: string): void {
  if (!res.hasHeader(name)) res.setHeader(name, value);
}

function send(res: Response, status: number, type: string, body: string): void {
  header(res, 'Cache-Control', 'no-store');
  const bytes = Buffer.from(body);
  // Node.js leaves it out of an answer to HEAD.
  res.status(status).type(type).setHeader('Content-Length', bytes.length).end(bytes);
}

function text(res: Response, status: number, body: string): void {
  send(res, status, 'text/plain', `${body}\n`);
}

/** All routes, without a listener. */
export function createApp(options: AppOptions): Express {
  const { exporter, exposition, telemetryPath, logger } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.use((_req, res, next) => {
    header(res, 'X-Content-Type-Options', 'nosniff');
    next();
  });

  /** Registers GET and HEAD (express answers HEAD with the GET handler) or POST; any other method gets 405. */
  const route = (
    path: string,
    method: 'get' | 'post',
    handler: (req: Request, res: Response) => void | Promise<void>,
  ) => {
    app[method](path, handler);
    app.all(path, (_req, res) => {
      res.set('Allow', method === 'get' ? 'GET, HEAD' : 'POST');
      text(res, 405, 'Method not allowed');
    });
  };

  route(telemetryPath, 'get', metricsHandler(exposition));
  route('/-/healthy', 'get', (_req, res) => {
    text(res, 200, 'Healthy');
  });
  route('/-/ready', 'get', (_req, res) => {
    if (exporter.isReady()) text(res, 200, 'Ready');
    else text(res, 503, 'Not ready: the first poll of a call center has not ended yet');
  });
  route('/-/reload', 'post', async (_req, res) => {
    try {
      await options.reload();
      text(res, 200, 'Reloaded');
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof OperationError)) throw error;
      text(res, 500, `The configuration was not changed:\n${error.message}`);
    }
  });
  route('/config', 'get', (_req, res) => {
    send(res, 200, 'text/plain', renderEffectiveConfig(exporter.config()));
  });
  route('/sd', 'get', (req, res) => {
    const { localAddress = '', localPort = 0 } = req.socket;
    const host = req.headers.host ?? `${localAddress.includes(':') ? `[${localAddress}]` : localAddress}:${localPort}`;
    const callCenters = exporter.callCenters().map(({ config }) => config.name);
    const targets = discoverTargets({ host, isTls: req.secure, telemetryPath, callCenters });
    send(res, 200, 'application/json', JSON.stringify(targets));
  });
  if (telemetryPath !== '/') {
    route('/', 'get', (req, res) => {
      header(res, 'Content-Security-Policy', CONTENT_SECURITY_POLICY);
      header(res, 'Referrer-Policy', 'no-referrer');
      send(res, 200, 'text/html', options.statusPage(parseVdnQuery(searchOf(req.originalUrl))));
    });
  }
  app.use((_req, res) => {
    text(res, 404, 'Not found');
  });
  // Express tells an error handler by its four parameters; its own would show the stack to everyone.
  const failed: ErrorRequestHandler = (error: unknown, req, res, next) => {
    const isMalformed = error instanceof URIError;
    if (!isMalformed) {
      const err = error instanceof Error ? error.stack : String(error);
      logger.error({ path: req.path, err }, 'Cannot answer a request');
    }
    if (res.headersSent) next(error);
    else text(res, isMalformed ? 400 : 500, isMalformed ? 'Malformed URL' : 'Internal error: the log says more');
  };
  app.use(failed);
  return app;
}
