import type { IncomingMessage, ServerResponse } from 'node:http';
import express, { type ErrorRequestHandler } from 'express';
import { renderEffectiveConfig } from '../config/effective-config.ts';
import { ConfigError, OperationError } from '../core/errors.ts';
import type { Exporter } from '../exporter/exporter.ts';
import { readHost } from '../web-server/host-header.ts';
import { respond, respondLine } from '../web-server/response.ts';
import type { Handler } from '../web-server/access-control.ts';
import { allowSources } from './content-security-policy.ts';
import { isCrossSite } from './cross-site.ts';
import { searchOf } from './request-target.ts';
import { discoverTargets } from './service-discovery.ts';
import { CONTENT_SECURITY_POLICY, PAGE_SOURCES } from './status-page/style.ts';
import { parseVdnQuery, type VdnQuery } from './status-page/vdn-list.ts';

export interface PagesOptions {
  readonly exporter: Pick<Exporter, 'callCenters' | 'config'>;
  readonly telemetryPath: string;
  /** Renders the status page. */
  readonly statusPage: (query: VdnQuery) => string;
  /** Loads the configuration again; rejects with ConfigError when it cannot be used. */
  readonly reload: () => Promise<void>;
  /** Logs an unexpected error, and answers 500 when no response has started. */
  readonly onError: (error: unknown, req: IncomingMessage, res: ServerResponse) => void;
}

/** The routes for people and for service discovery, and 404 for every other path. */
export function createPages(options: PagesOptions): Handler {
  const { exporter, telemetryPath } = options;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');

  /** Registers GET and HEAD (express answers HEAD with the GET handler) or POST; any other method gets 405. */
  const route = (
    path: string,
    method: 'get' | 'post',
    handler: (req: IncomingMessage, res: ServerResponse) => void | Promise<void>,
  ) => {
    app[method](path, handler);
    app.all(path, (_req, res) => {
      refuse(res, method === 'get' ? 'GET, HEAD' : 'POST');
    });
  };

  route('/', 'get', (req, res) => {
    const page = options.statusPage(parseVdnQuery(searchOf(req.url)));
    respondHtml(res, page);
  });
  route('/-/reload', 'post', async (req, res) => {
    if (isCrossSite(req)) {
      respondLine(res, 403, 'Refused: a browser sent this request for a page of another site');
      return;
    }
    try {
      await options.reload();
      respondLine(res, 200, 'Reloaded');
    } catch (error) {
      if (!(error instanceof ConfigError || error instanceof OperationError)) throw error;
      respondLine(res, 500, `The configuration was not changed:\n${error.message}`);
    }
  });
  route('/config', 'get', (_req, res) => {
    respond(res, 200, 'text/plain', renderEffectiveConfig(exporter.config()));
  });
  route('/sd', 'get', (req, res) => {
    const read = readHost(req);
    if (typeof read === 'string') {
      respondLine(res, 400, 'The targets bear the name in the Host header: send one header with a valid host:port');
      return;
    }
    const callCenters = exporter.callCenters().map(({ config }) => config.name);
    const isTls = 'encrypted' in req.socket;
    const targets = discoverTargets({ host: read.host, isTls, telemetryPath, callCenters });
    respond(res, 200, 'application/json', JSON.stringify(targets));
  });
  app.use((_req, res) => {
    respondLine(res, 404, 'Not found');
  });
  // Express recognizes an error handler by its four parameters. Its own would show the stack to everyone.
  app.use(((error: unknown, req, res, next) => {
    const hasStarted = res.headersSent;
    options.onError(error, req, res);
    if (hasStarted) next(error);
  }) satisfies ErrorRequestHandler);
  return app;
}

function refuse(res: ServerResponse, allow: string): void {
  respondLine(res, 405, 'Method not allowed', { Allow: allow });
}

/** Sends a page. A Content-Security-Policy of the web config stays, with what the page needs itself added to it. */
function respondHtml(res: ServerResponse, page: string): void {
  const configured = res.getHeader('Content-Security-Policy');
  const policy = typeof configured === 'string' ? allowSources(configured, PAGE_SOURCES) : CONTENT_SECURITY_POLICY;
  res.setHeader('Content-Security-Policy', policy);
  respond(res, 200, 'text/html', page, { 'Referrer-Policy': 'no-referrer' });
}
