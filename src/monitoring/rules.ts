import { stringify } from 'yaml';
import { CONTACT_CENTER_ALERTS, WEEK_ALERTS } from './alerts-contact-center.ts';
import { EXPORTER_ALERTS } from './alerts-exporter.ts';
import { DEFAULT_OPTIONS, type MonitoringOptions } from './options.ts';
import { RECORDS, WEEK_RECORDS } from './records.ts';

const HEADER = `# Recording rules and alerts of aicc-cti-exporter. Generated: change src/monitoring/thresholds.ts, then run npm run dashboard.
# What each alert means and what to do: docs/runbooks.md.
`;

/** The rule groups as Prometheus reads them. Only within a group is it certain that an alert sees the records before it. */
export const GROUPS = [
  { name: 'aicc-cti-exporter', interval: '1m', rules: EXPORTER_ALERTS },
  { name: 'aicc-cti', interval: '1m', rules: [...RECORDS, ...CONTACT_CENTER_ALERTS] },
  { name: 'aicc-cti-last-week', interval: '5m', rules: [...WEEK_RECORDS, ...WEEK_ALERTS] },
];

export const ruleGroups: (options: MonitoringOptions) => typeof GROUPS = () => GROUPS;

/** The text of a Prometheus rules file; prometheus/aicc-cti.rules.yaml is what the default options give. */
export function rulesFile(options: MonitoringOptions = DEFAULT_OPTIONS): string {
  return HEADER + stringify({ groups: ruleGroups(options) }, { lineWidth: 0, aliasDuplicateObjects: false });
}
