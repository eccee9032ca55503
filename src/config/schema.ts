import type { OpeningPlan } from './opening-plan.ts';
import { INDICATORS, SEVERITIES } from './targets.ts';
import type { Targets } from './targets.ts';

/** A secret as the user gave it: the value itself, or a file that is read again for every use. */
export type SecretSource = { readonly value: string } | { readonly file: string };

export interface PollConfig {
  readonly settleDelayMs: number;
  readonly retryIntervalMs: number;
  /** Windows before the latest that are asked for again in every poll: they are still open to correction. */
  readonly lookbackWindows: number;
  readonly catchUpMs: number;
  readonly staleAfterMs: number;
  /** Of one request, from connecting to the last byte. */
  readonly timeoutMs: number;
  /** Requests under way at once. */
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
}

export interface TlsConfig {
  readonly caFile: string | undefined;
  readonly serverName: string | undefined;
  readonly certFile: string | undefined;
  readonly keyFile: string | undefined;
  readonly insecureSkipVerify: boolean;
}

export interface SigningConfig {
  /** Lower-case header names, sorted. */
  readonly headers: readonly string[];
  readonly milliseconds: boolean;
  /** The Host header that is sent and signed; undefined means that of the URL. */
  readonly host: string | undefined;
}

export interface CallCenterConfig {
  readonly name: string;
  /** Origin, without a path or a trailing slash. */
  readonly url: string;
  readonly ccId: number | undefined;
  readonly accessKey: string;
  readonly secretKey: SecretSource;
  /** In the order of their ids; `all` leaves the choice to the API. */
  readonly vdns: readonly VdnConfig[] | 'all';
  /** Of the VDNs that have none of their own, and of all with `vdns: all`. */
  readonly targets: Targets;
  readonly openingHours: OpeningPlan | undefined;
  readonly poll: PollConfig;
  readonly tls: TlsConfig;
  /** As configured; undefined means what the environment says. May carry a password. */
  readonly proxyUrl: string | undefined;
  readonly signing: SigningConfig;
}

/** What the program uses: checked, with every default filled in. What the user wrote stays in `load.ts`. */
export interface Config {
  readonly callCenters: readonly CallCenterConfig[];
  /** Union of the label names of all VDNs, sorted. */
  readonly vdnLabelNames: readonly string[];
  /** Accepted, but worth a line in the log (`http://`, `insecure_skip_verify`). */
  readonly warnings: readonly string[];
}

/** Every key that may be written, by the mapping it stands in. */
export const CONFIG_KEYS = {
  root: ['poll', 'targets', 'opening_hours', 'call_centers'],
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
    'poll',
    'tls',
    'proxy_url',
    'signing',
  ],
  vdn: ['id', 'name', 'labels', 'targets', 'opening_hours'],
  targets: INDICATORS,
  threshold: SEVERITIES,
  openingHours: ['time_zone', 'week', 'closed_on', 'open_on'],
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

export const DEFAULT_TLS: TlsConfig = {
  caFile: undefined,
  serverName: undefined,
  certFile: undefined,
  keyFile: undefined,
  insecureSkipVerify: false,
};

/** The headers that a request has and so can sign, sorted; all of them are signed by default. */
export const SIGNABLE_HEADERS = ['content-length', 'content-type', 'host'] as const;

export const DEFAULT_SIGNING: SigningConfig = { headers: SIGNABLE_HEADERS, milliseconds: true, host: undefined };

/** Most VDNs of a call center; with `vdns: all` it bounds what an answer may bring. */
export const MAX_VDNS = 5000;
/** The largest 32-bit integer: what the CMS can hold as a VDN id. */
export const MAX_VDN_ID = 2_147_483_647;
export const MAX_CC_ID = 65_535;
