import { dirname } from 'node:path';

import { openYaml, refuse } from '../config/load.ts';
import type { Reader } from '../config/value-reader.ts';
import { formatProblem } from '../core/errors.ts';
import { anyText, duration, integer } from '../config/value-parsers.ts';
import { goBoolean } from './go-values.ts';
import type { RateLimit } from './rate-limit.ts';
import { readTls, TLS_KEYS } from './web-config-tls.ts';
import type { Warn, WebTls } from './web-config-tls.ts';

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
  /** What works, but is likely a mistake, each with its place. */
  readonly warnings: readonly string[];
}

/** What applies without a file. */
export const NO_WEB_CONFIG: WebConfig = {
  tls: undefined,
  headers: {},
  users: new Map(),
  rateLimit: undefined,
  warnings: [],
};

/** Every key that is allowed, by the mapping that holds it. */
export const WEB_CONFIG_KEYS = {
  root: ['tls_server_config', 'http_server_config', 'basic_auth_users', 'rate_limit'],
  tls: TLS_KEYS,
  http: ['http2', 'headers'],
  // The toolkit accepts no others, and only in this spelling.
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
/** One comparison takes about 0.6 s at cost 13, and twice as long with each step. */
const MAX_QUICK_COST = 13;
// Includes headers and users; passwords have other characters, or are long.
const NAMEABLE_KEY = /^[A-Za-z][A-Za-z0-9_-]{0,40}$/;
const DAY_MS = 86_400_000;

/**
 * Reads the web config and the files it names, whose relative paths start at its directory.
 * Throws {@link ConfigError} with every problem.
 */
export async function loadWebConfig(file: string): Promise<WebConfig> {
  const { root, problems } = await openYaml(file, undefined, NAMEABLE_KEY);
  const warnings: string[] = [];
  const warn: Warn = (value, message) => warnings.push(formatProblem(value.problem(message)));
  const keys = root.mapping(WEB_CONFIG_KEYS.root);
  const http = keys?.optional('http_server_config')?.mapping(WEB_CONFIG_KEYS.http);
  // Has no effect: true is the toolkit's default, and a client that prefers HTTP/2 agrees on HTTP/1.1.
  goBoolean(http?.optional('http2'));
  const config = {
    tls: readTls(keys?.optional('tls_server_config'), dirname(file), warn),
    headers: readHeaders(http?.optional('headers')),
    users: readUsers(keys?.optional('basic_auth_users'), warn),
    rateLimit: readRateLimit(keys?.optional('rate_limit')),
    warnings,
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

function readUsers(value: Reader | undefined, warn: Warn): Map<string, string> {
  const users = new Map<string, string>();
  for (const [name, entry] of value?.entries() ?? []) {
    // A block scalar ends with a line break.
    const hash = anyText(entry)?.trimEnd();
    if (hash === undefined) continue;
    const cost = Number(hash.slice(4, 6));
    if (BCRYPT.test(hash) && cost > MAX_QUICK_COST)
      warn(entry, `A hash of bcrypt cost ${cost} makes logins slow, and others wait meanwhile: use cost 10 to 12`);
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
