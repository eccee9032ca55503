import { isDeepStrictEqual } from 'node:util';

import type { Clock } from '../core/clock.ts';
import { errorMessage } from '../core/format.ts';
import { controlAccess } from './access-control.ts';
import type { Handler } from './access-control.ts';
import { Authenticator } from './basic-auth.ts';
import { bcryptThread } from './bcrypt-thread.ts';
import { Connections } from './connections.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import type { Limits } from './limits.ts';
import { bind, parseListenAddress } from './listen-address.ts';
import type { ListenAddress } from './listen-address.ts';
import { Listener } from './listener.ts';
import { rateLimiter } from './rate-limit.ts';
import { createRefusalLog } from './refusal-log.ts';
import type { Logger, LogRefusal } from './refusal-log.ts';
import { watchTlsFiles } from './tls-files.ts';
import { loadWebConfig, NO_WEB_CONFIG } from './web-config.ts';
import type { WebConfig } from './web-config.ts';
import type { WebTls } from './web-config-tls.ts';

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
  /** URLs, with the real port where 0 was requested. */
  readonly addresses: readonly string[];
  /**
   * Reads the web config file again and uses it for all requests from now on. Rejects with ConfigError, and changes
   * nothing, when the file has a mistake.
   */
  readonly reload: () => Promise<void>;
  /** Stops listening, ends idle connections at once and the others after their response, or after `graceMs` (5,000). */
  readonly close: (graceMs?: number) => Promise<void>;
}

/**
 * Listens on all of the addresses, or on none. Rejects with UsageError for a malformed address, with ConfigError for a
 * mistake in the web config file, and with OperationError when an address is not available.
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const addresses = options.listenAddresses.map(parseListenAddress);
  const server = new WebServer(options, await load(options));
  try {
    for (const address of addresses) await server.listen(address);
  } catch (error) {
    await server.close(0);
    throw error;
  }
  server.logUrls();
  return {
    get addresses() {
      return server.urls();
    },
    reload: async () => {
      server.use(await load(options));
    },
    close: (graceMs = 5000) => server.close(graceMs),
  };
}

async function load({ webConfigFile, logger }: ServerOptions): Promise<WebConfig> {
  if (webConfigFile === undefined) return NO_WEB_CONFIG;
  const config = await loadWebConfig(webConfigFile);
  for (const warning of config.warnings) logger.warn({}, warning);
  return config;
}

class WebServer {
  readonly #options: ServerOptions;
  readonly #limits: Limits;
  readonly #logRefusal: LogRefusal;
  readonly #bcrypt = bcryptThread();
  readonly #authenticator = new Authenticator(this.#bcrypt.compare);
  readonly #listeners: Listener[] = [];
  #tls: WebTls | undefined;
  #handler: Handler;
  #checkTlsFiles: () => void;

  constructor(options: ServerOptions, config: WebConfig) {
    this.#options = options;
    this.#limits = { ...DEFAULT_LIMITS, ...options.limits };
    this.#logRefusal = createRefusalLog(options.logger, options.clock);
    this.#tls = config.tls;
    this.#handler = this.#controlAccess(config);
    this.#checkTlsFiles = this.#watchTlsFiles(config.tls);
  }

  urls(): string[] {
    return this.#listeners.map(({ url }) => url);
  }

  logUrls(): void {
    for (const url of this.urls()) this.#options.logger.info({ url }, 'Listening');
  }

  async listen(address: ListenAddress): Promise<void> {
    const limits = this.#limits;
    const logRefusal = this.#logRefusal;
    const handler: Handler = (req, res) => {
      this.#handler(req, res);
    };
    const connections = new Connections({ handler, limits, logRefusal, clock: this.#options.clock });
    const beforeHandshake = (): void => {
      this.#checkTlsFiles();
    };
    const bound = await bind(address);
    this.#listeners.push(new Listener(bound, this.#tls, { connections, limits, logRefusal, beforeHandshake }));
  }

  /** Every request from now on is handled by `config`, also on connections that are open. */
  use(config: WebConfig): void {
    const urls = this.urls();
    this.#handler = this.#controlAccess(config);
    if (!isDeepStrictEqual(config.tls?.settings, this.#tls?.settings)) {
      this.#tls = config.tls;
      this.#checkTlsFiles = this.#watchTlsFiles(config.tls);
      for (const listener of this.#listeners) listener.use(config.tls);
    }
    if (!isDeepStrictEqual(this.urls(), urls)) this.logUrls();
  }

  async close(graceMs: number): Promise<void> {
    await Promise.all(this.#listeners.map((listener) => listener.close(graceMs)));
    await this.#bcrypt.close();
  }

  #controlAccess({ headers, users, rateLimit }: WebConfig): Handler {
    const { handler, clock, logger } = this.#options;
    return controlAccess(handler, {
      headers,
      users,
      isAllowed: rateLimit === undefined ? undefined : rateLimiter(rateLimit, clock),
      authenticator: this.#authenticator,
      logRefusal: this.#logRefusal,
      onFailure: (err) => {
        logger.error({ err: errorMessage(err) }, 'Cannot check a password');
      },
    });
  }

  #watchTlsFiles(tls: WebTls | undefined): () => void {
    if (tls === undefined) return () => undefined;
    const { logger } = this.#options;
    return watchTlsFiles(tls.settings, {
      onRenewed: (material) => {
        this.#tls = { ...tls, material };
        for (const listener of this.#listeners) listener.renew(material.options);
        logger.info({ not_after: material.notAfter }, 'Read the TLS certificate, key and client CA again');
      },
      onProblems: (problems) => {
        logger.error({ problems }, 'Cannot use the new TLS certificate, key or client CA; the old ones stay');
      },
    });
  }
}
