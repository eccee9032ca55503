import express, { type Express, type Request, type Response } from 'express';
import { renderEffectiveConfig } from '../config/redact.ts';
import { ConfigError } from '../errors.ts';
import type { Exporter } from '../exporter.ts';
import type { Exposition } from '../exposition.ts';
import { metricsHandler } from './metrics-handler.ts';

export interface AppOptions {
  readonly exporter: Pick<Exporter, 'callCenters' | 'config' | 'isReady'>;
  readonly exposition: Exposition;
  readonly telemetryPath: string;
  /** Renders the status page. */
  readonly statusPage: () => string;
  /** Loads the configuration again; rejects with ConfigError when it cannot be used. */
  readonly reload: () => Promise<void>;
}

function text(res: Response, status: number, body: string): void {
  res.status(status).type('text/plain').end(`${body}\n`);
}

/** All routes, without a listener. */
export function createApp(options: AppOptions): Express {
  const { exporter, exposition, telemetryPath } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');

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
      if (!(error instanceof ConfigError)) throw error;
      text(res, 500, `The configuration was not changed:\n${error.message}`);
    }
  });
  route('/config', 'get', (_req, res) => {
    res.type('text/plain').end(renderEffectiveConfig(exporter.config()));
  });
  route('/sd', 'get', (req, res) => {
    const host = req.headers.host ?? 'localhost';
    const targets = exporter.callCenters().map(({ config }) => ({
      targets: [host],
      labels: { __metrics_path__: telemetryPath, __param_call_center: config.name, call_center: config.name },
    }));
    res.type('application/json').end(JSON.stringify(targets));
  });
  if (telemetryPath !== '/') {
    route('/', 'get', (_req, res) => {
      res.type('text/html').end(options.statusPage());
    });
  }
  app.use((_req, res) => {
    text(res, 404, 'Not found');
  });
  return app;
}
