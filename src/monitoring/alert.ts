import { BOARDS } from './board-names.ts';
import type { Severity, TargetKey } from '../config/targets.ts';
import type { MonitoringOptions } from './options.ts';

/** `aicc-cti`: something happens in the contact center; `aicc-cti-exporter`: the data pipeline has a problem. */
export type Component = 'aicc-cti' | 'aicc-cti-exporter';

/** One alerting rule as Prometheus reads it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  /** Prometheus 2.42 or newer. */
  readonly keep_firing_for?: string;
  readonly labels: { readonly severity: Severity | 'info' | 'none'; readonly component: Component };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
    readonly dashboard_url: string;
  };
}

/** What differs from alert to alert. */
export interface AlertRule {
  readonly expr: string;
  /** A window lives 5 minutes: N bad windows in a row are `for: 5N-2` minutes. */
  readonly for?: string;
  readonly keep_firing_for?: string;
  readonly severity: Alert['labels']['severity'];
  readonly component: Component;
  readonly summary: string;
  readonly description: string;
  /** The dashboard that the alert opens, and its variables that are chosen there: labels of the alert. */
  readonly dashboard: 'line' | 'exporter';
  readonly chosen: readonly string[];
}

/** "VDN 7 (Sales hotline), call center headquarters". */
export const VDN =
  'VDN {{ $labels.vdn }}{{ with $labels.name }} ({{ . }}){{ end }}, call center {{ $labels.call_center }}';

/**
 * A template that asks for the series of a metric with all labels of the alert, so that environments with the same names
 * keep their own values.
 * @param matchers of labels that the alert does not have
 * @param without the labels of the alert that the series does not have
 * @param print what to print of the result
 */
export function look(metric: string, matchers: string, without: readonly string[], print: string): string {
  const others = ['__name__', ...without].map((label) => `(eq $name "${label}")`).join(' ');
  return (
    '{{ $selector := "" }}{{ range $name, $value := $labels }}' +
    `{{ if not (or ${others}) }}{{ $selector = printf "%s%s=%q, " $selector $name $value }}{{ end }}{{ end }}` +
    `{{ with printf "${metric}{%s${matchers}}" $selector | query }}${print}{{ end }}`
  );
}

/**
 * A template that prints the configured target of the alert's line or queue.
 * @param metric the thresholds of lines or of queues
 * @param format the template function that prints the value
 */
export const targetOf = (
  metric: string,
  indicator: TargetKey,
  severity: Severity,
  nameLabels: readonly string[],
  format: string,
): string =>
  look(
    metric,
    `indicator=\\"${indicator}\\", severity=\\"${severity}\\"`,
    nameLabels,
    `{{ . | first | value | ${format} }}`,
  );

/** What an alert about a line chooses on its dashboard. */
export const LINE_VARIABLES = ['job', 'call_center', 'vdn'];

const variable = (label: string): string => `&var-${label}={{ $labels.${label} | urlquery }}`;

/** Fills in what every alert has: the runbook's section is the alert's name; the dashboard opens with the line chosen. */
export function alert(name: string, rule: AlertRule, { docsUrl, dashboardUrl }: MonitoringOptions): Alert {
  return {
    alert: name,
    expr: rule.expr,
    ...(rule.for === undefined ? {} : { for: rule.for }),
    ...(rule.keep_firing_for === undefined ? {} : { keep_firing_for: rule.keep_firing_for }),
    labels: { severity: rule.severity, component: rule.component },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      runbook_url: `${docsUrl}/runbooks#${name.toLowerCase()}`,
      dashboard_url: `${dashboardUrl}/d/${BOARDS[rule.dashboard].uid}?orgId=1${rule.chosen.map(variable).join('')}`,
    },
  };
}
