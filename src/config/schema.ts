import type { OpeningPlan } from './opening-plan.ts';
import { SEVERITIES, TARGET_KEYS } from './targets.ts';
import type { QueueTargets, Targets } from './targets.ts';

/** A secret as in the config: the value, or a file that is read again for every use. */
export type SecretSource = { readonly value: string } | { readonly file: string };

export interface PollConfig {
  readonly settleDelayMs: number;
  readonly retryIntervalMs: number;
  /** Windows before the latest that every poll requests again, because the API may still correct them. */
  readonly lookbackWindows: number;
  readonly catchUpMs: number;
  readonly staleAfterMs: number;
  /** Of one request, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Requests at the same time. */
  readonly concurrency: number;
}

/** A VDN by its names. */
export interface Vdn {
  readonly id: number;
  /** Empty when the config gives none. */
  readonly name: string;
  /** Every name of {@link Config.vdnLabelNames}, empty where the VDN has none. */
  readonly labels: Readonly<Record<string, string>>;
}

export interface VdnConfig extends Vdn {
  readonly targets: Targets;
  /** Undefined when it is always open. */
  readonly openingHours: OpeningPlan | undefined;
  readonly queues: QueueSelection;
  /** Of the queues that have targets of their own; the others have those of the VDN. */
  readonly queueTargets: ReadonlyMap<number, QueueTargets>;
}

/** The skill queues of a VDN that are requested: all that it has, or these ids in ascending order. */
export type QueueSelection = 'all' | readonly number[];

export interface QueuesConfig {
  /** Of the VDNs that have no selection of their own. */
  readonly include: QueueSelection;
  /** Of the live values. */
  readonly intervalMs: number;
  /** The form of the first request to `configures/skills`: its table shows flat requests, its example wraps them in `queryParam`. */
  readonly requestForm: 'flat' | 'wrapped';
}

export interface TlsConfig {
  readonly caFile: string | undefined;
  readonly serverName: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecureSkipVerify: boolean;
}

export interface SigningConfig {
  /** Header names in lower case, sorted. */
  readonly headers: readonly string[];
  readonly milliseconds: boolean;
  /** The Host header to send and sign; undefined is that of the URL. */
  readonly host: string | undefined;
}

export interface CallCenterConfig {
  readonly name: string;
  /** Origin, without a path or a trailing slash. */
  readonly url: string;
  readonly ccId: number | undefined;
  readonly accessKey: string;
  readonly secretKey: SecretSource;
  /** Sorted by id; `all` is every VDN for which the API has rows. */
  readonly vdns: readonly VdnConfig[] | 'all';
  /** Of the VDNs that have none of their own, and of all with `vdns: all`. */
  readonly targets: Targets;
  readonly openingHours: OpeningPlan | undefined;
  /** Undefined when the queues of no VDN are requested. */
  readonly queues: QueuesConfig | undefined;
  readonly poll: PollConfig;
  readonly tls: TlsConfig;
  /** As configured, with a password if it has one; undefined is the proxy of the environment. */
  readonly proxyUrl: string | undefined;
  readonly signing: SigningConfig;
}

/** The checked config with every default filled in. */
export interface Config {
  readonly callCenters: readonly CallCenterConfig[];
  /** The label names of all VDNs, sorted. */
  readonly vdnLabelNames: readonly string[];
  /** Accepted, but logged as a warning (`http://`, `insecure_skip_verify`). */
  readonly warnings: readonly string[];
}

/** Every key that a config may have, by the mapping in which it is. */
export const CONFIG_KEYS = {
  root: ['poll', 'targets', 'opening_hours', 'queues', 'call_centers'],
  poll: ['settle_delay', 'retry_interval', 'lookback_windows', 'catch_up', 'stale_after', 'timeout', 'concurrency'],
  callCenter: [
    'name',
    'url',
    'cc_id',
    'access_key',
    'secret_key',
    'secret_key_file',
    'vdns',
    'targets',
    'opening_hours',
    'queues',
    'poll',
    'tls',
    'proxy_url',
    'signing',
  ],
  vdn: ['id', 'name', 'labels', 'targets', 'opening_hours', 'queues'],
  targets: TARGET_KEYS,
  threshold: SEVERITIES,
  openingHours: ['time_zone', 'week', 'closed_on', 'open_on'],
  queues: ['include', 'interval', 'request_form'],
  vdnQueues: ['include', 'targets'],
  tls: ['ca_file', 'server_name', 'cert_file', 'key_file', 'insecure_skip_verify'],
  signing: ['headers', 'milliseconds', 'host'],
} as const;

export const DEFAULT_POLL: PollConfig = {
  settleDelayMs: 10_000,
  retryIntervalMs: 15_000,
  lookbackWindows: 2,
  catchUpMs: 24 * 3_600_000,
  staleAfterMs: 12 * 60_000,
  timeoutMs: 10_000,
  concurrency: 4,
};

export const DEFAULT_QUEUES: QueuesConfig = { include: 'all', intervalMs: 30_000, requestForm: 'flat' };

export const DEFAULT_TLS: TlsConfig = {
  caFile: undefined,
  serverName: undefined,
  certFile: undefined,
  keyFile: undefined,
  insecureSkipVerify: false,
};

/** The headers of a request, sorted. By default all of them are signed. */
export const SIGNABLE_HEADERS = ['content-length', 'content-type', 'host'] as const;

export const DEFAULT_SIGNING: SigningConfig = { headers: SIGNABLE_HEADERS, milliseconds: true, host: undefined };

/** The maximum of VDNs of a call center, also of those that responses bring with `vdns: all`. */
export const MAX_VDNS = 5000;
/** The largest 32-bit integer, which is the type of a VDN id in the CMS. */
export const MAX_VDN_ID = 2_147_483_647;
export const MAX_CC_ID = 65_535;
/** VDNs of a call center whose queues can be requested: the service level of each is one request, at most one a second. */
export const MAX_QUEUE_VDNS = 250;
/** The most queues of a request. */
export const MAX_QUEUES = 1000;
