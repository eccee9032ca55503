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
import type { Links } from './layout.ts';
import { pathOf, searchOf } from './request-target.ts';
import { discoverTargets } from './service-discovery.ts';
import { DOCS_STYLE, openDocs } from './docs.ts';
import { STATUS_STYLE } from './status-page/style.ts';
import type { Stylesheet } from './style.ts';
import { prefersHtml, renderTextView, TEXT_STYLE } from './text-view.ts';
import { parseVdnQuery, type VdnQuery } from './status-page/vdn-list.ts';

export interface PagesOptions extends Links {
  readonly exporter: Pick<Exporter, 'callCenters' | 'config'>;
  /** Renders the status page. */
  readonly statusPage: (query: VdnQuery) => string;
  /** Loads the configuration again; rejects with ConfigError when it cannot be used. */
  readonly reload: () => Promise<void>;
  /** Logs an unexpected error, and sends a 500 when no response has started. */
  readonly onError: (error: unknown, req: IncomingMessage, res: ServerResponse) => void;
}

type HttpHandler = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

/** Registers GET and HEAD (express uses the GET handler for HEAD) or POST; any other method gets 405. */
type AddRoute = (path: string | RegExp, method: 'get' | 'post', handler: HttpHandler) => void;

/** The routes for people and for service discovery, and 404 for every other path. */
export function createPages(options: PagesOptions): Handler {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.enable('case sensitive routing');
  app.enable('strict routing');
  const route: AddRoute = (path, method, handler) => {
    app[method](path, handler);
    app.all(path, (_req, res) => {
      refuse(res, method === 'get' ? 'GET, HEAD' : 'POST');
    });
  };

  route('/', 'get', (req, res) => {
    const page = options.statusPage(parseVdnQuery(searchOf(req.url)));
    respondHtml(res, page, STATUS_STYLE);
  });
  addConfigRoutes(route, options);
  addDiscovery(route, options);
  addDocs(route, options);
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

function addConfigRoutes(route: AddRoute, options: PagesOptions): void {
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
  route('/config', 'get', (req, res) => {
    respondText(req, res, { type: 'text/plain', text: renderEffectiveConfig(options.exporter.config()) }, options, [
      'Configuration',
      '/config',
    ]);
  });
}

function addDiscovery(route: AddRoute, options: PagesOptions): void {
  const { exporter, telemetryPath } = options;
  route('/sd', 'get', (req, res) => {
    const read = readHost(req);
    if (typeof read === 'string') {
      respondLine(res, 400, 'The targets use the name in the Host header: send one header with a valid host:port');
      return;
    }
    const callCenters = exporter.callCenters().map(({ config }) => config.name);
    const isTls = 'encrypted' in req.socket;
    const targets = discoverTargets({ host: read.host, isTls, telemetryPath, callCenters });
    const isForPeople = prefersHtml(req, 'application/json');
    const text = JSON.stringify(targets, null, isForPeople ? 2 : undefined);
    respondText(req, res, { type: 'application/json', text }, options, ['Service discovery', '/sd']);
  });
}

function addDocs(route: AddRoute, options: PagesOptions): void {
  const docs = openDocs(options);
  route(/^\/docs(?:\/[\w-]+)?$/, 'get', async (req, res) => {
    const page = await docs.page(pathOf(req.url).slice('/docs/'.length));
    if (page === undefined) respondLine(res, 404, 'Not found');
    else respondHtml(res, page, DOCS_STYLE);
  });
  route(/^\/docs\/files\/[\w./-]+$/, 'get', async (req, res) => {
    const file = await docs.file(pathOf(req.url).slice('/docs/files/'.length));
    if (file === undefined) respondLine(res, 404, 'Not found');
    else res.writeHead(200, { 'Content-Type': file.type, 'Content-Length': file.bytes.length }).end(file.bytes);
  });
}

/** A text for programs; a browser gets it as a page with links to the others. */
function respondText(
  req: IncomingMessage,
  res: ServerResponse,
  { type, text }: { readonly type: string; readonly text: string },
  links: Links,
  [title, path]: readonly [title: string, path: string],
): void {
  res.setHeader('Vary', 'Accept');
  if (prefersHtml(req, type)) respondHtml(res, renderTextView(title, path, text, links), TEXT_STYLE);
  else respond(res, 200, type, text);
}

function refuse(res: ServerResponse, allow: string): void {
  respondLine(res, 405, 'Method not allowed', { Allow: allow });
}

/** Sends a page. A Content-Security-Policy of the web config stays, with what the page needs itself added to it. */
function respondHtml(res: ServerResponse, page: string, { sources, policy: own }: Stylesheet): void {
  const configured = res.getHeader('Content-Security-Policy');
  const policy = typeof configured === 'string' ? allowSources(configured, sources) : own;
  res.setHeader('Content-Security-Policy', policy);
  respond(res, 200, 'text/html', page, { 'Referrer-Policy': 'no-referrer' });
}
