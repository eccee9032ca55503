import { dirname, resolve } from 'node:path';

import { openYaml, refuse } from '../config/load.ts';
import type { Mapping, Reader } from '../config/reader.ts';
import { anyText, duration, flag, integer, line, text } from '../config/values.ts';
import type { RateLimit } from './rate-limit.ts';
import { readTlsMaterial } from './tls-material.ts';
import type { PemSource, TlsMaterial, TlsPart, WebTlsConfig } from './tls-material.ts';
import { CIPHER_SUITES, CLIENT_AUTH_TYPES, CURVES, TLS13_CIPHERS, TLS_VERSIONS } from './tls-names.ts';

/*
 * The web config file in the format of exporter-toolkit:
 * https://github.com/prometheus/exporter-toolkit/blob/master/docs/web-configuration.md
 */

export interface WebConfig {
  /** Undefined means plain HTTP. */
  readonly tls: { readonly settings: WebTlsConfig; readonly material: TlsMaterial } | undefined;
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
  tls: [
    'cert_file',
    'key_file',
    'client_ca_file',
    'cert',
    'key',
    'client_ca',
    'client_auth_type',
    'client_allowed_sans',
    'min_version',
    'max_version',
    'cipher_suites',
    'curve_preferences',
    'prefer_server_cipher_suites',
  ],
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

type TlsMapping = Mapping<(typeof WEB_CONFIG_KEYS.tls)[number]>;
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

function readTls(value: Reader | undefined, directory: string): WebConfig['tls'] {
  const keys = value?.mapping(WEB_CONFIG_KEYS.tls);
  if (value === undefined || keys === undefined) return undefined;
  if (WEB_CONFIG_KEYS.tls.every((key) => keys.optional(key) === undefined)) return undefined;

  const cert = readPem(keys, 'cert', directory);
  const key = readPem(keys, 'key', directory);
  const clientCa = readPem(keys, 'client_ca', directory);
  if (cert === 'missing') value.reportKey('TLS needs cert_file, or cert');
  if (key === 'missing') value.reportKey('TLS needs key_file, or key');

  const options = {
    clientCa: typeof clientCa === 'object' ? clientCa.source : undefined,
    ...readClientAuth(keys, clientCa !== 'missing'),
    ...readVersions(keys),
    ciphers: readCiphers(keys.optional('cipher_suites')),
    ecdhCurve: readCurves(keys.optional('curve_preferences')),
    honorCipherOrder: flag(keys.optional('prefer_server_cipher_suites')) ?? true,
  };
  if (typeof cert !== 'object' || typeof key !== 'object') return undefined;
  const settings: WebTlsConfig = { cert: cert.source, key: key.source, ...options };

  const material = readTlsMaterial(settings);
  if (!Array.isArray(material)) return { settings, material };
  const places: Record<TlsPart, Reader> = {
    cert: cert.value,
    key: key.value,
    clientCa: typeof clientCa === 'object' ? clientCa.value : value,
  };
  for (const { part, message } of material) places[part].report(message);
  return undefined;
}

/** `NAME_file`, or the text under `NAME`; `wrong` was reported. */
function readPem(
  keys: TlsMapping,
  name: 'cert' | 'key' | 'client_ca',
  directory: string,
): { source: PemSource; value: Reader } | 'missing' | 'wrong' {
  const file = keys.optional(`${name}_file`);
  const inline = keys.optional(name);
  const value = file ?? inline;
  if (value === undefined) return 'missing';
  if (file !== undefined && inline !== undefined) {
    inline.reportKey(`Give either ${name} or ${name}_file`);
    return 'wrong';
  }
  const found = file === undefined ? text(value) : line(value);
  if (found === undefined) return 'wrong';
  return { source: file === undefined ? { pem: found } : { file: resolve(directory, found) }, value };
}

function readClientAuth(keys: TlsMapping, hasCa: boolean): Pick<WebTlsConfig, 'clientAuth' | 'clientAllowedSans'> {
  const type = keys.optional('client_auth_type');
  const sans = keys.optional('client_allowed_sans');
  const chosen = type === undefined ? CLIENT_AUTH_TYPES.NoClientCert : choice(type, CLIENT_AUTH_TYPES);
  if (chosen?.verify === true && !hasCa) type?.report('This type needs client_ca_file, or client_ca, to verify with');
  if (chosen?.ask === false) {
    for (const key of ['client_ca_file', 'client_ca', 'client_allowed_sans'] as const) {
      keys.optional(key)?.reportKey('No effect while client_auth_type is NoClientCert, the default: choose another');
    }
  }
  const clientAllowedSans = sans?.list('a list of names')?.flatMap((san) => line(san) ?? []);
  if (clientAllowedSans?.length === 0) sans?.report('An empty list would refuse every client');
  return { clientAuth: chosen ?? CLIENT_AUTH_TYPES.NoClientCert, clientAllowedSans };
}

function readVersions(keys: TlsMapping): Pick<WebTlsConfig, 'minVersion' | 'maxVersion'> {
  const max = keys.optional('max_version');
  const minVersion = choice(keys.optional('min_version'), TLS_VERSIONS) ?? 'TLSv1.2';
  const maxVersion = choice(max, TLS_VERSIONS) ?? 'TLSv1.3';
  const order = Object.values(TLS_VERSIONS);
  if (order.indexOf(minVersion) > order.indexOf(maxVersion)) {
    max?.report('Must not be lower than min_version, which is TLS12 unless set');
  }
  return { minVersion, maxVersion };
}

function readCiphers(value: Reader | undefined): string | undefined {
  const ciphers = names(value, CIPHER_SUITES);
  return ciphers === undefined || ciphers.length === 0
    ? undefined
    : [...new Set([...TLS13_CIPHERS, ...ciphers])].join(':');
}

function readCurves(value: Reader | undefined): string | undefined {
  const curves = names(value, CURVES);
  return curves === undefined || curves.length === 0 ? undefined : curves.join(':');
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

/** The values of a list that may hold the keys of `known`. */
function names(value: Reader | undefined, known: Readonly<Record<string, string>>): string[] | undefined {
  return value?.list('a list of names')?.flatMap((item) => choice(item, known) ?? []);
}

function choice<T>(value: Reader | undefined, known: Readonly<Record<string, T>>): T | undefined {
  const found = line(value);
  if (found === undefined) return undefined;
  if (Object.hasOwn(known, found)) return known[found];
  value?.report(`Must be one of ${Object.keys(known).join(', ')}`);
  return undefined;
}
