import { REPOSITORY_URL } from '../core/version.ts';

/** `aicc-cti`: something happens in the contact center; `aicc-cti-exporter`: something is wrong with the way the data takes. */
export type Component = 'aicc-cti' | 'aicc-cti-exporter';

/** One alerting rule as Prometheus reads it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for: string;
  /** Prometheus 2.42 or newer. */
  readonly keep_firing_for?: string;
  readonly labels: { readonly severity: 'critical' | 'warning' | 'info'; readonly component: Component };
  readonly annotations: {
    readonly summary: string;
    readonly description: string;
    readonly runbook_url: string;
    readonly dashboard_url: string;
  };
}

/** The dashboard's rows, by their anchors in docs/dashboard.md. */
export type DashboardRow = 'now' | 'vdns' | 'traffic' | 'agents' | 'exporter';

/** "VDN 7 (Sales hotline), call center headquarters"; the name comes from the info metric, where there is one. */
export const VDN =
  'VDN {{ $labels.vdn }}' +
  '{{ with printf "aicc_cti_vdn_info{job=%q,call_center=%q,vdn=%q}" $labels.job $labels.call_center $labels.vdn | query }}' +
  '{{ with . | first | label "name" }} ({{ . }}){{ end }}{{ end }}' +
  ', call center {{ $labels.call_center }}';

/** Fills in what every alert has: the runbook's section is the alert's name, the dashboard's the row to look at. */
export function alert(
  name: string,
  rule: {
    readonly expr: string;
    /** A window lives 5 minutes: N bad windows in a row are `for: 5N-2` minutes. */
    readonly for: string;
    readonly keep_firing_for?: string;
    readonly severity: 'critical' | 'warning' | 'info';
    readonly component: Component;
    readonly summary: string;
    readonly description: string;
    readonly row: DashboardRow;
  },
): Alert {
  return {
    alert: name,
    expr: rule.expr,
    for: rule.for,
    ...(rule.keep_firing_for === undefined ? {} : { keep_firing_for: rule.keep_firing_for }),
    labels: { severity: rule.severity, component: rule.component },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      runbook_url: `${REPOSITORY_URL}/blob/main/docs/runbooks.md#${name.toLowerCase()}`,
      dashboard_url: `${REPOSITORY_URL}/blob/main/docs/dashboard.md#${rule.row}`,
    },
  };
}
