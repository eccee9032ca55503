import { subscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import type { Connector } from './tls-options.ts';

/** Requests that were sent on each connection. */
const requestsSent = new WeakMap<Socket, number>();

/** Errors that ended a connection which had been used for a request before. */
const endedKeptConnection = new WeakSet<Error>();

// undici does not tell on which connection a request failed, but it publishes where each is sent.
subscribe('undici:client:sendHeaders', (message) => {
  const { socket } = message as { readonly socket: Socket };
  requestsSent.set(socket, (requestsSent.get(socket) ?? 0) + 1);
});

/** Makes {@link isFromKeptConnection} work for the connections of `connect`. */
export function watchingReuse(connect: Connector): Connector {
  return (target, callback) => {
    connect(target, (...result) => {
      const [, socket] = result;
      // A connection that failed has no socket, not even the null that the type promises.
      (socket as Socket | undefined)?.prependListener('error', (error) => {
        if ((requestsSent.get(socket as Socket) ?? 0) > 1) endedKeptConnection.add(error);
      });
      callback(...result);
    });
  };
}

/**
 * Whether a request failed because its connection ended (closed, reset, or cut within the response), and that
 * connection had been used before: the server may have closed it as idle, so the request deserves another one.
 */
export function isFromKeptConnection(error: unknown): boolean {
  return error instanceof Error && endedKeptConnection.has(error);
}
