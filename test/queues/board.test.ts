import { describe, expect, test } from 'vitest';
import { DEFAULT_TARGETS } from '../../src/config/targets.ts';
import { selfMetricsText } from '../../src/exposition/text-format.ts';
import { QueueBoard, type QueueVdn } from '../../src/queues/board.ts';
import { createQueueFamilies } from '../../src/queues/families.ts';
import { QUEUE_METRICS } from '../../src/queues/metrics.ts';
import { FakeClock } from '../support/fake-clock.ts';

const NOW = Date.UTC(2026, 10, 18, 8);
const LIFETIME = 90_000;

const VDN_1: QueueVdn = { id: 1, queues: 'all', targets: DEFAULT_TARGETS, queueTargets: new Map() };

function createBoard() {
  const clock = new FakeClock(NOW);
  const board = new QueueBoard(
    [
      VDN_1,
      {
        ...{ id: 2, queues: [5, 6] },
        targets: { ...DEFAULT_TARGETS, wait_seconds: { warning: undefined, critical: undefined } },
        queueTargets: new Map([[6, { ...DEFAULT_TARGETS, wait_seconds: { warning: 30, critical: undefined } }]]),
      },
    ],
    clock,
  );
  const status = {
    ...{ isUp: true, isRefused: false, lastSuccessAt: NOW, lastFailure: undefined, requests: 3 },
    ...{ failures: new Map([['http', 2]] as const), rejectedRows: 1 },
  };
  const families = createQueueFamilies({
    callCenter: 'hq',
    vdns: [{ id: 1 }, { id: 2 }],
    board,
    interfaces: () => [['skills', status]],
  });
  return { clock, board, families, text: () => selfMetricsText(families(), 'text') };
}

describe('the queues of a VDN', () => {
  test('are those that the CMS describes, or those selected by id until it has', () => {
    const { board } = createBoard();
    expect([board.idsOf(1), board.idsOf(2)]).toEqual([[], [5, 6]]);
    for (const vdn of [1, 2])
      board.setQueues(vdn, [
        { id: 6, name: 'b', mediaType: 5 },
        { id: 3, name: 'a', mediaType: 5 },
      ]);
    expect([board.idsOf(1), board.idsOf(2)]).toEqual([[3, 6], [6]]);
  });

  test('keep their values when the call center is built anew, as far as they are still selected', () => {
    const { board, clock } = createBoard();
    board.setQueues(1, [
      { id: 3, name: 'a', mediaType: 5 },
      { id: 4, name: 'b', mediaType: 5 },
    ]);
    board.setStatuses(
      1,
      [
        { id: 3, waiting: 1 },
        { id: 4, waiting: 2 },
      ],
      LIFETIME,
    );
    const next = new QueueBoard([{ ...VDN_1, queues: [4] }], clock, board);
    expect(next.queues()).toMatchObject([{ vdn: 1, id: 4, queue: { name: 'b' }, status: { waiting: 2 } }]);
  });
});

describe('the metrics', () => {
  test('show what is known and nothing else', () => {
    const { board, text } = createBoard();
    board.setQueues(1, [{ id: 3, name: 'Sales "A"\u001b', mediaType: undefined }]);
    board.setStatuses(1, [{ id: 3, waiting: 2, longestWait: 40, capacity: 100 }], LIFETIME);
    board.publish(new Map([[2, new Map([[5, { counts: [10, 8, 2, 5, 6, 1, 0], slots: 4, missing: 1 }]])]]));
    const lines = text()
      .split('\n')
      .filter((line) => !line.startsWith('#') && line !== '');
    const values = lines.filter((line) => !/queue_(?:request_failures|threshold)/.test(line));
    expect(values).toEqual([
      'aicc_cti_queue_waiting_calls{call_center="hq",vdn="1",queue="3"} 2',
      'aicc_cti_queue_longest_wait_seconds{call_center="hq",vdn="1",queue="3"} 40',
      'aicc_cti_queue_capacity_calls{call_center="hq",vdn="1",queue="3"} 100',
      'aicc_cti_queue_calls_total{call_center="hq",vdn="2",queue="5"} 10',
      'aicc_cti_queue_calls_answered_total{call_center="hq",vdn="2",queue="5"} 8',
      'aicc_cti_queue_calls_lost_total{call_center="hq",vdn="2",queue="5"} 2',
      'aicc_cti_queue_calls_answered_within_15s_total{call_center="hq",vdn="2",queue="5"} 5',
      'aicc_cti_queue_calls_answered_within_20s_total{call_center="hq",vdn="2",queue="5"} 6',
      'aicc_cti_queue_calls_lost_within_15s_total{call_center="hq",vdn="2",queue="5"} 1',
      'aicc_cti_queue_calls_lost_within_20s_total{call_center="hq",vdn="2",queue="5"} 0',
      'aicc_cti_queue_slots_total{call_center="hq",vdn="2",queue="5"} 4',
      'aicc_cti_queue_slots_missing_total{call_center="hq",vdn="2",queue="5"} 1',
      String.raw`aicc_cti_queue_info{call_center="hq",vdn="1",queue="3",name="Sales \"A\"\\u001b",media_type=""} 1`,
      'aicc_cti_queue_up{call_center="hq",interface="skills"} 1',
      `aicc_cti_queue_last_success_timestamp_seconds{call_center="hq",interface="skills"} ${NOW / 1000}`,
      'aicc_cti_queue_requests_total{call_center="hq",interface="skills"} 3',
      'aicc_cti_queue_rows_rejected_total{call_center="hq",interface="skills"} 1',
    ]);
    expect(lines).toContain(
      'aicc_cti_queue_request_failures_total{call_center="hq",interface="skills",reason="http"} 2',
    );
    const thresholds = lines.filter((line) => line.includes('threshold') && line.includes('vdn="2"'));
    const queue = (id: number) => `aicc_cti_queue_threshold{call_center="hq",vdn="2",queue="${id}",indicator=`;
    // What a queue does not set is as in its VDN.
    expect(thresholds).toEqual([
      ...[5, 6].flatMap((id) => [
        `${queue(id)}"service_level",severity="warning"} 0.8`,
        `${queue(id)}"service_level",severity="critical"} 0.6`,
        ...(id === 6 ? [`${queue(id)}"wait_seconds",severity="warning"} 30`] : []),
      ]),
    ]);
  });

  test('have help texts and labels as in the table', () => {
    const { families } = createBoard();
    expect(families().map(({ name, help, type }) => ({ name, help, type }))).toEqual(
      QUEUE_METRICS.map(({ name, help, type }) => ({ name, help, type })),
    );
  });

  test('of live values vanish when three intervals brought none, those of a queue without a row as well', () => {
    const { board, clock, text } = createBoard();
    board.setStatuses(
      2,
      [
        { id: 5, waiting: 1 },
        { id: 6, waiting: 2 },
      ],
      LIFETIME,
    );
    clock.advance(30_000);
    board.setStatuses(2, [{ id: 5, waiting: 3 }], LIFETIME);
    clock.advance(59_999);
    expect(text()).toContain('aicc_cti_queue_waiting_calls{call_center="hq",vdn="2",queue="6"} 2');
    clock.advance(1);
    expect(text()).not.toContain('waiting_calls{call_center="hq",vdn="2",queue="6"');
    expect(text()).toContain('aicc_cti_queue_waiting_calls{call_center="hq",vdn="2",queue="5"} 3');
    clock.advance(30_000);
    expect(text()).not.toContain('aicc_cti_queue_waiting_calls');
  });

  test('are rendered again for the VDN alone that changed, counters only when a counter did', () => {
    const { board } = createBoard();
    const totals = new Map([[2, new Map([[5, { counts: [], slots: 1, missing: 0 }]])]]);
    board.publish(totals);
    const versions = () => [board.versionsOf(1), board.versionsOf(2)];
    const [one, two] = versions();
    board.setStatuses(2, [{ id: 5, waiting: 1 }], LIFETIME);
    expect(versions()).toEqual([one, { known: two?.known, live: 1 }]);
    // Of a VDN that did not change the ledger gives the same object again.
    board.publish(new Map(totals));
    expect(versions()).toEqual([one, { known: two?.known, live: 1 }]);
    board.publish(new Map([[2, new Map()]]));
    expect(board.versionsOf(2).known).not.toBe(two?.known);
  });
});
