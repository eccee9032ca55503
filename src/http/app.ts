import type { IncomingMessage, ServerResponse } from 'node:http';
import { renderEffectiveConfig } from '../config/effective-config.ts';
import { ConfigError, OperationError } from '../core/errors.ts';
import type { Exporter } from '../exporter/exporter.ts';
import type { Exposition } from '../exposition/page-cache.ts';
import type { Logger } from '../core/log.ts';
import { readHost } from '../web-server/host-header.ts';
import { respond, respondLine } from '../web-server/response.ts';
import type { Handler } from '../web-server/access-control.ts';
import { metricsHandler } from './metrics-handler.ts';
import { allowSources } from './content-security-policy.ts';
import { isCrossSite } from './cross-site.ts';
import { discoverTargets } from './service-discovery.ts';
import { CONTENT_SECURITY_POLICY, PAGE_SOURCES } from './status-page/style.ts';
import { pathOf, searchOf } from './request-target.ts';
import { parseVdnQuery, type VdnQuery } from './status-page/vdn-list.ts';

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

type Respond = (req: IncomingMessage, res: ServerResponse) => void | Promise<void>;

interface Route {
  /** GET includes HEAD: Node.js sends no body then. */
  readonly method: 'GET' | 'POST';
  readonly respond: Respond;
}

/** All routes, without a listener. Paths are compared as they were sent: undecoded, case and trailing slash included. */
export function createApp(options: AppOptions): Handler {
  const { telemetryPath, logger } = options;
  const get = (respond: Respond): Route => ({ method: 'GET', respond });
  const routes: ReadonlyMap<string, Route> = new Map([
    ['/', get(statusPage(options))],
    ['/-/healthy', get(healthy)],
    ['/-/ready', get(ready(options))],
    ['/-/reload', { method: 'POST', respond: reload(options) }],
    ['/config', get(effectiveConfig(options))],
    ['/sd', get(serviceDiscovery(options))],
    // Last: whoever chooses `/` for it has no status page.
    [telemetryPath, get(metricsHandler(options.exposition))],
  ]);

  return (req, res) => {
    res.setHeader('X-Content-Type-Options', 'nosniff');
    dispatch(routes, req, res).catch((error: unknown) => {
      const err = error instanceof Error ? error.stack : String(error);
      logger.error({ path: pathOf(req.url), err }, 'Cannot answer a request');
      if (res.headersSent) res.destroy();
      else respondLine(res, 500, 'Internal error: the log says more');
    });
  };
}

async function dispatch(routes: ReadonlyMap<string, Route>, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const { url = '/', method } = req;
  const isTarget = url.startsWith('/') || URL.canParse(url);
  const route = isTarget ? routes.get(pathOf(url)) : undefined;
  if (route === undefined) respondLine(res, 404, 'Not found');
  else if (method === route.method || (method === 'HEAD' && route.method === 'GET')) await route.respond(req, res);
  else respondLine(res, 405, 'Method not allowed', { Allow: route.method === 'GET' ? 'GET, HEAD' : 'POST' });
}

function statusPage(options: Pick<AppOptions, 'statusPage'>): Respond {
  return (req, res) => {
    respondHtml(res, options.statusPage(parseVdnQuery(searchOf(req.url))));
  };
}

function healthy(_req: IncomingMessage, res: ServerResponse): void {
  respondLine(res, 200, 'Healthy');
}

function ready({ exporter }: Pick<AppOptions, 'exporter'>): Respond {
  return (_req, res) => {
    if (exporter.isReady()) respondLine(res, 200, 'Ready');
    else respondLine(res, 503, 'Not ready: the first poll of a call center has not ended yet');
  };
}

function reload(options: Pick<AppOptions, 'reload'>): Respond {
  return async (req, res) => {
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
  };
}

function effectiveConfig({ exporter }: Pick<AppOptions, 'exporter'>): Respond {
  return (_req, res) => {
    respond(res, 200, 'text/plain', renderEffectiveConfig(exporter.config()));
  };
}

function serviceDiscovery({ exporter, telemetryPath }: Pick<AppOptions, 'exporter' | 'telemetryPath'>): Respond {
  return (req, res) => {
    const read = readHost(req);
    if (typeof read === 'string') {
      respondLine(res, 400, 'The targets bear the name in the Host header: send one header with a valid host:port');
      return;
    }
    const callCenters = exporter.callCenters().map(({ config }) => config.name);
    const isTls = 'encrypted' in req.socket;
    const targets = discoverTargets({ host: read.host, isTls, telemetryPath, callCenters });
    respond(res, 200, 'application/json', JSON.stringify(targets));
  };
}

/** Sends a page. A Content-Security-Policy of the web config stays, with what the page needs itself added to it. */
function respondHtml(res: ServerResponse, page: string): void {
  const configured = res.getHeader('Content-Security-Policy');
  const policy = typeof configured === 'string' ? allowSources(configured, PAGE_SOURCES) : CONTENT_SECURITY_POLICY;
  res.setHeader('Content-Security-Policy', policy);
  respond(res, 200, 'text/html', page, { 'Referrer-Policy': 'no-referrer' });
}
