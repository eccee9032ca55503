import { CENTER_OF_ALL } from './promql.ts';
import { CENTER, TARGET } from './queries.ts';
import { mapped, type Panel } from './panel.ts';
import { table } from './tables.ts';
import { type Size, tile } from './tiles.ts';
import { THRESHOLDS } from './thresholds.ts';

/** `up` is every job's: only what has been an exporter counts, also while it is down. */
const EXPORTERS = `up{${TARGET}} and on (job, instance) last_over_time(aicc_cti_exporter_build_info{${TARGET}}[6h])`;

const COLOURS = 'Red: a critical alert about it is firing. Orange: a warning, or an alert is about to fire.';

export const exportersUp = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Exporters up',
    description: `Exporters that Prometheus reaches, of those that it knows. Of replicas one is enough: its figures are shown. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: `count((${EXPORTERS}) == 1) or vector(0)`,
    beside: { text: 'of $1', value: `count(${EXPORTERS}) or vector(0)` },
    alerts: 'AiccCtiExporterDown|AiccCtiExporterInstanceDown',
    needsData: false,
  });

const perCenter = (metric: string): string => `max by (${CENTER_OF_ALL}) (${metric}{${CENTER}})`;

export const centersPolled = (size: Size): Panel =>
  tile({
    ...size,
    title: 'Call centers polled',
    description: `Call centers of which the last poll got every page of every request. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: `sum(${perCenter('aicc_cti_up')}) or vector(0)`,
    beside: { text: 'of $1', value: `count(${perCenter('aicc_cti_up')}) or vector(0)` },
    alerts:
      'AiccCtiPollFailing|AiccCtiPollIncomplete|AiccCtiPollsUnreliable|AiccCtiCredentialsRefused|AiccCtiCallCenterMissing',
    needsData: false,
  });

export const linesWithData = (size: Size): Panel =>
  tile({
    ...size,
    title: 'VDNs with data',
    description: `VDNs that have a current window, of those in the configuration. Ids that the CMS has never known stay without. ${COLOURS}`,
    unit: 'none',
    decimals: 0,
    value: `sum(${perCenter('aicc_cti_vdns_reporting')}) or vector(0)`,
    beside: { text: 'of $1', value: `sum(${perCenter('aicc_cti_vdns_configured')}) or vector(0)` },
    alerts: 'AiccCtiNoData|AiccCtiWindowStale',
    needsData: false,
  });

/** A call center a row. */
export const centersTable = (size: Size): Panel =>
  table({
    ...size,
    title: 'Call centers',
    description: `How each call center is polled. Polls: whether the last one got everything. Skew: clock of the CMS minus the exporter's; beyond ${THRESHOLDS.clockSkewSeconds} s it raises an alert. Certificate: days until the first certificate of the chain expires; below ${THRESHOLDS.certificateDays.warning} it raises an alert; empty with plain HTTP.`,
    noValue: 'no exporter answers',
    rows: perCenter('aicc_cti_vdns_configured'),
    columns: [
      { title: 'Call center', label: 'call_center' },
      {
        title: 'Polls',
        expr: perCenter('aicc_cti_up'),
        width: 90,
        mappings: [mapped({ 0: { text: 'failing', color: 'semi-dark-red' }, 1: { text: 'ok', color: 'dark-green' } })],
        isFilled: true,
      },
      {
        title: 'Last success',
        expr: `1000 * ${perCenter('aicc_cti_last_success_timestamp_seconds')}`,
        unit: 'dateTimeAsLocalNoDateIfToday',
        width: 200,
      },
      { title: 'VDNs with data', expr: perCenter('aicc_cti_vdns_reporting'), width: 130 },
      { title: 'VDNs', expr: perCenter('aicc_cti_vdns_configured'), width: 70 },
      { title: 'Poll', expr: perCenter('aicc_cti_last_poll_duration_seconds'), unit: 's', decimals: 1, width: 90 },
      { title: 'Skew', expr: perCenter('aicc_cti_clock_skew_seconds'), unit: 's', decimals: 1, width: 90 },
      {
        title: 'Certificate, days',
        expr: `(min by (${CENTER_OF_ALL}) (aicc_cti_tls_peer_certificate_not_after_timestamp_seconds{${CENTER}}) - time()) / 86400`,
        width: 130,
      },
    ],
    sortBy: { title: 'Polls', desc: false },
  });
