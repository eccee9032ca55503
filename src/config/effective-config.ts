import { isDeepStrictEqual } from 'node:util';
import { stringify } from 'yaml';

import { formatDuration } from '../core/duration.ts';
import { describeOpeningHours, describeTargets } from './effective-line.ts';
import type { CallCenterConfig, Config, PollConfig, QueuesConfig, QueueSelection, VdnConfig } from './schema.ts';
import { idRanges } from '../core/format.ts';

const SECRET = '<secret>';

/**
 * The config in effect as plain data, with the keys of the YAML and every default. Secret keys, access keys and
 * passwords are shown as `<secret>`.
 */
function redactConfig(config: Config): unknown {
  return { call_centers: config.callCenters.map(redactCallCenter) };
}

/** {@link redactConfig} as YAML. It can be loaded again once the secrets are filled in. */
export function renderEffectiveConfig(config: Config): string {
  // Loading would take a single dollar for a reference to the environment.
  const literal = (_: unknown, value: unknown) => (typeof value === 'string' ? value.replaceAll('$', '$$$$') : value);
  return stringify(redactConfig(config), literal, { aliasDuplicateObjects: false });
}

function redactCallCenter(callCenter: CallCenterConfig): Record<string, unknown> {
  const { name, url, ccId, secretKey, vdns, targets, openingHours, queues, poll, tls, proxyUrl, signing } = callCenter;
  return withoutUndefined({
    name,
    url,
    cc_id: ccId,
    access_key: SECRET,
    ...('file' in secretKey ? { secret_key_file: secretKey.file } : { secret_key: SECRET }),
    vdns: vdns === 'all' ? 'all' : listVdns(vdns, callCenter),
    targets: describeTargets(targets),
    opening_hours: openingHours && describeOpeningHours(openingHours),
    queues: queues && describeQueues(queues),
    poll: describePoll(poll),
    tls: withoutUndefined({
      ca_file: tls.caFile,
      server_name: tls.serverName,
      cert_file: tls.certFile,
      key_file: tls.keyFile,
      insecure_skip_verify: tls.insecureSkipVerify,
    }),
    proxy_url: proxyUrl === undefined ? undefined : redactUrl(proxyUrl),
    signing: withoutUndefined({
      headers: signing.headers,
      milliseconds: signing.milliseconds,
      host: signing.host,
    }),
  });
}

function describePoll(poll: PollConfig): Record<string, unknown> {
  return {
    settle_delay: formatDuration(poll.settleDelayMs),
    retry_interval: formatDuration(poll.retryIntervalMs),
    lookback_windows: poll.lookbackWindows,
    catch_up: formatDuration(poll.catchUpMs),
    stale_after: formatDuration(poll.staleAfterMs),
    timeout: formatDuration(poll.timeoutMs),
    concurrency: poll.concurrency,
  };
}

function describeQueues({ include, intervalMs, requestForm }: QueuesConfig): Record<string, unknown> {
  return {
    include: describeSelection(include),
    interval: formatDuration(intervalMs),
    request_form: requestForm,
  };
}

function describeSelection(selection: QueueSelection): unknown {
  return selection === 'all' ? selection : rangesOf(selection);
}

/** Ids as they are written in YAML: a number, or a range. */
function rangesOf(ids: readonly number[]): (number | string)[] {
  return idRanges(ids).map((range) => (range.includes('-') ? range : Number(range)));
}

/** Ids without settings of their own as ranges, the others as mappings. */
function listVdns(vdns: readonly VdnConfig[], callCenter: CallCenterConfig): unknown[] {
  const list: unknown[] = [];
  let plain: number[] = [];
  const endRun = (): void => {
    list.push(...rangesOf(plain));
    plain = [];
  };
  for (const vdn of vdns) {
    const { id } = vdn;
    const own = describeVdn(vdn, callCenter);
    if (Object.keys(own).length > 0) {
      endRun();
      list.push({ id, ...own });
    } else {
      plain.push(id);
    }
  }
  endRun();
  return list;
}

/** The name and labels of a VDN, and its settings that differ from those of its call center. */
function describeVdn({ name, labels, targets, openingHours, ...vdn }: VdnConfig, callCenter: CallCenterConfig) {
  const given = Object.fromEntries(Object.entries(labels).filter(([, value]) => value !== ''));
  return withoutUndefined({
    name: name === '' ? undefined : name,
    labels: Object.keys(given).length === 0 ? undefined : given,
    targets: isDeepStrictEqual(targets, callCenter.targets) ? undefined : describeTargets(targets),
    opening_hours: openingHours === callCenter.openingHours ? undefined : describeOpeningHours(openingHours),
    queues: describeOwnQueues(vdn, callCenter),
  });
}

function describeOwnQueues(
  { queues, queueTargets }: Pick<VdnConfig, 'queues' | 'queueTargets'>,
  callCenter: CallCenterConfig,
): unknown {
  if (queueTargets.size === 0 && isDeepStrictEqual(queues, callCenter.queues?.include ?? [])) return undefined;
  if (queues.length === 0) return 'off';
  const targets = [...queueTargets].map(([id, own]) => [id, describeTargets(own)] as const);
  return withoutUndefined({
    include: describeSelection(queues),
    targets: targets.length === 0 ? undefined : Object.fromEntries(targets),
  });
}

/** Replaces the user and the password of a proxy URL. */
function redactUrl(text: string): string {
  const { protocol, host, username, password } = new URL(text);
  const credentials = username === '' && password === '' ? '' : `${SECRET}@`;
  return `${protocol}//${credentials}${host}`;
}

function withoutUndefined(object: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));
}
