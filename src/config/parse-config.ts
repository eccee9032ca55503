import type { FileKind } from './file-checks.ts';
import { createPlans, NO_HOURS, readOpeningHours } from './opening-hours.ts';
import { checkQueues, readQueues } from './queues.ts';
import { CONFIG_KEYS, DEFAULT_POLL, DEFAULT_SIGNING, DEFAULT_TLS, MAX_CC_ID, SIGNABLE_HEADERS } from './schema.ts';
import type { CallCenterConfig, Config, PollConfig, SecretSource, SigningConfig, TlsConfig } from './schema.ts';
import { DEFAULT_TARGETS, readTargets } from './targets.ts';
import { authority, duration, flag, integer, line, origin, proxyUrl, secretText, text } from './value-parsers.ts';
import type { Reader } from './value-reader.ts';
import { readVdns } from './vdns.ts';
import type { ListedVdn, VdnDefaults } from './vdns.ts';

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

/** What the loader does for the parser. */
export interface LoadContext {
  /** Makes a path absolute, and plans a check of the file: readable, of this kind, and a key that matches `certFile`. */
  readonly file: (value: Reader, path: string, kind: FileKind, certFile: string | undefined) => string;
  readonly warn: (value: Reader, message: string) => void;
}

type ListedCallCenter = Omit<CallCenterConfig, 'vdns'> & { readonly vdns: readonly ListedVdn[] | 'all' };

/**
 * Checks a YAML document and turns it into a {@link Config}, without the warnings. A value with a problem is replaced
 * by a stand-in, so do not use the result when any problem was reported.
 */
export function parseConfig(root: Reader, context: LoadContext): Omit<Config, 'warnings'> {
  const keys = root.mapping(CONFIG_KEYS.root);
  const defaults = {
    poll: readPoll(keys?.optional('poll'), DEFAULT_POLL),
    targets: readTargets(keys?.optional('targets'), DEFAULT_TARGETS),
    openingHours: readOpeningHours(keys?.optional('opening_hours'), NO_HOURS),
    queues: readQueues(keys?.optional('queues'), undefined),
    planOf: createPlans(),
  };
  const value = keys?.required('call_centers');
  const items = value?.list('a list of call centers');
  if (items?.length === 0) value?.report('Must have at least one call center');

  const names = new Map<string, number>();
  const callCenters = (items ?? [])
    .map((item) => readCallCenter(item, { ...defaults, names, context }))
    .filter((c) => c !== undefined);
  const vdns = callCenters.flatMap((callCenter) => (callCenter.vdns === 'all' ? [] : callCenter.vdns));
  const vdnLabelNames = [...new Set(vdns.flatMap(({ labels }) => [...labels.keys()]))].sort();
  return { vdnLabelNames, callCenters: callCenters.map((callCenter) => withAllLabels(callCenter, vdnLabelNames)) };
}

/** All series of a metric have the same label names, so each VDN gets the label names of all VDNs. */
function withAllLabels(callCenter: ListedCallCenter, names: readonly string[]): CallCenterConfig {
  if (callCenter.vdns === 'all') return { ...callCenter, vdns: 'all' };
  const vdns = callCenter.vdns.map((vdn) => {
    return { ...vdn, labels: Object.fromEntries(names.map((name) => [name, vdn.labels.get(name) ?? ''])) };
  });
  return { ...callCenter, vdns };
}

/** The settings of the top level, and what the call centers share. */
interface CallCenterContext extends VdnDefaults {
  readonly poll: PollConfig;
  /** The names so far, with the lines in which they are. */
  readonly names: Map<string, number>;
  readonly context: LoadContext;
}

function readCallCenter(value: Reader, shared: CallCenterContext): ListedCallCenter | undefined {
  const keys = value.mapping(CONFIG_KEYS.callCenter);
  if (keys === undefined) return undefined;
  const { names, context, planOf } = shared;
  const targets = readTargets(keys.optional('targets'), shared.targets);
  const openingHours = readOpeningHours(keys.optional('opening_hours'), shared.openingHours);
  const queuesValue = keys.optional('queues');
  const queues = readQueues(queuesValue, shared.queues);
  const callCenter = {
    name: readName(keys.required('name'), names),
    url: readUrl(keys.required('url'), context),
    ccId: integer(keys.optional('cc_id'), 1, MAX_CC_ID),
    accessKey: readAccessKey(keys.required('access_key')),
    secretKey: readSecretKey(value, keys.optional('secret_key'), keys.optional('secret_key_file'), context),
    vdns: readVdns(keys.required('vdns'), { targets, openingHours, queues, planOf }) ?? [],
    targets,
    openingHours: planOf(openingHours),
    poll: readPoll(keys.optional('poll'), shared.poll),
    tls: readTls(keys.optional('tls'), context),
    proxyUrl: proxyUrl(keys.optional('proxy_url')),
    signing: readSigning(keys.optional('signing')),
  };
  return { ...callCenter, queues: checkQueues({ ...callCenter, queues }, queuesValue ?? value) };
}

function readName(value: Reader | undefined, names: Map<string, number>): string {
  const name = line(value);
  if (value === undefined || name === undefined) return '';
  const first = names.get(name);
  if (first === undefined) names.set(name, value.line);
  else value.report(`Two call centers have this name, the first in line ${first}`);
  return name;
}

function readUrl(value: Reader | undefined, context: LoadContext): string {
  const url = origin(value) ?? '';
  if (value !== undefined && url.startsWith('http:')) {
    context.warn(value, 'http:// sends everything unencrypted: use https:// where the CMS offers it');
  }
  return url;
}

function readAccessKey(value: Reader | undefined): string {
  const key = secretText(value);
  // The access key is sent in a header.
  if (key !== undefined && !/^[!-~]+$/.test(key)) value?.report('Must be printable ASCII without blanks');
  return key ?? '';
}

function readSecretKey(
  callCenter: Reader,
  inline: Reader | undefined,
  file: Reader | undefined,
  context: LoadContext,
): SecretSource {
  if (inline !== undefined && file !== undefined) file.reportKey('Give either secret_key or secret_key_file, not both');
  if (inline === undefined && file === undefined) callCenter.report('Either secret_key or secret_key_file is required');
  const value = secretText(inline);
  const path = readFilePath(file, 'secret', context);
  return path !== undefined && inline === undefined ? { file: path } : { value: value ?? '' };
}

function readPoll(value: Reader | undefined, defaults: PollConfig): PollConfig {
  const keys = value?.mapping(CONFIG_KEYS.poll);
  if (keys === undefined) return defaults;
  return {
    settleDelayMs: duration(keys.optional('settle_delay'), 0, 5 * MINUTE) ?? defaults.settleDelayMs,
    retryIntervalMs: duration(keys.optional('retry_interval'), SECOND, 5 * MINUTE) ?? defaults.retryIntervalMs,
    lookbackWindows: integer(keys.optional('lookback_windows'), 1, 12) ?? defaults.lookbackWindows,
    catchUpMs: duration(keys.optional('catch_up'), 0, 31 * DAY) ?? defaults.catchUpMs,
    staleAfterMs: duration(keys.optional('stale_after'), 5 * MINUTE, 24 * HOUR) ?? defaults.staleAfterMs,
    timeoutMs: duration(keys.optional('timeout'), 100, 2 * MINUTE) ?? defaults.timeoutMs,
    concurrency: integer(keys.optional('concurrency'), 1, 32) ?? defaults.concurrency,
  };
}

function readTls(value: Reader | undefined, context: LoadContext): TlsConfig {
  const keys = value?.mapping(CONFIG_KEYS.tls);
  if (keys === undefined) return DEFAULT_TLS;
  const cert = keys.optional('cert_file');
  const key = keys.optional('key_file');
  if (cert !== undefined && key === undefined) cert.reportKey('A client certificate needs key_file as well');
  if (key !== undefined && cert === undefined) key.reportKey('A client key needs cert_file as well');
  const skip = keys.optional('insecure_skip_verify');
  const insecureSkipVerify = flag(skip) ?? DEFAULT_TLS.insecureSkipVerify;
  if (skip !== undefined && insecureSkipVerify) context.warn(skip, 'The identity of the CMS is not verified');
  const certFile = readFilePath(cert, 'certificate', context);
  return {
    caFile: readFilePath(keys.optional('ca_file'), 'certificate', context),
    serverName: readServerName(keys.optional('server_name')),
    certFile,
    keyFile: readFilePath(key, 'key', context, certFile),
    insecureSkipVerify,
  };
}

function readServerName(value: Reader | undefined): string | undefined {
  const name = line(value);
  if (name !== undefined && !/^[A-Za-z0-9._-]+$/.test(name)) value?.report('Must be a host name, without a port');
  return name;
}

function readFilePath(
  value: Reader | undefined,
  kind: FileKind,
  context: LoadContext,
  certFile?: string,
): string | undefined {
  const path = line(value);
  return value === undefined || path === undefined ? undefined : context.file(value, path, kind, certFile);
}

function readSigning(value: Reader | undefined): SigningConfig {
  const keys = value?.mapping(CONFIG_KEYS.signing);
  if (keys === undefined) return DEFAULT_SIGNING;
  const headers = keys.optional('headers');
  return {
    headers: (headers && readHeaders(headers)) ?? DEFAULT_SIGNING.headers,
    milliseconds: flag(keys.optional('milliseconds')) ?? DEFAULT_SIGNING.milliseconds,
    host: authority(keys.optional('host')),
  };
}

function readHeaders(value: Reader): string[] | undefined {
  const items = value.list(`a list of header names (${SIGNABLE_HEADERS.join(', ')})`);
  if (items === undefined) return undefined;
  const headers = new Set<string>();
  let known = true;
  for (const item of items) {
    const header = text(item)?.toLowerCase();
    if (header === undefined || !(SIGNABLE_HEADERS as readonly string[]).includes(header)) {
      known = false;
      if (header !== undefined) item.report(`Must be one of the headers sent: ${SIGNABLE_HEADERS.join(', ')}`);
    } else if (headers.has(header)) item.report('This header is already listed');
    else headers.add(header);
  }
  // A misspelled host is reported above.
  if (known && !headers.has('host')) value.report('Must include host: the CMS refuses signatures without it');
  return [...headers].sort();
}
