import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Logger } from '../core/log.ts';
import type { Exporter } from '../exporter/exporter.ts';
import type { Exposition } from '../exposition/exposition.ts';
import type { Handler } from '../web-server/access-control.ts';
import { respondLine } from '../web-server/response.ts';
import { metricsHandler } from './metrics-handler.ts';
import type { PagesOptions } from './pages.ts';
import { pathOf } from './request-target.ts';

export interface AppOptions extends Omit<PagesOptions, 'onError'> {
  readonly exporter: Pick<Exporter, 'callCenters' | 'config' | 'isReady'>;
  readonly exposition: Exposition;
  readonly logger: Pick<Logger, 'error'>;
}

type Probes = Readonly<Record<string, (res: ServerResponse) => void>>;

function createProbes(exporter: Pick<Exporter, 'isReady'>): Probes {
  return {
    '/-/healthy': (res) => {
      respondLine(res, 200, 'Healthy');
    },
    '/-/ready': (res) => {
      if (exporter.isReady()) respondLine(res, 200, 'Ready');
      else respondLine(res, 503, 'Not ready: the first poll of a call center has not ended yet');
    },
  };
}

/**
 * All routes, without a listener. Scrapes and probes bypass express: it changes the prototype of each request and
 * response, which costs as much as the scrape itself. The pages and express are loaded with the first page that somebody
 * opens: an exporter that is only scraped saves 13 MB.
 */
export function createApp(options: AppOptions): Handler {
  const { exporter, exposition, telemetryPath, logger } = options;
  const onError = (error: unknown, req: IncomingMessage, res: ServerResponse) => {
    const err = error instanceof Error ? error.stack : String(error);
    logger.error({ path: pathOf(req.url), err }, 'Cannot respond to a request');
    if (!res.headersSent) respondLine(res, 500, 'Internal error: see the log');
  };
  let pages: Promise<Handler> | undefined;
  const loadPages = () =>
    (pages ??= import('./pages.ts').then(({ createPages }) => createPages({ ...options, onError })));

  const probes = createProbes(exporter);
  const scrape = metricsHandler(exposition);

  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const { url = '/', method } = req;
    const path = pathOf(url);
    const probe = Object.hasOwn(probes, path) ? probes[path] : undefined;
    // Express would send a page of its own for an invalid address.
    if (!url.startsWith('/') && !URL.canParse(url)) respondLine(res, 404, 'Not found');
    else if (path !== telemetryPath && probe === undefined) (await loadPages())(req, res);
    else if (method !== 'GET' && method !== 'HEAD') respondLine(res, 405, 'Method not allowed', { Allow: 'GET, HEAD' });
    else if (probe !== undefined) probe(res);
    else await scrape(req, res);
  };
  return (req, res) => {
    res.setHeader('X-Content-Type-Options', 'nosniff');
    handle(req, res).catch((error: unknown) => {
      const hasStarted = res.headersSent;
      onError(error, req, res);
      if (hasStarted) res.destroy();
    });
  };
}
