import { readFile } from 'node:fs/promises';
import { type ClientRequest, request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { OperationError, UsageError } from '../core/errors.ts';
import { type ListenAddress, parseListenAddress } from '../web-server/listen-address.ts';
import { loadWebConfig } from '../web-server/web-config.ts';
import type { CommandIo } from './io.ts';
import { parseFlags } from './serve-flags.ts';

const HEALTHCHECK_USAGE = `Usage: aicc-cti-exporter healthcheck [--ready] [flags of serve]

Requests /-/healthy from the exporter that was started with these flags. Exit code 0 if it responds, 1 if not. Without
flags, the flags of process 1 are used: in a container this is the exporter. A response that requires a login or a client
certificate counts as healthy, too.

  --ready   request /-/ready: every call center has completed its first poll
  --help
`;

const TIMEOUT_MS = 3000;

/**
 * The flags of serve in a command line as /proc has it, NUL after each word; undefined when another program or another
 * command runs there.
 */
export function serveFlagsOf(commandLine: string): readonly string[] | undefined {
  const words = commandLine.split('\0').slice(0, -1);
  const program = words.findIndex((word) => /(?:^|\/)(?:main\.js|aicc-cti-exporter)$/.test(word));
  if (program === -1) return undefined;
  const [first = '', ...rest] = words.slice(program + 1);
  if (first === 'serve') return rest;
  return first.startsWith('--') ? [first, ...rest] : undefined;
}

async function flagsOfFirstProcess(): Promise<readonly string[]> {
  const flags = serveFlagsOf(await readFile('/proc/1/cmdline', 'utf8').catch(() => ''));
  if (flags !== undefined) return flags;
  throw new UsageError('Process 1 is not the exporter: name the flags that it was started with');
}

/** The address to connect to: an address for "all of them" becomes loopback. */
function targetOf({ host, port }: ListenAddress): { host: string; port: number } {
  if (host === '::') return { host: '::1', port };
  return { host: host === undefined || host === '0.0.0.0' ? '127.0.0.1' : host, port };
}

/** Resolves with the status of the response. The certificate does not matter: nothing secret is sent. */
function statusOf(isTls: boolean, options: { host: string; port: number; path: string }): Promise<number> {
  return new Promise((resolve, reject) => {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const request: ClientRequest = isTls
      ? httpsRequest({ ...options, signal, rejectUnauthorized: false })
      : httpRequest({ ...options, signal });
    request.on('response', (response) => {
      response.destroy();
      resolve(response.statusCode ?? 0);
    });
    request.on('error', (error: NodeJS.ErrnoException) => {
      // The server requested a client certificate, so it is at work.
      if (isTls && /^ERR_SSL_.*ALERT/.test(error.code ?? '')) resolve(401);
      else reject(signal.aborted ? new Error(`no response in ${TIMEOUT_MS / 1000} s`) : error);
    });
    request.end();
  });
}

/**
 * `healthcheck`: returns 0 when the exporter responds.
 * @throws UsageError for wrong flags, ConfigError for an unusable web config, OperationError when it does not respond
 */
export async function healthcheck(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv.includes('--help')) {
    io.stdout.write(HEALTHCHECK_USAGE);
    return 0;
  }
  const given = argv.filter((arg) => arg !== '--ready');
  const path = argv.includes('--ready') ? '/-/ready' : '/-/healthy';
  const flags = parseFlags(given.length > 0 ? given : await flagsOfFirstProcess());
  const isTls = flags.webConfigFile !== undefined && (await loadWebConfig(flags.webConfigFile)).tls !== undefined;
  const target = targetOf(parseListenAddress(flags.listenAddresses[0] ?? ''));
  const url = `${isTls ? 'https' : 'http'}://${target.host}:${target.port}${path}`;
  const status = await statusOf(isTls, { ...target, path }).catch((error: unknown) => {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperationError(`${url}: ${reason}`, { cause: error });
  });
  if (status >= 500) throw new OperationError(`${url}: status ${status}`);
  io.stdout.write(`OK: ${url} responds with status ${status}\n`);
  return 0;
}
