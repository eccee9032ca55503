import { PassThrough } from 'node:stream';
import { expect, test } from 'vitest';
import { startProgress } from '../../src/history/progress.ts';
import { FakeClock } from '../support/fake-clock.ts';

function started(isTTY: boolean, done = 0) {
  let text = '';
  const stream = Object.assign(new PassThrough({ encoding: 'utf8' }), { isTTY, columns: 120 });
  stream.on('data', (chunk: string) => (text += chunk));
  const clock = new FakeClock(0);
  const progress = startProgress({ title: 'Backfill', stream, clock, total: 10_000, done });
  return {
    progress,
    text: () => text,
    at: (seconds: number) => {
      clock.advance(seconds * 1000 - clock.now());
    },
  };
}

test('without a terminal there is a line every 10 seconds, with rate and time left', () => {
  const { progress, text, at } = started(false);
  for (let second = 0; second <= 25; second++) {
    at(second);
    progress.update(second * 100);
  }
  progress.log('A line of its own');
  progress.stop();
  expect(text()).toBe(
    'Backfill: 1,000 of 10,000 windows (10%), 100/s, 1m30s left\n' +
      'Backfill: 2,000 of 10,000 windows (20%), 100/s, 1m20s left\n' +
      'A line of its own\n',
  );
});

test('what an earlier run did counts for the share, not for the rate', () => {
  const { progress, text, at } = started(false, 5000);
  at(10);
  progress.update(5100);
  expect(text()).toBe('Backfill: 5,100 of 10,000 windows (51%), 10/s, 8m10s left\n');
});

test('on a terminal there is a bar, lines go above it, and the cursor comes back', () => {
  const { progress, text, at } = started(true);
  at(10);
  progress.update(2500);
  progress.log('A line of its own');
  progress.stop();
  const esc = '\u001b';
  expect(text()).toContain(`\r${esc}[KA line of its own\n`);
  expect(text()).toContain('Backfill [######------------------] 25% | 2,500/10,000 windows | 250/s | 30s left');
  expect(text().lastIndexOf(`${esc}[?25h`)).toBeGreaterThan(text().lastIndexOf(`${esc}[?25l`));
});
