import { setMaxListeners } from 'node:events';
import type { Dispatcher } from 'undici';
import type { DispatcherOptions } from './dispatcher.ts';
import { type ProxyEnvironment, proxyFromEnvironment } from './proxy.ts';
import { createResolver } from './resolver.ts';
import { readTlsFiles } from './tls-files.ts';

export interface ConnectionOptions extends Omit<DispatcherOptions, 'files' | 'connecting'> {
  /** Its proxy variables decide where `proxyUrl` is undefined. */
  readonly environment: ProxyEnvironment;
  readonly connectTimeoutMs: number;
}

/** The connections to one server. */
export interface Connections {
  /** What sends requests; the same one at each call. */
  dispatcher(): Promise<Dispatcher>;
  /** Ends every connection at once, also those that are still being made. */
  close(): Promise<void>;
}

/** Share of the connect timeout after which a DNS lookup fails, so that the error names DNS. */
const LOOKUP_SHARE = 0.7;

/** The connect timeout is enough for this many addresses of a host that do not respond, and one that does. */
const SILENT_ADDRESSES = 3;

/**
 * Sets up connections to one server: keep-alive, private CA, client certificate, proxy. The HTTP client is loaded with the
 * first request, not before: it takes longer to load than everything else, and the exporter can listen without it.
 * @throws when a TLS file cannot be used, or OperationError for a proxy of the environment that is no URL
 */
export function connectionsTo(options: ConnectionOptions): Connections {
  const closing = new AbortController();
  // Each connection listens; Node.js 20 warns of more than ten listeners.
  setMaxListeners(0, closing.signal);
  const { connectTimeoutMs: timeout } = options;
  const resolver = createResolver({ timeoutMs: LOOKUP_SHARE * timeout });
  const connecting = {
    timeout,
    signal: closing.signal,
    lookup: resolver.lookup,
    autoSelectFamily: true,
    autoSelectFamilyAttemptTimeout: Math.max(250, Math.floor(timeout / (SILENT_ADDRESSES + 1))),
    // A resumed session shows only a part of the chain, and a few handshakes in 5 minutes cost nothing.
    maxCachedSessions: 0,
  };
  const files = readTlsFiles(options.tls);
  const proxyUrl = options.proxyUrl ?? proxyFromEnvironment(options.url, options.environment);
  const load = async () =>
    (await import('./dispatcher.ts')).createDispatcher({ ...options, proxyUrl, files, connecting });
  let loading: Promise<Dispatcher> | undefined;
  return {
    dispatcher: () => (loading ??= load()),
    async close() {
      // undici itself waits for connections that are being made.
      closing.abort();
      resolver.close();
      await (await loading)?.destroy();
    },
  };
}
