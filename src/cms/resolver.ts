import { type LookupAddress, lookup as systemLookup } from 'node:dns';
import { Resolver } from 'node:dns/promises';
import { readFileSync } from 'node:fs';
import { isIP, type LookupFunction } from 'node:net';
import { networkInterfaces } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import pLimit from 'p-limit';
import { errorCode } from '../core/format.ts';

/** A host name was not resolved. The message names DNS and the host; `code` is that of the system or of c-ares. */
export class NameLookupError extends Error {
  override readonly name = 'NameLookupError';
  readonly code: string;

  constructor(message: string, code: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
  }
}

export interface ResolverOptions {
  /** A lookup fails after this time. */
  readonly timeoutMs: number;
  readonly hostsFile?: string;
  /** `address:port` of the name servers; default: those of the system. */
  readonly servers?: readonly string[];
}

export interface HostResolver {
  /** For the `lookup` option of `net.connect`. */
  readonly lookup: LookupFunction;
  /** Ends pending lookups: they fail. */
  close(): void;
}

/** How long to wait for the other address family once one is there: some name servers ignore AAAA queries. */
const OTHER_FAMILY_MS = 250;
const TRIES = 2;

/**
 * `getaddrinfo` blocks one of the four threads that all file operations and lookups of the process share, until the name
 * server responds. Two threads always stay free.
 */
const systemLookups = pLimit(2);

const NO_RESPONSE = new Set(['ETIMEOUT', 'ECANCELLED', 'EDESTRUCTION']);

/**
 * Resolves host names without blocking other lookups: first the hosts file, then the name servers through sockets of its
 * own. `getaddrinfo` is used only for names that the name servers do not know: it also knows search domains, mDNS and
 * other sources. A name that gets no response fails alone and delays no other lookup. Lookups of the same host at
 * the same time share one result; nothing is cached.
 */
export function createResolver(options: ResolverOptions): HostResolver {
  const pending = new Map<string, Promise<readonly LookupAddress[]>>();
  const resolvers = new Set<Resolver>();

  function shared(host: string): Promise<readonly LookupAddress[]> {
    const known = pending.get(host);
    if (known !== undefined) return known;
    const started = resolveHost(host, options, resolvers).finally(() => pending.delete(host));
    pending.set(host, started);
    return started;
  }

  return {
    lookup(host, { all, family }, callback) {
      const wanted = family === 4 || family === 'IPv4' ? 4 : family === 6 || family === 'IPv6' ? 6 : undefined;
      shared(host).then(
        (addresses) => {
          const usable = addresses.filter((each) => wanted === undefined || each.family === wanted);
          const [first] = usable;
          if (first === undefined) callback(new NameLookupError(`DNS: no address for ${host}`, 'ENOTFOUND'), '');
          else if (all === true) callback(null, usable);
          else callback(null, first.address, first.family);
        },
        (error: unknown) => {
          callback(error as Error, '');
        },
      );
    },
    close() {
      for (const resolver of resolvers) resolver.cancel();
    },
  };
}

/** @param running holds the resolver as long as it is used, so that it can be cancelled */
async function resolveHost(
  host: string,
  options: ResolverOptions,
  running: Set<Resolver>,
): Promise<readonly LookupAddress[]> {
  const listed = fromHostsFile(host, options.hostsFile ?? '/etc/hosts');
  if (listed.length > 0) return listed;
  if (/(^|\.)localhost\.?$/i.test(host)) return fromSystem(host);
  // A new one each time: it reads the current configuration of the system.
  const resolver = new Resolver({ timeout: Math.ceil(options.timeoutMs / (2 * TRIES)), tries: TRIES });
  if (options.servers !== undefined) resolver.setServers(options.servers);
  running.add(resolver);
  const timer = setTimeout(() => {
    resolver.cancel();
  }, options.timeoutMs);
  try {
    return await fromNameServers(host, resolver);
  } catch (error) {
    const code = errorCode(error) ?? '';
    if (!NO_RESPONSE.has(code)) return await fromSystem(host);
    throw new NameLookupError(`DNS: no name server answered for ${host}`, code, error);
  } finally {
    clearTimeout(timer);
    running.delete(resolver);
  }
}

/** The addresses of a host in a hosts file: `address name alias... # comment`. None when there is no such file. */
export function fromHostsFile(host: string, file: string): LookupAddress[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    return [];
  }
  const wanted = host.toLowerCase().replace(/\.$/, '');
  return text.split('\n').flatMap((line) => {
    const [address = '', ...names] = line.replace(/#.*/, '').trim().split(/\s+/);
    const family = isIP(address);
    return family > 0 && names.some((name) => name.toLowerCase() === wanted) ? [{ address, family }] : [];
  });
}

/** IPv6 first, as `getaddrinfo` does where the machine has an IPv6 address. Rejects with the error of c-ares. */
async function fromNameServers(host: string, resolver: Resolver): Promise<LookupAddress[]> {
  const query = async (family: 4 | 6) => {
    const addresses = family === 4 ? await resolver.resolve4(host) : await resolver.resolve6(host);
    return addresses.map((address) => ({ address, family }));
  };
  if (!hasIpv6()) return query(4);
  const found = { 6: [] as LookupAddress[], 4: [] as LookupAddress[] };
  const queries = ([6, 4] as const).map(async (family) => (found[family] = await query(family)));
  const first = Promise.any(queries).then(() => delay(OTHER_FAMILY_MS, undefined, { ref: false }));
  try {
    await Promise.race([Promise.all(queries), first]);
  } catch {
    // One family failed; the other may still come.
    await first.catch((error: unknown) => {
      throw error instanceof AggregateError ? error.errors.at(-1) : error;
    });
  }
  return [...found[6], ...found[4]];
}

/** Whether the machine has an IPv6 address that reaches further than its own network. */
function hasIpv6(): boolean {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => each ?? []);
  return addresses.some(({ family, internal, address }) => family === 'IPv6' && !internal && !/^fe80:/i.test(address));
}

function fromSystem(host: string): Promise<readonly LookupAddress[]> {
  return systemLookups(
    () =>
      new Promise((resolve, reject) => {
        systemLookup(host, { all: true }, (error, addresses) => {
          if (error === null) resolve(addresses);
          else if (error.code === 'ENOTFOUND')
            reject(new NameLookupError(`DNS: unknown host ${host}`, 'ENOTFOUND', error));
          else reject(new NameLookupError(`DNS: the lookup of ${host} failed`, error.code ?? '', error));
        });
      }),
  );
}
