import { BOARDS } from './board-names.ts';
import { exporter } from './boards/exporter.ts';
import { line } from './boards/line.ts';
import { overview } from './boards/overview.ts';
import { wall } from './boards/wall.ts';
import { dashboardFile } from './dashboard.ts';
import type { MonitoringOptions } from './options.ts';

/** The dashboards by name, which is their uid. grafana/NAME.json is what the default options give. */
export const DASHBOARDS: ReadonlyMap<string, (options: MonitoringOptions) => string> = new Map([
  [BOARDS.overview.uid, (options: MonitoringOptions) => dashboardFile(overview(options), options)],
  [BOARDS.wall.uid, (options: MonitoringOptions) => dashboardFile(wall(), options)],
  [BOARDS.line.uid, (options: MonitoringOptions) => dashboardFile(line(), options)],
  [BOARDS.exporter.uid, (options: MonitoringOptions) => dashboardFile(exporter(), options)],
]);
