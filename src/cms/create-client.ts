import type { CallCenterConfig } from '../config/schema.ts';
import { readFailure } from '../config/file-checks.ts';
import { readSecret } from '../config/secret.ts';
import { OperationError } from '../core/errors.ts';
import { errorCode } from '../core/format.ts';
import { type ApiClient, type ApiClientOptions, createApiClient } from './client.ts';
import { type Connections, type ConnectionOptions, connectionsTo } from './connections.ts';
import type { ProxyEnvironment } from './proxy.ts';

export interface ClientContext extends Pick<ApiClientOptions, 'clock' | 'onRequest' | 'onPrepared' | 'send'> {
  readonly environment: ProxyEnvironment;
  /** Connections that may be open at once. */
  readonly connections: number;
  /** Called with the time at which the first certificate of the chain expires. */
  readonly onCertificate?: (notAfterMs: number) => void;
}

/**
 * The API client of a call center, with its keys, proxy, TLS files and timeout. Nothing is sent yet.
 * @throws OperationError when a TLS file or the proxy of the environment cannot be used; without values of the config
 */
export function createClientFor(config: CallCenterConfig, context: ClientContext): ApiClient {
  return createApiClient(transportFor(config, context));
}

/**
 * What every client of a call center sends with: connections of its own, keys, proxy, TLS files and timeout.
 * @throws OperationError as {@link createClientFor} does
 */
export function transportFor(config: CallCenterConfig, context: ClientContext): ApiClientOptions {
  const { environment, connections, onCertificate = () => undefined, ...rest } = context;
  const timeoutMs = config.poll.timeoutMs;
  return {
    ...config,
    ...rest,
    secretKey: () => readSecret(config.secretKey),
    timeoutMs,
    ...connect({ ...config, environment, connections, connectTimeoutMs: timeoutMs, onCertificate }),
  };
}

function connect(options: ConnectionOptions): Connections {
  try {
    return connectionsTo(options);
  } catch (error) {
    if (error instanceof OperationError) throw error;
    if (error instanceof Error && 'syscall' in error) {
      throw new OperationError(`Cannot read a TLS file: ${readFailure(error)}`);
    }
    const code = errorCode(error) ?? 'unknown error';
    throw new OperationError(
      `Cannot set up TLS or proxy (${code}): check that cert_file matches key_file, and proxy_url`,
    );
  }
}
