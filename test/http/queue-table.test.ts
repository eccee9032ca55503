import { describe, expect, it } from 'vitest';
import { DEFAULT_TARGETS } from '../../src/config/targets.ts';
import { queueTable } from '../../src/http/status-page/queue-table.ts';
import { parseVdnQuery } from '../../src/http/status-page/vdn-list.ts';
import type { ShownQueue } from '../../src/queues/board.ts';
import type { InterfaceStatus } from '../../src/queues/health.ts';
import { snapshot } from '../support/snapshots.ts';

const UP: InterfaceStatus = {
  ...{ isUp: true, isRefused: false, lastSuccessAt: 0, lastFailure: undefined, requests: 1 },
  ...{ failures: new Map(), rejectedRows: 0 },
};
const FAILURE = { at: 0, message: 'The CMS reports resultCode 0101003', hint: 'Have the permission granted' };

function queue(
  vdn: number,
  id: number,
  waiting: number | undefined,
  longestWait = 0,
  name = `Queue ${id}`,
): ShownQueue {
  const status =
    waiting === undefined ? undefined : { id, waiting, longestWait, available: 1, signedIn: 2, capacity: 100 };
  return { vdn, id, queue: { id, name, mediaType: 5 }, status, totals: undefined, targets: DEFAULT_TARGETS };
}

function page(queues: readonly ShownQueue[], search = '', status = UP): string {
  const view = { queues, interfaces: [['servicequality', status]] as const };
  const section = queueTable([{ snapshot: snapshot('main', 3), queues: view }], parseVdnQuery(search));
  return section === false ? '' : section.text;
}

/** The cells of each row. */
const cells = (text: string) =>
  [...text.matchAll(/<tr>([^]*?)<\/tr>/g)]
    .slice(1)
    .map(([, row = '']) =>
      [...row.matchAll(/<td[^>]*>([^]*?)<\/td>/g)].map(([, cell = '']) => cell.replaceAll(/<[^>]*>/g, '')),
    );

describe('the queues on the status page', () => {
  it('are left out where none are asked for', () => {
    expect(queueTable([{ snapshot: snapshot('main', 3) }], parseVdnQuery(''))).toBe(false);
  });

  it('come with the longest wait first, then the most calls, then those of which nothing is known', () => {
    const rows = cells(
      page([queue(1, 11, undefined), queue(1, 12, 3), queue(2, 13, 1, 65), queue(3, 14, 4), queue(3, 15, 2, 600)]),
    );
    expect(rows.map((row) => row[1])).toEqual([
      '15 Queue 15',
      '13 Queue 13',
      '14 Queue 14',
      '12 Queue 12',
      '11 Queue 11',
    ]);
    expect(rows[0]).toEqual(['3 Hotline 3', '15 Queue 15', '2', '10:00', '1', '2', '100']);
    expect(rows[4]).toEqual(['1 Hotline 1', '11 Queue 11', '–', '–', '–', '–', '–']);
  });

  it('have a wait beyond their target marked, while the line is open', () => {
    const marks = (text: string) =>
      [...text.matchAll(/<td class="q-wait number([^"]*)"( title="[^"]*")?/g)].map(([, ...mark]) => mark);
    const text = page([queue(1, 11, 1, 301), queue(2, 12, 1, 61), queue(3, 13, 1, 60)]);
    expect(marks(text)).toEqual([
      [' critical', ' title="Target: at most 300 s"'],
      [' warning', ' title="Target: at most 60 s"'],
      ['', undefined],
    ]);
  });

  it('are those of the VDNs that the page is filtered by, and fifty at most', () => {
    const many = Array.from({ length: 60 }, (_, index) => queue(1 + (index % 3), index, 1));
    expect(cells(page(many))).toHaveLength(50);
    expect(page(many)).toContain('The worst 50 of 60 queues');
    expect(new Set(cells(page(many, 'q=Hotline+2')).map((row) => row[0]))).toEqual(new Set(['2 Hotline 2']));
  });

  it('show names from outside as text', () => {
    expect(page([queue(1, 1, 1, 0, '<script>alert(1)</script>')])).not.toContain('<script>');
  });

  it('say which interface does not work, and what to do', () => {
    expect(page([], '')).not.toContain('⚠');
    const refused = page([], '', { ...UP, isUp: false, isRefused: true, lastFailure: FAILURE });
    expect(refused.replaceAll(/\s+/g, ' ')).toContain(
      'servicequality:</strong> refused, tried once an hour: The CMS reports resultCode 0101003. Have the permission granted',
    );
  });
});
