import type { IncomingMessage } from 'node:http';
import { STATUS_CODES } from 'node:http';

import { readHost } from './host-header.ts';

/** By error code of Node's parser; every other code means 400. */
const STATUS_BY_CODE: Readonly<Record<string, number>> = {
  ERR_HTTP_REQUEST_TIMEOUT: 408,
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 413,
  HPE_HEADER_OVERFLOW: 431,
  HPE_INVALID_TRANSFER_ENCODING: 501,
};

export interface ClientError {
  /** The code of the error. */
  readonly reason: string;
  readonly level: 'debug' | 'warn';
  /** A whole response without a body. */
  readonly response: string;
}

/** What to log and to send when Node cannot read a request; undefined when the connection itself failed. */
export function describeClientError({ code = '' }: NodeJS.ErrnoException): ClientError | undefined {
  if (!/^(?:HPE|ERR_HTTP)_/.test(code)) return undefined;
  const status = STATUS_BY_CODE[code] ?? 400;
  return {
    reason: code,
    // Browsers connect in advance, and may send nothing.
    level: status === 408 ? 'debug' : 'warn',
    response: `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}\r\nConnection: close\r\n\r\n`,
  };
}

export interface Malformed {
  readonly status: 400 | 501;
  readonly reason: string;
}

/** What is wrong with the headers of a request that Node could read (RFC 9112, sections 3.2 and 6.1). */
export function malformedHeaders(req: IncomingMessage): Malformed | undefined {
  const coding = req.headers['transfer-encoding'];
  if (coding !== undefined && coding.toLowerCase() !== 'chunked') {
    return { status: 501, reason: 'unsupported Transfer-Encoding' };
  }
  const host = readHost(req);
  const isMissing = host === 'missing' && req.headers.host === undefined && req.httpVersion !== '1.0';
  return host === 'invalid' || isMissing ? { status: 400, reason: 'invalid Host header' } : undefined;
}
