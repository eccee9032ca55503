import type { IncomingMessage } from 'node:http';
import { readHost } from '../web-server/host-header.ts';

/**
 * Whether a browser sends this request for a page of another site. Browsers say so in `Sec-Fetch-Site`, or in `Origin`
 * where they do not trust the connection (https://www.w3.org/TR/fetch-metadata/). Other programs send neither.
 */
export function isCrossSite(req: IncomingMessage): boolean {
  const site = req.headers['sec-fetch-site'];
  if (site !== undefined) return site !== 'same-origin' && site !== 'none';
  const { origin } = req.headers;
  if (origin === undefined) return false;
  const read = readHost(req);
  if (typeof read === 'string' || !URL.canParse(origin)) return true;
  const { protocol, host } = new URL(origin);
  const ours = `${protocol}//${read.host}`;
  // Parsed, too, because the default port of the scheme may be left out.
  return !URL.canParse(ours) || new URL(ours).host !== host;
}
