import type { IncomingMessage, ServerResponse } from 'node:http';
import Negotiator from 'negotiator';
import type { Exposition, ScrapeRequest } from '../exposition/exposition.ts';
import type { Format } from '../exposition/text-format.ts';
import { respondLine } from '../web-server/response.ts';
import { searchOf } from './request-target.ts';

const MEDIA_TYPES: Readonly<Record<Format, string>> = {
  text: 'text/plain; version=0.0.4',
  openmetrics: 'application/openmetrics-text; version=1.0.0',
};

/**
 * The format the client likes best. Without a preference, or when it knows neither, the classic text, as every
 * exporter does. Prometheus 3 adds `escaping=`, others `charset=`: neither changes a body of ASCII names in UTF-8.
 */
export function negotiateFormat(accept: string | undefined): Format {
  if (accept === undefined) return 'text';
  const plain = accept.replaceAll(/;\s*(?:escaping|charset)\s*=\s*(?:"[^"]*"|[^;,\s]*)/gi, '');
  const best = new Negotiator({ headers: { accept: plain } }).mediaType(Object.values(MEDIA_TYPES));
  return best === MEDIA_TYPES.openmetrics ? 'openmetrics' : 'text';
}

/** Undefined when the client refuses gzip and the uncompressed body alike (RFC 9110, section 12.5.3). */
export function negotiateEncoding(acceptEncoding: string | undefined): ScrapeRequest['encoding'] | undefined {
  if (acceptEncoding === undefined) return 'identity';
  const headers = { 'accept-encoding': acceptEncoding };
  const best = new Negotiator({ headers }).encoding(['gzip', 'identity']);
  return best === 'gzip' || best === 'identity' ? best : undefined;
}

/**
 * Serves GET and HEAD of the telemetry path; `?call_center=NAME`, also repeated, shows only these. The promise
 * rejects when the metrics could not be rendered; no response was started then.
 */
export function metricsHandler(exposition: Exposition): (req: IncomingMessage, res: ServerResponse) => Promise<void> {
  return async (req, res) => {
    const names = [...new Set(new URLSearchParams(searchOf(req.url)).getAll('call_center'))];
    const format = negotiateFormat(req.headers.accept);
    const encoding = negotiateEncoding(req.headers['accept-encoding']);
    res.setHeader('Vary', 'Accept, Accept-Encoding');
    if (encoding === undefined) {
      respondLine(res, 406, 'Accept-Encoding allows no encoding of this page: allow gzip or identity');
      return;
    }
    const body = await exposition.scrape({ format, encoding, callCenters: names.length === 0 ? undefined : names });
    if (body === undefined) {
      respondLine(res, 404, 'Unknown call_center: use names from the config');
      return;
    }
    res.writeHead(200, {
      'Content-Type': `${MEDIA_TYPES[format]}; charset=utf-8`,
      'Content-Length': body.length,
      ...(encoding === 'gzip' ? { 'Content-Encoding': 'gzip' } : {}),
    });
    res.cork();
    for (const chunk of body.chunks) res.write(chunk);
    res.end();
  };
}
