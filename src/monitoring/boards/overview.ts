import { alertsTable } from '../alerts-table.ts';
import { BOARDS } from '../board-names.ts';
import { agentsByState, answeredCurve, callsPerWindow, notTakingInbound, occupancyCurve } from '../curves.ts';
import type { Board } from '../dashboard.ts';
import {
  answered,
  answeredToday,
  callsToday,
  dataUntil,
  firingAlerts,
  idle,
  linesBelowTarget,
  occupancy,
  outboundToday,
  unanswered,
  unansweredToday,
} from '../figures.ts';
import { fullestQueue, longestWait, serviceLevel, waiting } from '../figures-queues.ts';
import { linesTable } from '../lines-table.ts';
import type { MonitoringOptions } from '../options.ts';

const TILE = { width: 4, height: 4 };
const QUEUE = { width: 6, height: 4 };
const CURVE = { width: 8, height: 9 };

/** All lines: what is now, what was today, and which line to look at. */
export const overview = ({ labels }: MonitoringOptions): Board => ({
  uid: BOARDS.overview.uid,
  description: 'Calls and agents of Huawei AICC contact centers per VDN and 5-minute window, by aicc-cti-exporter.',
  refresh: '1m',
  from: 'now/d',
  rows: [
    {
      title: 'Now',
      panels: [answered(TILE), unanswered(TILE), idle(TILE), occupancy(TILE), linesBelowTarget(TILE), dataUntil(TILE)],
    },
    {
      title: 'Today',
      panels: [
        callsToday({ ...TILE, width: 5 }),
        answeredToday({ ...TILE, width: 5 }),
        unansweredToday({ ...TILE, width: 5 }),
        outboundToday({ ...TILE, width: 5 }),
        firingAlerts(TILE),
      ],
    },
    {
      title: 'Queues',
      panels: [waiting(QUEUE), longestWait(QUEUE), serviceLevel(QUEUE), fullestQueue(QUEUE)],
    },
    { title: 'Lines', panels: [linesTable(labels)] },
    { title: 'Alerts', panels: [alertsTable({ width: 24, height: 7 })] },
    {
      title: 'Trend',
      panels: [
        callsPerWindow(CURVE),
        answeredCurve(CURVE),
        occupancyCurve(CURVE),
        agentsByState({ ...CURVE, width: 16 }),
        notTakingInbound(CURVE),
      ],
    },
  ],
});
