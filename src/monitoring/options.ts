/** What differs from site to site in the rules and the dashboards. The committed files are made with the defaults. */
export interface MonitoringOptions {
  /** The `job_name` of the exporters in Prometheus. */
  readonly job: string;
  /** Where the documentation is read, without a slash at its end: the links of alerts and dashboards start with it. */
  readonly docsUrl: string;
  /** Where Grafana is, without a slash at its end. */
  readonly dashboardUrl: string;
  /** Labels of `aicc_cti_vdn_info`, beside `name`, that alerts about a VDN carry. */
  readonly alertLabels: readonly string[];
  /** Labels of `aicc_cti_vdn_info` that the dashboards can select by. */
  readonly labels: readonly string[];
  /** The job that the dashboards start with; without it, all of them. */
  readonly selectedJob?: string;
}

/** The addresses of the demo and of compose: the exporter serves its documentation itself. */
export const DEFAULT_OPTIONS: MonitoringOptions = {
  job: 'aicc-cti',
  docsUrl: 'http://localhost:10122/docs',
  dashboardUrl: 'http://localhost:3000',
  alertLabels: [],
  labels: [],
};
