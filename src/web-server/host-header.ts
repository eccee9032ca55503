import type { IncomingMessage } from 'node:http';
import { isIPv6 } from 'node:net';

const NAME_AND_PORT = /^(?:[A-Za-z0-9._-]+|\[([0-9A-Fa-f:.]+)\])(?::(\d{1,5}))?$/;

/**
 * The `host` or `host:port` of the request's Host header. `missing` when there is none or an empty one; `invalid` when
 * there are several or it is neither a name nor an address (RFC 9112, section 3.2).
 */
export function readHost({ rawHeaders }: IncomingMessage): { host: string } | 'missing' | 'invalid' {
  // `headers.host` hides a second Host header.
  const values = rawHeaders.filter((_, i) => i % 2 === 1 && rawHeaders[i - 1]?.toLowerCase() === 'host');
  const [host = ''] = values;
  if (values.length > 1) return 'invalid';
  if (host === '') return 'missing';
  const [match, address, port = '0'] = NAME_AND_PORT.exec(host) ?? [];
  const isValid = match !== undefined && (address === undefined || isIPv6(address)) && Number(port) <= 65_535;
  return isValid ? { host } : 'invalid';
}
