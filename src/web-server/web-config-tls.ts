import { resolve } from 'node:path';

import type { Mapping, Reader } from '../config/value-reader.ts';
import { line, text } from '../config/value-parsers.ts';
import { goBoolean, unlessEmpty } from './go-values.ts';
import { systemRoots } from './system-roots.ts';
import { readTlsMaterial } from './tls-files.ts';
import type { PemSource, TlsMaterial, TlsPart, WebTlsConfig } from './tls-files.ts';
import { CIPHER_SUITES, CLIENT_AUTH_TYPES, CURVES, TLS13_CIPHERS, TLS_VERSIONS } from './tls-names.ts';

export interface WebTls {
  readonly settings: WebTlsConfig;
  readonly material: TlsMaterial;
}

/** What `tls_server_config` may hold. */
export const TLS_KEYS = [
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
] as const;

/** Reports what works, but is likely a mistake. */
export type Warn = (value: Reader, message: string) => void;

type TlsMapping = Mapping<(typeof TLS_KEYS)[number]>;

/**
 * Reads `tls_server_config` and the files it names, whose relative paths start at `directory`; undefined when it is
 * empty, or after reporting a problem.
 */
export function readTls(value: Reader | undefined, directory: string, warn: Warn): WebTls | undefined {
  const keys = value?.mapping(TLS_KEYS);
  if (value === undefined || keys === undefined) return undefined;
  if (TLS_KEYS.every((key) => keys.optional(key) === undefined)) return undefined;

  const cert = readPem(keys, 'cert', directory);
  const key = readPem(keys, 'key', directory);
  const clientCa = readPem(keys, 'client_ca', directory);
  if (cert === 'missing') value.reportKey('TLS needs cert_file, or cert');
  if (key === 'missing') value.reportKey('TLS needs key_file, or key');

  const client = readClientAuth(keys, clientCa !== 'missing', warn);
  const options = {
    ...client,
    clientCa: typeof clientCa === 'object' ? clientCa.source : client.clientAuth.verify ? systemRoots() : undefined,
    ...readVersions(keys),
    ciphers: readCiphers(keys.optional('cipher_suites')),
    ecdhCurve: readCurves(keys.optional('curve_preferences')),
    honorCipherOrder: goBoolean(keys.optional('prefer_server_cipher_suites')) ?? true,
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

/** `NAME_file`, or the text under `NAME`; `wrong` after reporting a problem. */
function readPem(
  keys: TlsMapping,
  name: 'cert' | 'key' | 'client_ca',
  directory: string,
): { source: PemSource; value: Reader } | 'missing' | 'wrong' {
  const file = unlessEmpty(keys.optional(`${name}_file`));
  const inline = unlessEmpty(keys.optional(name));
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

function readClientAuth(
  keys: TlsMapping,
  hasCa: boolean,
  warn: Warn,
): Pick<WebTlsConfig, 'clientAuth' | 'clientAllowedSans'> {
  const type = unlessEmpty(keys.optional('client_auth_type'));
  const sans = keys.optional('client_allowed_sans');
  const chosen = type === undefined ? CLIENT_AUTH_TYPES.NoClientCert : choice(type, CLIENT_AUTH_TYPES);
  if (type !== undefined && chosen?.verify === true && !hasCa)
    warn(
      type,
      'Every certificate of a CA that this system trusts is accepted: set client_ca_file to the CA of your clients',
    );
  if (chosen?.request === false) {
    for (const key of ['client_ca_file', 'client_ca', 'client_allowed_sans'] as const) {
      unlessEmpty(keys.optional(key))?.reportKey(
        'No effect while client_auth_type is NoClientCert, the default: choose another',
      );
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

/** Without a list all suites that Go offers: each has forward secrecy. */
function readCiphers(value: Reader | undefined): string {
  const chosen = names(value, CIPHER_SUITES) ?? [];
  const ciphers = chosen.length === 0 ? Object.values(CIPHER_SUITES) : chosen;
  return [...new Set([...TLS13_CIPHERS, ...ciphers])].join(':');
}

function readCurves(value: Reader | undefined): string | undefined {
  const curves = names(value, CURVES);
  return curves === undefined || curves.length === 0 ? undefined : curves.join(':');
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
