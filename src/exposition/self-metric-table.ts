import type { MetricDefinition } from './metrics.ts';

const CENTER = ['call_center'] as const;
const CENTER_REASON = ['call_center', 'reason'] as const;

/** Metrics about the exporter itself, the self-metrics. prom-client keeps their values; its default metrics add process_* and nodejs_*. */
export const SELF_METRICS = {
  up: {
    name: 'aicc_cti_up',
    type: 'gauge',
    help: '1 when the last poll of the call center got every page of every request, 0 otherwise.',
    labels: CENTER,
  },
  lastSuccess: {
    name: 'aicc_cti_last_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the last poll that got everything ended, as a Unix timestamp; absent before the first.',
    labels: CENTER,
  },
  lastPollDuration: {
    name: 'aicc_cti_last_poll_duration_seconds',
    type: 'gauge',
    help: 'How long the last poll took; absent before the first.',
    labels: CENTER,
  },
  polls: {
    name: 'aicc_cti_polls_total',
    type: 'counter',
    help: 'Polls of the call center, failed ones included. The exporter polls on the 5-minute grid of the API, never at a scrape.',
    labels: CENTER,
  },
  pollFailures: {
    name: 'aicc_cti_poll_failures_total',
    type: 'counter',
    help: 'Polls that did not get everything, by the reason of the first failure.',
    labels: CENTER_REASON,
  },
  apiRequests: {
    name: 'aicc_cti_api_requests_total',
    type: 'counter',
    help: 'Requests sent to the CMS, failed ones included.',
    labels: CENTER,
  },
  apiRequestFailures: {
    name: 'aicc_cti_api_request_failures_total',
    type: 'counter',
    help: 'Requests to the CMS that failed, by reason.',
    labels: CENTER_REASON,
  },
  apiErrors: {
    name: 'aicc_cti_api_errors_total',
    type: 'counter',
    help: 'Responses of the CMS that report a failure, by resultCode; other for a code that is not documented.',
    labels: ['call_center', 'code'],
  },
  apiRequestDuration: {
    name: 'aicc_cti_api_request_duration_seconds',
    type: 'histogram',
    help: 'Time from sending a request to the CMS to the end of the response, failed ones included.',
    labels: CENTER,
  },
  rowsRejected: {
    name: 'aicc_cti_rows_rejected_total',
    type: 'counter',
    help: 'Rows of the API that were not used, by reason.',
    labels: CENTER_REASON,
  },
  settleLag: {
    name: 'aicc_cti_settle_lag_seconds',
    type: 'histogram',
    help: 'Time from the end of a window to the poll that first had its row: at least settle_delay, precise to within retry_interval.',
    labels: CENTER,
  },
  clockSkew: {
    name: 'aicc_cti_clock_skew_seconds',
    type: 'gauge',
    help: 'Clock of the CMS (Date header) minus our clock; absent until the CMS sent one. A large skew breaks signatures.',
    labels: CENTER,
  },
  certificateNotAfter: {
    name: 'aicc_cti_tls_peer_certificate_not_after_timestamp_seconds',
    type: 'gauge',
    help: 'When the earliest certificate of the chain that the CMS presented expires, as a Unix timestamp.',
    labels: CENTER,
  },
  vdnsConfigured: {
    name: 'aicc_cti_vdns_configured',
    type: 'gauge',
    help: 'VDNs in the config of the call center; absent with vdns: all.',
    labels: CENTER,
  },
  vdnsReporting: {
    name: 'aicc_cti_vdns_reporting',
    type: 'gauge',
    help: 'VDNs whose newest window is not older than stale_after.',
    labels: CENTER,
  },
  storageFailures: {
    name: 'aicc_cti_storage_failures_total',
    type: 'counter',
    help: 'How often the ledger on disk could not be read (the file was set aside) or written (counting went on in memory).',
    labels: ['operation'],
  },
  buildInfo: {
    name: 'aicc_cti_exporter_build_info',
    type: 'gauge',
    help: 'Constant 1; version of the exporter and of Node.js.',
    labels: ['version', 'node_version'],
  },
  configReloadSuccessful: {
    name: 'aicc_cti_config_last_reload_successful',
    type: 'gauge',
    help: '1 when the last attempt to load the configuration succeeded, 0 otherwise.',
    labels: [],
  },
  configReloadTime: {
    name: 'aicc_cti_config_last_reload_success_timestamp_seconds',
    type: 'gauge',
    help: 'When the configuration was last loaded successfully, as a Unix timestamp.',
    labels: [],
  },
} as const satisfies Record<string, MetricDefinition>;
