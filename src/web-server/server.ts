import { createServer } from 'node:net';
import type { Server } from 'node:net';

import type { Clock } from '../core/clock.ts';
import { Connections } from './connections.ts';
import type { Logger } from './connections.ts';
import type { Handler } from './access-control.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Limits } from './limits.ts';
import { boundAddress, listen, parseListenAddress } from './listen-address.ts';
import { loadWebConfig, NO_WEB_CONFIG } from './web-config.ts';
import type { WebConfig } from './web-config.ts';

export interface ServerOptions {
  readonly handler: Handler;
  /** Each `host:port`, `:port` or `[IPv6]:port`. */
  readonly listenAddresses: readonly string[];
  /** In the format of exporter-toolkit. */
  readonly webConfigFile?: string | undefined;
  readonly logger: Logger;
  readonly clock: Clock;
  readonly limits?: Partial<Limits> | undefined;
}

export interface RunningServer {
  /** URLs, with the real port where 0 was asked for. */
  readonly addresses: readonly string[];
  /**
   * Reads the web config file again. Everything in it may change, for all requests that come from now on. Rejects with
   * ConfigError, and changes nothing, when it cannot be used.
   */
  readonly reload: () => Promise<void>;
  /** Stops listening, ends idle connections at once and the others after their response, or after `graceMs` (5,000). */
  readonly close: (graceMs?: number) => Promise<void>;
}

/**
 * Listens on all of the addresses, or on none. Rejects with UsageError for an address that cannot be read, with
 * ConfigError for the web config file, and with OperationError when an address cannot be had.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { handler, webConfigFile, logger, clock } = options;
  const limits = { ...DEFAULT_LIMITS, ...options.limits };
  const addresses = options.listenAddresses.map(parseListenAddress);
  const load = async (): Promise<WebConfig> =>
    webConfigFile === undefined ? NO_WEB_CONFIG : loadWebConfig(webConfigFile);

  const connections = new Connections({ handler, logger, clock, limits }, await load());
  const listeners: Server[] = [];
  const close = async (graceMs = 5000): Promise<void> => {
    for (const listener of listeners) listener.close();
    await connections.close(graceMs);
  };

  try {
    for (const address of addresses) {
      const listener = listenerFor(connections, limits);
      await listen(listener, address);
      listeners.push(listener);
    }
  } catch (error) {
    await close(0);
    throw error;
  }

  const bound = listeners.map(boundAddress);
  const urls = (): string[] => bound.map((address) => `${connections.scheme}://${address}`);
  for (const url of urls()) logger.info({ url }, 'Listening');
  return {
    get addresses() {
      return urls();
    },
    reload: async () => {
      connections.use(await load());
    },
    close,
  };
}

function listenerFor(connections: Connections, { maxConnections }: Limits): Server {
  // As node:http makes its own.
  const listener = createServer({ noDelay: true }, (socket) => {
    connections.connect(socket);
  });
  listener.maxConnections = maxConnections;
  listener.on('drop', (connection) => {
    connections.refused(connection?.remoteAddress, 'too many connections');
  });
  return listener;
}
