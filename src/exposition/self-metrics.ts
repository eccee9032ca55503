import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { DOCUMENTED_CODES } from '../cms/response.ts';
import { REJECTION_REASONS, type RejectionReason } from '../cms/rows.ts';
import type { RequestReport } from '../cms/request.ts';
import { FAILURE_REASONS, type FailureReason } from '../core/errors.ts';
import { type MetricDefinition, SELF_METRICS } from './metrics.ts';

/** Codes are told apart as far as they are documented: what a server makes up must not make series. */
const CODES = [...DOCUMENTED_CODES, 'other'];

const REQUEST_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SETTLE_LAG_SECONDS = [5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900];

/** What a poll came to. */
export interface PollReport {
  readonly durationSeconds: number;
  /** When it ended, Unix seconds. */
  readonly endedAt: number;
  /** Reason of the first failure; undefined when everything came. */
  readonly failure: FailureReason | undefined;
}

/** The metrics of one call center. Made with every known series at 0; `remove` takes all of them away. */
export interface CallCenterTelemetry {
  readonly poll: (report: PollReport) => void;
  readonly request: (report: RequestReport) => void;
  readonly rejected: (reason: RejectionReason) => void;
  readonly settled: (lagSeconds: number) => void;
  readonly certificate: (notAfterSeconds: number) => void;
  readonly vdnsConfigured: (count: number | undefined) => void;
  /** @param count asked at every scrape: VDNs go stale without a poll */
  readonly vdnsReporting: (count: () => number) => void;
  readonly remove: () => void;
}

export interface Telemetry {
  readonly registry: Registry;
  /** Another number after every change, except of `vdns_reporting`, which changes by the passing of time. */
  readonly revision: () => number;
  readonly callCenter: (name: string) => CallCenterTelemetry;
  readonly configLoaded: (ok: boolean, now: number) => void;
  readonly storageFailed: (operation: 'read' | 'write') => void;
}

/** The exporter's own metrics in a registry of their own, as {@link SELF_METRICS} defines them. */
export function createTelemetry(version: string): Telemetry {
  const registry = new Registry();
  const options = ({ name, help, labels }: MetricDefinition) => ({
    name,
    help,
    labelNames: [...labels],
    registers: [registry],
  });
  const gauge = (definition: MetricDefinition) => new Gauge(options(definition));
  const counter = (definition: MetricDefinition) => new Counter(options(definition));

  const up = gauge(SELF_METRICS.up);
  const lastSuccess = gauge(SELF_METRICS.lastSuccess);
  const lastPollDuration = gauge(SELF_METRICS.lastPollDuration);
  const polls = counter(SELF_METRICS.polls);
  const pollFailures = counter(SELF_METRICS.pollFailures);
  const requests = counter(SELF_METRICS.apiRequests);
  const requestFailures = counter(SELF_METRICS.apiRequestFailures);
  const apiErrors = counter(SELF_METRICS.apiErrors);
  const requestDuration = new Histogram({ ...options(SELF_METRICS.apiRequestDuration), buckets: REQUEST_SECONDS });
  const rowsRejected = counter(SELF_METRICS.rowsRejected);
  const settleLag = new Histogram({ ...options(SELF_METRICS.settleLag), buckets: SETTLE_LAG_SECONDS });
  const clockSkew = gauge(SELF_METRICS.clockSkew);
  const certificateNotAfter = gauge(SELF_METRICS.certificateNotAfter);
  const vdnsConfigured = gauge(SELF_METRICS.vdnsConfigured);
  const reporting = new Map<string, () => number>();
  const vdnsReporting = new Gauge({
    ...options(SELF_METRICS.vdnsReporting),
    collect() {
      for (const [name, count] of reporting) this.set({ call_center: name }, count());
    },
  });
  const storageFailures = counter(SELF_METRICS.storageFailures);
  const reloadSuccessful = gauge(SELF_METRICS.configReloadSuccessful);
  const reloadTime = gauge(SELF_METRICS.configReloadTime);
  gauge(SELF_METRICS.buildInfo).set({ version, node_version: process.version }, 1);
  for (const operation of ['read', 'write']) storageFailures.inc({ operation }, 0);

  /** Counters whose series are told apart by one more label, with all its values. */
  const counters: readonly (readonly [counter: Counter, label: string, values: readonly string[]])[] = [
    [pollFailures, 'reason', FAILURE_REASONS],
    [requestFailures, 'reason', FAILURE_REASONS],
    [rowsRejected, 'reason', REJECTION_REASONS],
    [apiErrors, 'code', CODES],
  ];
  let revision = 0;

  function callCenter(name: string): CallCenterTelemetry {
    const labels = { call_center: name };
    revision++;
    up.set(labels, 0);
    polls.inc(labels, 0);
    requests.inc(labels, 0);
    requestDuration.zero(labels);
    settleLag.zero(labels);
    for (const [counter, label, values] of counters) {
      for (const value of values) counter.inc({ ...labels, [label]: value }, 0);
    }

    return {
      poll({ durationSeconds, endedAt, failure }) {
        revision++;
        polls.inc(labels);
        lastPollDuration.set(labels, durationSeconds);
        up.set(labels, failure === undefined ? 1 : 0);
        if (failure === undefined) lastSuccess.set(labels, endedAt);
        else pollFailures.inc({ ...labels, reason: failure });
      },
      request({ durationMs, failure, resultCode, skewMs }) {
        revision++;
        requests.inc(labels);
        requestDuration.observe(labels, durationMs / 1000);
        if (failure !== undefined) requestFailures.inc({ ...labels, reason: failure });
        if (resultCode !== undefined)
          apiErrors.inc({ ...labels, code: CODES.includes(resultCode) ? resultCode : 'other' });
        if (skewMs !== undefined) clockSkew.set(labels, skewMs / 1000);
      },
      rejected: (reason) => {
        revision++;
        rowsRejected.inc({ ...labels, reason });
      },
      settled: (lagSeconds) => {
        revision++;
        settleLag.observe(labels, lagSeconds);
      },
      certificate: (notAfterSeconds) => {
        revision++;
        certificateNotAfter.set(labels, notAfterSeconds);
      },
      vdnsConfigured: (count) => {
        revision++;
        if (count === undefined) vdnsConfigured.remove(labels);
        else vdnsConfigured.set(labels, count);
      },
      vdnsReporting: (count) => {
        revision++;
        reporting.set(name, count);
      },
      remove() {
        revision++;
        reporting.delete(name);
        const gauges = [
          up,
          lastSuccess,
          lastPollDuration,
          clockSkew,
          certificateNotAfter,
          vdnsConfigured,
          vdnsReporting,
        ];
        for (const metric of [...gauges, polls, requests, requestDuration, settleLag]) metric.remove(labels);
        for (const [counter, label, values] of counters) {
          for (const value of values) counter.remove({ ...labels, [label]: value });
        }
      },
    };
  }

  return {
    registry,
    revision: () => revision,
    callCenter,
    configLoaded(ok, now) {
      revision++;
      reloadSuccessful.set(ok ? 1 : 0);
      if (ok) reloadTime.set(now / 1000);
    },
    storageFailed: (operation) => {
      revision++;
      storageFailures.inc({ operation });
    },
  };
}
