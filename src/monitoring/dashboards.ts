import { dashboardFile } from './dashboard.ts';
import type { MonitoringOptions } from './options.ts';

/** The dashboards by name, which is their uid. grafana/NAME.json is what the default options give. */
export const DASHBOARDS: ReadonlyMap<string, (options: MonitoringOptions) => string> = new Map([
  ['aicc-cti', dashboardFile],
]);
