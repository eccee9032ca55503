import { hashSync } from 'bcryptjs';
import { afterEach, expect, test } from 'vitest';

import { bcryptThread } from '../../src/web-server/bcrypt-thread.ts';

const { compare, close } = bcryptThread();
afterEach(close);

test.each(['2a', '2b', '2y'])('passwords are compared with hashes that start with $%s$', async (version) => {
  const hash = hashSync('pässword', 4).replace(/^\$2b/, `$${version}`);
  expect(await compare('pässword', hash)).toBe(true);
  expect(await compare('password', hash)).toBe(false);
});

test('the main thread goes on while passwords are compared', async () => {
  const hash = hashSync('password', 10);
  const before = performance.eventLoopUtilization();
  const results = await Promise.all(Array.from({ length: 8 }, (_, i) => compare(`guess ${i}`, hash)));
  const { utilization } = performance.eventLoopUtilization(before);
  expect(results).toEqual(Array.from({ length: 8 }, () => false));
  expect(utilization).toBeLessThan(0.5);
});

test('closing rejects what is waiting, and a later comparison starts again', async () => {
  const waiting = compare('password', hashSync('password', 12));
  const rejected = expect(waiting).rejects.toThrow('The server is closing');
  await close();
  await rejected;
  expect(await compare('password', hashSync('password', 4))).toBe(true);
});
