import { alertsTable } from '../alerts-table.ts';
import { BOARDS } from '../board-names.ts';
import { RESOURCES } from '../curves-exporter.ts';
import { POLLS } from '../curves-polls.ts';
import type { Board } from '../dashboard.ts';
import { dataUntil } from '../figures.ts';
import { centersPolled, centersTable, exportersUp, linesWithData } from '../figures-exporter.ts';

const TILE = { width: 6, height: 4 };

/** The data pipeline: whether the figures can be trusted, and what gets in their way. */
export const exporter = (): Board => ({
  uid: BOARDS.exporter.uid,
  description: 'The data pipeline of the contact center: Prometheus, aicc-cti-exporter and the CMS.',
  refresh: '1m',
  from: 'now-6h',
  rows: [
    { title: 'Now', panels: [exportersUp(TILE), centersPolled(TILE), linesWithData(TILE), dataUntil(TILE)] },
    {
      title: 'Call centers and alerts',
      panels: [
        centersTable({ width: 24, height: 5 }),
        alertsTable({ width: 24, height: 5 }, 'component="aicc-cti-exporter"'),
      ],
    },
    { title: 'Data from the CMS', panels: POLLS },
    { title: 'Requests and resources', panels: RESOURCES },
  ],
});
