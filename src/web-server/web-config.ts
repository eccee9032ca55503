import { dirname } from 'node:path';

import { openYaml, refuse } from '../config/load.ts';
import type { Reader } from '../config/value-reader.ts';
import { anyText, duration, flag, integer } from '../config/value-parsers.ts';
import type { RateLimit } from './rate-limit.ts';
import { readTls, TLS_KEYS } from './web-config-tls.ts';
import type { WebTls } from './web-config-tls.ts';

/*
 * The web config file in the format of exporter-toolkit:
 * https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
 */

export interface WebConfig {
  /** Undefined means plain HTTP. */
  readonly tls: WebTls | undefined;
  readonly headers: Readonly<Record<string, string>>;
  /** bcrypt hash by name. */
  readonly users: ReadonlyMap<string, string>;
  readonly rateLimit: RateLimit | undefined;
}

/** What applies without a file. */
export const NO_WEB_CONFIG: WebConfig = { tls: undefined, headers: {}, users: new Map(), rateLimit: undefined };

/** Every key that may be written, by the mapping it stands in. */
export const WEB_CONFIG_KEYS = {
  root: ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit'],
  tls: TLS_KEYS,
  http: ['http2', 'headers'],
  // The toolkit takes no others, in this spelling.
  headers: [
    'Strict-Transport-Security',
    'X-Content-Type-Options',
    'X-Frame-Options',
    'X-XSS-Protection',
    'Content-Security-Policy',
  ],
  rateLimit: ['interval', 'burst'],
} as const;

type Header = (typeof WEB_CONFIG_KEYS.headers)[number];

const HEADER_VALUES: Partial<Record<Header, readonly string[]>> = {
  'X-Content-Type-Options': ['nosniff'],
  'X-Frame-Options': ['deny', 'sameorigin'],
};

const BCRYPT = /^\$2[aby]\$(?:0[4-9]|[12]\d|3[01])\$[./A-Za-z0-9]{53}$/;
// Headers among them, and users; passwords have other characters, or are long.
const NAMEABLE_KEY = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;
const DAY_MS = 86_400_000;

/**
 * Reads the web config and the files it names, whose relative paths start at its directory.
 * Throws {@link ConfigError} with every problem.
 */
export async function loadWebConfig(file: string): Promise<WebConfig> {
  const { root, problems } = await openYaml(file, undefined, NAMEABLE_KEY);
  const keys = root.mapping(WEB_CONFIG_KEYS.root);
  const http = keys?.optional('http_server_config')?.mapping(WEB_CONFIG_KEYS.http);
  // Taken and left alone: true is the toolkit's default, and a client that prefers HTTP/2 agrees on HTTP/1.1.
  flag(http?.optional('http2'));
  const config = {
    tls: readTls(keys?.optional('tls_server_config'), dirname(file)),
    headers: readHeaders(http?.optional('headers')),
    users: readUsers(keys?.optional('basic_auth_users')),
    rateLimit: readRateLimit(keys?.optional('rate_limit')),
  };
  refuse(problems);
  return config;
}

function readHeaders(value: Reader | undefined): Record<string, string> {
  const keys = value?.mapping(WEB_CONFIG_KEYS.headers);
  const headers: Record<string, string> = {};
  for (const name of WEB_CONFIG_KEYS.headers) {
    const header = keys?.optional(name);
    const found = anyText(header);
    if (header === undefined || found === undefined) continue;
    const allowed = HEADER_VALUES[name];
    if (allowed?.includes(found) === false) header.report(`Must be ${allowed.join(' or ')}`);
    else if (/[^\t\x20-\x7e]/.test(found)) header.report('Must be a single line of ASCII without control characters');
    else if (found !== '') headers[name] = found;
  }
  return headers;
}

function readUsers(value: Reader | undefined): Map<string, string> {
  const users = new Map<string, string>();
  for (const [name, entry] of value?.entries() ?? []) {
    const hash = anyText(entry);
    if (hash === undefined) continue;
    if (name.includes(':')) entry.reportKey('A user name with a colon cannot log in with basic authentication');
    else if (BCRYPT.test(hash)) users.set(name, hash);
    else entry.report('Must be a bcrypt hash, as `htpasswd -nBC 10 "" | tr -d \':\\n\'` prints it');
  }
  return users;
}

function readRateLimit(value: Reader | undefined): RateLimit | undefined {
  const keys = value?.mapping(WEB_CONFIG_KEYS.rateLimit);
  const intervalMs = duration(keys?.optional('interval'), 0, DAY_MS) ?? 0;
  const burst = integer(keys?.optional('burst'), 0, 1_000_000) ?? 0;
  if (value !== undefined && intervalMs > 0 && burst === 0)
    value.reportKey('Without a burst of at least 1 every request would be refused');
  return intervalMs > 0 ? { intervalMs, burst } : undefined;
}
