import { BlockList, isIP } from 'node:net';
import { OperationError } from '../core/errors.ts';

/** Environment variables; the proxy variables have lower-case or upper-case names. */
export type ProxyEnvironment = Readonly<Record<string, string | undefined>>;

/** A connection to the CMS failed at the proxy. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  /** Host and port of the proxy, without credentials. */
  readonly proxy: string;
  /** HTTP status of the response to CONNECT, when there was one. */
  readonly status: number | undefined;

  constructor(proxy: string, cause: Error) {
    super(`Proxy ${proxy}: ${cause.message}`, { cause });
    this.proxy = proxy;
    // undici gives the status in the message only.
    const status = /^Proxy response \((\d{3})\)/.exec(cause.message)?.[1];
    this.status = status === undefined ? undefined : Number(status);
  }
}

/** Whether an address equals the entry, or is within it (`10.0.0.0/8`). */
function isWithin(address: string, entry: string): boolean {
  const [network = '', prefix] = entry.split('/');
  const family = isIP(network);
  const longest = family === 4 ? 32 : 128;
  const bits = prefix === undefined ? longest : Number(prefix);
  if (family === 0 || isIP(address) !== family || !(bits >= 0 && bits <= longest)) return false;
  const type = family === 4 ? 'ipv4' : 'ipv6';
  const list = new BlockList();
  list.addSubnet(network, Math.floor(bits), type);
  return list.check(address, type);
}

/** Whether a `NO_PROXY` list exempts the host: `*`, a name, a domain suffix, an address or a network, with or without a port. */
function isExempt(noProxy: string, url: URL): boolean {
  const port = url.port || (url.protocol === 'https:' ? '443' : '80');
  const host = url.hostname.replace(/^\[|\]$|\.$/g, '');
  const entries = noProxy.toLowerCase().split(/[\s,]+/);
  return entries.some((entry) => {
    if (entry === '*' || isWithin(host, entry)) return true;
    const [, bracketed, plain = '', entryPort] = /^(?:\[(.*)\]|([^:]*))(?::(\d+))?$/.exec(entry) ?? [];
    if ((entryPort ?? port) !== port) return false;
    const pattern = bracketed ?? plain;
    const name = pattern.replace(/^\*?\.|\.$/g, '');
    return isWithin(host, pattern) || (isIP(host) === 0 && name !== '' && `.${host}`.endsWith(`.${name}`));
  });
}

/**
 * The URL of the proxy that the environment names for `target`, by the rules that curl and Go share; undefined when
 * there is none, or when NO_PROXY exempts the host.
 * @throws OperationError when it is not the URL of an HTTP proxy; the message has the variable's name, not its value
 */
export function proxyFromEnvironment(target: string, environment: ProxyEnvironment): string | undefined {
  const url = new URL(target);
  const read = (name: string) => environment[name] || environment[name.toUpperCase()] || undefined;
  if (isExempt(read('no_proxy') ?? '', url)) return undefined;
  const variable = [url.protocol === 'https:' ? 'https_proxy' : 'http_proxy', 'all_proxy'].find(read);
  const value = variable === undefined ? undefined : read(variable);
  if (variable === undefined || value === undefined) return undefined;
  const proxy = value.includes('://') ? value : `http://${value}`;
  if (URL.canParse(proxy) && /^https?:\/\//i.test(proxy)) return proxy;
  throw new OperationError(`The environment variable ${variable} is not the http:// or https:// URL of a proxy`);
}

/** The header with the credentials of a URL, for Authorization or Proxy-Authorization; undefined without any. */
export function basicAuthorization({ username, password }: URL): string | undefined {
  if (username === '' && password === '') return undefined;
  const decode = (part: string) => {
    try {
      return decodeURIComponent(part);
    } catch {
      return part; // A password with a bare percent sign.
    }
  };
  return `Basic ${Buffer.from(`${decode(username)}:${decode(password)}`).toString('base64')}`;
}
