import type { QueueIndicator, Severity } from '../config/targets.ts';
import { alert, type Alert, LINE_VARIABLES, look, targetOf, VDN } from './alert.ts';
import { lineAlert, missed } from './alerts-lines.ts';
import type { MonitoringOptions } from './options.ts';
import { merged, REPLICA } from './promql.ts';
import { beyond, EACH_MINUTE, named, type RecordingRule } from './records.ts';
import { quote } from './text.ts';
import { THRESHOLDS } from './thresholds.ts';

/** Lines with skill queues: 1 while they are open. */
const QUEUE_LINE = 'instance_vdn:aicc_cti_vdn_open:queues';
/** Of the queues that are beyond a target: the value, by the target's indicator and severity. */
const MISSED_TARGETS = 'vdn_queue:aicc_cti_queue_targets_missed:value';

const queueLine: RecordingRule = {
  record: QUEUE_LINE,
  expr: 'aicc_cti_vdn_open and ignoring (queue) aicc_cti_queue_waiting_calls',
};

/** Keeps the queues of open lines, and makes their replicas one. */
const judged = (expr: string): string => `max without (${REPLICA}) (${expr} and ignoring (queue) ${QUEUE_LINE} == 1)`;

/** "queue 101 (Orders) of VDN 7 (Sales hotline), call center headquarters". */
function queueOf(alertLabels: readonly string[]): string {
  const name = look(
    'aicc_cti_queue_info',
    'queue!=\\"\\"',
    ['name', ...alertLabels],
    ' ({{ . | first | label "name" }})',
  );
  return `queue {{ $labels.queue }}${name} of ${VDN}`;
}

/** What the alerts say of a value that is beyond its target. */
interface Judgement {
  readonly alert: string;
  readonly expr: string;
  readonly indicator: QueueIndicator;
  readonly wait: string;
  readonly summary: string;
  readonly says: string;
  /** How values of this indicator are printed. */
  readonly format: string;
}

const rise = (counter: string): string => `increase(aicc_cti_queue_calls_${counter}[30m])`;
const COUNTED = `(${rise('answered_total')} + ${rise('lost_total')} - ${rise('lost_within_20s_total')})`;

const JUDGEMENTS: readonly Judgement[] = [
  {
    alert: 'AiccCtiQueueWaitLong',
    expr: 'aicc_cti_queue_longest_wait_seconds',
    indicator: 'wait_seconds',
    wait: '2m',
    summary: 'A caller waits too long',
    says: 'is how long the first call in the queue has waited, for 2 minutes beyond the target of',
    format: 'humanizeDuration',
  },
  {
    alert: 'AiccCtiQueueServiceLevelLow',
    // Calls that hung up within 20 seconds count neither way. A line that was closed in between is judged later.
    expr: quote`
      ${rise('answered_within_20s_total')} / (${COUNTED} >= ${THRESHOLDS.queueMinimumCalls})
        and ignoring (queue) min_over_time(${QUEUE_LINE}[35m]) == 1`,
    indicator: 'service_level',
    wait: '8m',
    summary: 'The service level is low',
    says: 'of the calls of the last 30 minutes were answered within 20 seconds (calls lost in less are left out); the target is at least',
    format: 'humanizePercentage',
  },
];

const missedTargets = (alertLabels: readonly string[]): RecordingRule => ({
  record: MISSED_TARGETS,
  expr: named(
    JUDGEMENTS.map(({ expr, indicator }) => beyond(judged(expr), indicator, 'aicc_cti_queue_threshold')).join(
      '\n  or\n',
    ),
    EACH_MINUTE,
    alertLabels,
    ['queue', 'indicator', 'severity'],
  ),
});

/** A value against the queue's own target. */
function judge({ indicator, ...judgement }: Judgement, severity: Severity, options: MonitoringOptions): Alert {
  const names = ['name', ...options.alertLabels];
  const target = targetOf('aicc_cti_queue_threshold', indicator, severity, names, judgement.format);
  return lineAlert(
    judgement.alert,
    {
      expr: missed(MISSED_TARGETS, indicator, severity),
      for: judgement.wait,
      severity,
      summary: `${judgement.summary}: ${queueOf(options.alertLabels)}`,
      description: `{{ $value | ${judgement.format} }} ${judgement.says} ${target}.`,
    },
    options,
  );
}

const nearlyFull = (options: MonitoringOptions): Alert =>
  lineAlert(
    'AiccCtiQueueNearlyFull',
    {
      expr: named(
        judged(`aicc_cti_queue_waiting_calls / (aicc_cti_queue_capacity_calls > 0) > ${THRESHOLDS.queueFullShare}`),
        EACH_MINUTE,
        options.alertLabels,
        ['queue'],
      ),
      for: '2m',
      severity: 'critical',
      summary: `A queue is nearly full: ${queueOf(options.alertLabels)}`,
      description:
        '{{ $value | humanizePercentage }} of the places in the queue have been taken for 2 minutes. When it is full, callers are turned away.',
    },
    options,
  );

const nobodySignedIn = (options: MonitoringOptions): Alert =>
  lineAlert(
    'AiccCtiQueueNobodySignedIn',
    {
      expr: named(
        judged('aicc_cti_queue_waiting_calls > 0 and aicc_cti_queue_agents_signed_in == 0'),
        EACH_MINUTE,
        options.alertLabels,
        ['queue'],
      ),
      for: '2m',
      severity: 'critical',
      summary: `Callers wait and nobody is signed in: ${queueOf(options.alertLabels)}`,
      description:
        '{{ $value | printf "%.0f" }} calls wait, and no agent of the queue has been signed in for 2 minutes while the line is open.',
    },
    options,
  );

const interfaceFailing = (options: MonitoringOptions): Alert =>
  alert(
    'AiccCtiQueueInterfaceFailing',
    {
      expr: `${merged('aicc_cti_queue_up')} == 0`,
      for: '30m',
      severity: 'warning',
      component: 'aicc-cti-exporter',
      summary: 'Skill queues cannot be read ({{ $labels.interface }}): call center {{ $labels.call_center }}',
      description:
        'Requests to the interface {{ $labels.interface }} have failed for some or all VDNs for 30 minutes. What sysindex brings is not affected.',
      dashboard: 'exporter',
      chosen: LINE_VARIABLES.filter((label) => label !== 'vdn'),
    },
    options,
  );

/** Records and alerts of the skill queues. They make no series where no queues are configured. */
export const queueRules = (options: MonitoringOptions): readonly (RecordingRule | Alert)[] => [
  queueLine,
  missedTargets(options.alertLabels),
  ...JUDGEMENTS.flatMap((judgement) => [judge(judgement, 'warning', options), judge(judgement, 'critical', options)]),
  nearlyFull(options),
  nobodySignedIn(options),
  interfaceFailing(options),
];
