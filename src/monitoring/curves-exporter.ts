import { curves } from './charts.ts';
import { perCenter } from './curves-polls.ts';
import type { Panel } from './panel.ts';
import { CENTER, TARGET } from './queries.ts';
import { THRESHOLDS } from './thresholds.ts';

const SIZE = { width: 8, height: 8, interval: '1m' } as const;
/** Exporters, not what else the job may scrape. */
const OF_EXPORTER = `and on (job, instance) aicc_cti_exporter_build_info{${TARGET}}`;

/** What the exporter needs, and what it runs on. */
export const RESOURCES: readonly Panel[] = [
  curves({
    ...SIZE,
    title: 'Duration of requests',
    description:
      'How long the CMS takes for one request: 95 of 100 requests of the hour before each point are faster. Near the timeout of the configuration polls begin to fail.',
    unit: 's',
    min: 0,
    queries: [
      {
        expr: `histogram_quantile(0.95, sum by (call_center, le) (increase(aicc_cti_api_request_duration_seconds_bucket{${CENTER}}[1h]))) >= 0`,
        legend: '{{call_center}}',
      },
    ],
  }),
  curves({
    ...SIZE,
    title: 'Clock skew',
    description: `Clock of the CMS minus the exporter's. Beyond ${THRESHOLDS.clockSkewSeconds} s either way signatures may be refused: mend NTP on whichever side is wrong.`,
    unit: 's',
    thresholdLines: true,
    steps: [
      { value: null, color: 'red' },
      { value: -THRESHOLDS.clockSkewSeconds, color: 'green' },
      { value: THRESHOLDS.clockSkewSeconds, color: 'red' },
    ],
    queries: [{ expr: perCenter(`aicc_cti_clock_skew_seconds{${CENTER}}`), legend: '{{call_center}}' }],
  }),
  curves({
    ...SIZE,
    title: 'Storage and configuration',
    description:
      'Times in the hour before each point that the ledger could not be read or written, and 1 while an exporter runs on an old configuration because the last reload failed. Anything above zero wants a look before the next restart: the runbooks say what to do.',
    unit: 'none',
    decimals: 0,
    min: 0,
    softMax: 1,
    queries: [
      {
        expr: `max by (instance, operation) (increase(aicc_cti_storage_failures_total{${TARGET}}[1h]))`,
        legend: '{{instance}}: ledger {{operation}}',
      },
      {
        expr: `max by (instance) (1 - aicc_cti_config_last_reload_successful{${TARGET}})`,
        legend: '{{instance}}: old configuration',
      },
    ],
  }),

  curves({
    ...SIZE,
    width: 12,
    title: 'Memory',
    description:
      'Resident memory of the exporters. It grows with the number of VDNs and then stays where it is; one that grows for days is a mistake to report.',
    unit: 'bytes',
    min: 0,
    queries: [{ expr: `process_resident_memory_bytes{${TARGET}} ${OF_EXPORTER}`, legend: '{{instance}}' }],
  }),
  curves({
    ...SIZE,
    width: 12,
    title: 'Processor and scrapes',
    description:
      'Processor seconds a second that each exporter uses, and the seconds that Prometheus waits for a scrape. Both grow with the number of VDNs.',
    unit: 's',
    min: 0,
    queries: [
      {
        expr: `rate(process_cpu_seconds_total{${TARGET}}[$__rate_interval]) ${OF_EXPORTER}`,
        legend: '{{instance}} processor',
      },
      { expr: `scrape_duration_seconds{${TARGET}} ${OF_EXPORTER}`, legend: '{{instance}} scrape' },
    ],
  }),
];
