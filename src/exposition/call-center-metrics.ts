import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { DOCUMENTED_CODES } from '../cms/response.ts';
import { REJECTION_REASONS, type RejectionReason } from '../cms/rows.ts';
import type { RequestReport } from '../cms/request.ts';
import { FAILURE_REASONS, type FailureReason } from '../core/errors.ts';
import type { MetricDefinition } from './metrics.ts';
import { SELF_METRICS } from './self-metric-table.ts';

/** Any other code counts as `other`, so that a server cannot create series. */
const CODES = [...DOCUMENTED_CODES, 'other'];

const REQUEST_SECONDS = [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];
const SETTLE_LAG_SECONDS = [5, 10, 15, 30, 45, 60, 90, 120, 180, 240, 300, 600, 900];

/** The outcome of a poll. */
export interface PollReport {
  readonly durationSeconds: number;
  /** When it ended, Unix seconds. */
  readonly endedAt: number;
  /** Reason of the first failure; undefined when everything came. */
  readonly failure: FailureReason | undefined;
}

/** Records the events of a call center as metrics. */
export interface CallCenterTelemetry {
  readonly poll: (report: PollReport) => void;
  readonly request: (report: RequestReport) => void;
  readonly rejected: (reason: RejectionReason) => void;
  readonly settled: (lagSeconds: number) => void;
  readonly certificate: (notAfterSeconds: number) => void;
  readonly vdnsConfigured: (count: number | undefined) => void;
  /** @param count called at every scrape, as VDNs go stale between polls */
  readonly vdnsReporting: (count: () => number) => void;
  /** Removes the metrics of the call center. */
  readonly remove: () => void;
}

/** The options of prom-client for a metric of the table. */
export function metricOptions(registry: Registry) {
  return ({ name, help, labels }: MetricDefinition) => ({
    ...{ name, help, labelNames: [...labels], registers: [registry] },
  });
}

function registerMetrics(registry: Registry, reporting: (gauge: Gauge) => void) {
  const options = metricOptions(registry);
  const gauge = (definition: MetricDefinition) => new Gauge(options(definition));
  const counter = (definition: MetricDefinition) => new Counter(options(definition));
  return {
    up: gauge(SELF_METRICS.up),
    lastSuccess: gauge(SELF_METRICS.lastSuccess),
    lastPollDuration: gauge(SELF_METRICS.lastPollDuration),
    polls: counter(SELF_METRICS.polls),
    pollFailures: counter(SELF_METRICS.pollFailures),
    requests: counter(SELF_METRICS.apiRequests),
    requestFailures: counter(SELF_METRICS.apiRequestFailures),
    apiErrors: counter(SELF_METRICS.apiErrors),
    requestDuration: new Histogram({ ...options(SELF_METRICS.apiRequestDuration), buckets: REQUEST_SECONDS }),
    rowsRejected: counter(SELF_METRICS.rowsRejected),
    settleLag: new Histogram({ ...options(SELF_METRICS.settleLag), buckets: SETTLE_LAG_SECONDS }),
    clockSkew: gauge(SELF_METRICS.clockSkew),
    certificateNotAfter: gauge(SELF_METRICS.certificateNotAfter),
    vdnsConfigured: gauge(SELF_METRICS.vdnsConfigured),
    vdnsReporting: new Gauge({
      ...options(SELF_METRICS.vdnsReporting),
      collect() {
        reporting(this);
      },
    }),
  };
}

type Metrics = ReturnType<typeof registerMetrics>;
type Labels = Readonly<Record<'call_center', string>>;

/** Creates every series that is known from the start, at 0. */
function initialize(metrics: Metrics, labels: Labels): void {
  metrics.up.set(labels, 0);
  metrics.polls.inc(labels, 0);
  metrics.requests.inc(labels, 0);
  metrics.requestDuration.zero(labels);
  metrics.settleLag.zero(labels);
  for (const reason of FAILURE_REASONS) {
    metrics.pollFailures.inc({ ...labels, reason }, 0);
    metrics.requestFailures.inc({ ...labels, reason }, 0);
  }
  for (const reason of REJECTION_REASONS) metrics.rowsRejected.inc({ ...labels, reason }, 0);
  for (const code of CODES) metrics.apiErrors.inc({ ...labels, code }, 0);
}

function recordPoll(metrics: Metrics, labels: Labels, { durationSeconds, endedAt, failure }: PollReport): void {
  metrics.polls.inc(labels);
  metrics.lastPollDuration.set(labels, durationSeconds);
  metrics.up.set(labels, failure === undefined ? 1 : 0);
  if (failure === undefined) metrics.lastSuccess.set(labels, endedAt);
  else metrics.pollFailures.inc({ ...labels, reason: failure });
}

function recordRequest(metrics: Metrics, labels: Labels, report: RequestReport): void {
  const { durationMs, failure, resultCode, skewMs } = report;
  metrics.requests.inc(labels);
  metrics.requestDuration.observe(labels, durationMs / 1000);
  if (failure !== undefined) metrics.requestFailures.inc({ ...labels, reason: failure });
  if (skewMs !== undefined) metrics.clockSkew.set(labels, skewMs / 1000);
  if (resultCode === undefined) return;
  metrics.apiErrors.inc({ ...labels, code: CODES.includes(resultCode) ? resultCode : 'other' });
}

/** Records what is reported, each time after a call of `onChange`. */
function createReporter(metrics: Metrics, labels: Labels, onChange: () => void) {
  const announced =
    <T>(record: (value: T) => void) =>
    (value: T) => {
      onChange();
      record(value);
    };
  return {
    poll: announced<PollReport>((report) => {
      recordPoll(metrics, labels, report);
    }),
    request: announced<RequestReport>((report) => {
      recordRequest(metrics, labels, report);
    }),
    rejected: announced<RejectionReason>((reason) => {
      metrics.rowsRejected.inc({ ...labels, reason });
    }),
    settled: announced<number>((lagSeconds) => {
      metrics.settleLag.observe(labels, lagSeconds);
    }),
    certificate: announced<number>((notAfterSeconds) => {
      metrics.certificateNotAfter.set(labels, notAfterSeconds);
    }),
    vdnsConfigured: announced<number | undefined>((count) => {
      if (count === undefined) metrics.vdnsConfigured.remove(labels);
      else metrics.vdnsConfigured.set(labels, count);
    }),
  };
}

/**
 * The metrics of one call center in a registry of their own.
 * @param onChange called before each change
 */
export function createCallCenterMetrics(
  callCenter: string,
  onChange: () => void,
): { readonly registry: Registry; readonly telemetry: Omit<CallCenterTelemetry, 'remove'> } {
  const registry = new Registry();
  const labels: Labels = { call_center: callCenter };
  let countReporting: (() => number) | undefined;
  const metrics = registerMetrics(registry, (gauge) => {
    if (countReporting !== undefined) gauge.set(labels, countReporting());
  });
  initialize(metrics, labels);
  const vdnsReporting = (count: () => number) => {
    onChange();
    countReporting = count;
  };
  return { registry, telemetry: { ...createReporter(metrics, labels, onChange), vdnsReporting } };
}
