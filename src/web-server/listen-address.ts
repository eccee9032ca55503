import { createServer, isIPv6 } from 'node:net';
import type { Server } from 'node:net';

import { OperationError, UsageError } from '../core/errors.ts';

export interface ListenAddress {
  /** Undefined means every address of the machine. IPv6 has no brackets here. */
  readonly host: string | undefined;
  /** 0 means any free port. */
  readonly port: number;
}

const FORMAT = 'write host:port, :port or [IPv6]:port, such as 127.0.0.1:10122';

/** Reads `host:port`, `:port` or `[::1]:port`. Throws {@link UsageError}. */
export function parseListenAddress(text: string): ListenAddress {
  const refuse = (why: string): UsageError =>
    new UsageError(`Cannot listen on ${JSON.stringify(text)}: ${why}; ${FORMAT}`);

  if (text.includes('://')) throw refuse('an address has no scheme');
  const match = /^(?:\[([^\]]*)\]|([^[\]]*)):([^:\]]*)$/.exec(text);
  if (match === null) throw refuse('the port is missing');
  const [, bracketed, plain = '', portText = ''] = match;
  if (plain.includes(':')) throw refuse('an IPv6 address needs brackets');
  if (bracketed !== undefined && !isIPv6(bracketed)) throw refuse('what the brackets hold is no IPv6 address');
  if (!/^[A-Za-z0-9._-]*$/.test(plain)) throw refuse('the host is neither a name nor an address');
  if (!/^\d{1,5}$/.test(portText) || Number(portText) > 65_535) {
    throw refuse('the port must be a number from 0 to 65535');
  }
  const host = bracketed ?? plain;
  return { host: host === '' ? undefined : host, port: Number(portText) };
}

/**
 * Binds a socket, which a server can listen on with `listen(bound)`. Without a host it takes IPv6 and IPv4 in one
 * socket, or IPv4 alone where IPv6 is off. Rejects with {@link OperationError}.
 */
export async function bind({ host, port }: ListenAddress): Promise<Server> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      reject(new OperationError(`Cannot listen on ${format({ host, port })}: ${explain(error)}`, { cause: error }));
    });
    server.listen({ port, ...(host === undefined ? {} : { host }) }, resolve);
  });
  return server;
}

/** `host:port` of a server that listens, IPv6 in brackets. */
export function boundAddress(server: Server): string {
  const bound = server.address();
  if (bound === null || typeof bound === 'string') throw new TypeError('The server does not listen on TCP');
  return format({ host: bound.address, port: bound.port });
}

function format({ host = '', port }: ListenAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

function explain({ code = '', message }: NodeJS.ErrnoException): string {
  switch (code) {
    case 'EADDRINUSE':
      return 'the port is in use; stop the program that has it, or choose another one with --web.listen-address';
    case 'EADDRNOTAVAIL':
      return 'this machine does not have the address; choose one that it has, or leave the host out for all of them';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied; ports below 1024 are for privileged users, choose a higher one';
    case 'EAFNOSUPPORT':
      return 'this machine does not support the address family; is IPv6 off?';
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return 'the host name has no address; check its spelling, or write the address itself';
    default:
      return message;
  }
}
