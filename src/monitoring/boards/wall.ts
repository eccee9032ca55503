import { attention } from '../attention.ts';
import { BOARDS } from '../board-names.ts';
import type { Board } from '../dashboard.ts';
import { waitingOrUnanswered } from '../figures-queues.ts';
import { answered, callsToday, firingAlerts, idle, linesBelowTarget } from '../figures.ts';

/** A television has no scroll bar: 25 grid units of 38 pixels and the controls on top are 1080 pixels. */
const TILE = { width: 8, height: 6, isTitleLarge: true };

/** For a television: six numbers, and who needs help. */
export const wall = (): Board => ({
  uid: BOARDS.wall.uid,
  description: 'A contact center at a glance, for a television: six numbers, and the lines that need somebody.',
  refresh: '30s',
  from: 'now/d',
  rows: [
    {
      panels: [
        answered(TILE),
        waitingOrUnanswered(TILE),
        idle(TILE),
        callsToday(TILE),
        linesBelowTarget(TILE),
        firingAlerts(TILE),
        attention({ width: 24, height: 12 }),
      ],
    },
  ],
});
