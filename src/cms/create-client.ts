import { type ApiClient, type ApiClientOptions, createApiClient } from './client.ts';
import { connectionsTo } from './connections.ts';
import type { ProxyEnvironment } from './proxy.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import { readSecret } from '../config/secret.ts';

export interface ClientContext extends Pick<ApiClientOptions, 'clock' | 'onRequest' | 'onPrepared' | 'send'> {
  readonly environment: ProxyEnvironment;
  /** Connections that may be open at once. */
  readonly connections: number;
  /** Called with the time at which the first certificate of the chain expires. */
  readonly onCertificate?: (notAfterMs: number) => void;
}

/**
 * The API client that a call center's config asks for: its keys, proxy, TLS files and timeout.
 * @throws when a TLS file cannot be used
 */
export function createClientFor(config: CallCenterConfig, context: ClientContext): ApiClient {
  const { environment, connections, onCertificate = () => undefined, ...rest } = context;
  const timeoutMs = config.poll.timeoutMs;
  return createApiClient({
    ...config,
    ...rest,
    secretKey: () => readSecret(config.secretKey),
    timeoutMs,
    ...connectionsTo({ ...config, environment, connections, connectTimeoutMs: timeoutMs, onCertificate }),
  });
}
