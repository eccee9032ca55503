import { expect, test } from 'vitest';
import { Gaps } from '../../src/history/gaps.ts';

const TARGETS = [
  { callCenter: 'a', vdns: 'all' as const },
  { callCenter: 'b', vdns: [1, 2, 3] },
];
const range = (windows: number) => ({ from: 0, to: windows * 300_000 });

test('no gaps are no lines', () => {
  expect(new Gaps().report(TARGETS)).toEqual([]);
});

test('the first twenty gaps are listed and the others counted, whatever was stored in between', () => {
  let gaps = new Gaps();
  for (let vdn = 1; vdn <= 5000; vdn++) {
    gaps.add(0, vdn, range(2));
    if (vdn % 1000 === 0) gaps = new Gaps(JSON.parse(JSON.stringify(gaps.toState())) as ReturnType<Gaps['toState']>);
  }
  gaps.addSilent(1, 1, range(3));
  gaps.addSilent(1, 3, range(3));
  const lines = gaps.report(TARGETS);
  expect(lines).toHaveLength(23);
  expect(lines.slice(0, 2)).toEqual([
    'The API has no rows for 10,006 windows; there are no samples for them:',
    '  a VDN 1: 1970-01-01T00:00:00Z to 1970-01-01T00:10:00Z (2 windows)',
  ]);
  expect(lines.slice(-2)).toEqual(['  and 4,980 more gaps', '  b: no rows at all for VDN 1,3']);
  expect(JSON.stringify(gaps.toState()).length).toBeLessThan(2000);
});
