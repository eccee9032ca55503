import { alertsTable } from '../alerts-table.ts';
import { BOARDS } from '../board-names.ts';
import { agentsByState } from '../curves.ts';
import { lineAnswered, lineCalls, lineOccupancy, lineUnavailable, weekAnswered, weekCalls } from '../curves-line.ts';
import { longestWaitCurve, serviceLevelCurve, waitingCurve } from '../curves-queues.ts';
import type { Board } from '../dashboard.ts';
import { answered, answeredToday, callsToday, dataUntil, idle, occupancy, unanswered } from '../figures.ts';
import { fullestQueue, longestWait, serviceLevel, waiting } from '../figures-queues.ts';
import { lineState } from '../figures-line.ts';

const TILE = { width: 6, height: 4 };
const CURVE = { width: 12, height: 8 };
const THIRD = { width: 8, height: 8 };

/** One line: now, its day and its week, with its targets and opening hours. */
export const line = (): Board => ({
  uid: BOARDS.line.uid,
  description: 'One line of a contact center: its figures, targets, opening hours and alerts, its day and its week.',
  refresh: '1m',
  from: 'now/d',
  isOfOneLine: true,
  rows: [
    {
      title: 'Now and today',
      panels: [
        lineState(TILE),
        answered(TILE),
        unanswered(TILE),
        idle(TILE),
        occupancy(TILE),
        callsToday(TILE),
        answeredToday(TILE),
        dataUntil(TILE),
      ],
    },
    { title: 'Alerts', panels: [alertsTable({ width: 24, height: 5 })] },
    {
      title: 'Day',
      panels: [
        lineCalls(CURVE),
        lineAnswered(CURVE),
        agentsByState(CURVE, true),
        lineOccupancy({ ...CURVE, width: 6 }),
        lineUnavailable({ ...CURVE, width: 6 }),
      ],
    },
    {
      title: 'Queues',
      panels: [
        waiting(TILE),
        longestWait(TILE),
        serviceLevel(TILE),
        fullestQueue(TILE),
        waitingCurve(THIRD),
        longestWaitCurve(THIRD),
        serviceLevelCurve(THIRD),
      ],
    },
    { title: 'Week', panels: [weekCalls(CURVE), weekAnswered(CURVE)] },
  ],
});
