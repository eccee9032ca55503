import { expect, test } from 'vitest';

import { Authenticator, basicCredentials } from '../../src/web-server/basic-auth.ts';

const users = new Map([
  ['alice', 'cheap'],
  ['bob', 'dear'],
]);

/** Passwords equal their hashes; what was compared is kept. */
function counting(): { authenticator: Authenticator; compared: string[] } {
  const compared: string[] = [];
  const authenticator = new Authenticator((password, hash) => {
    compared.push(hash);
    return Promise.resolve(password === hash);
  });
  return { authenticator, compared };
}

const header = (text: string): string => `Basic ${Buffer.from(text).toString('base64')}`;

test.each([
  ['Alice:secret', { user: 'Alice', password: 'secret' }],
  ['a:', { user: 'a', password: '' }],
  [':p', { user: '', password: 'p' }],
  ['jörg:pass:wörd', { user: 'jörg', password: 'pass:wörd' }],
])('credentials are read from the header: %s', (text, expected) => {
  expect(basicCredentials(header(text))).toEqual(expected);
  expect(basicCredentials(header(text).replace('Basic', 'bASIC  '))).toEqual(expected);
});

test.each([undefined, '', 'Basic', 'Basic ', 'Bearer YTpi', 'Basic !!!', header('no colon'), 'Basic YTpi YTpi'])(
  'a header without credentials is none: %s',
  (text) => {
    expect(basicCredentials(text)).toBeUndefined();
  },
);

test('a right password is compared once, a wrong one every time', async () => {
  const { authenticator, compared } = counting();
  expect(await authenticator.check(users, { user: 'alice', password: 'wrong' })).toBe('no');
  expect(await authenticator.check(users, { user: 'alice', password: 'wrong' })).toBe('no');
  expect(compared).toHaveLength(2);
  expect(await authenticator.check(users, { user: 'alice', password: 'cheap' })).toBe('yes');
  expect(authenticator.check(users, { user: 'alice', password: 'cheap' })).toBe('yes');
  expect(compared).toHaveLength(3);
});

test('an unknown user costs one comparison too, always with the same hash, and never gets in', async () => {
  const { authenticator, compared } = counting();
  const decoys = new Set<string>();
  for (let i = 0; i < 40; i++) {
    for (const password of ['cheap', 'dear', 'wrong']) {
      expect(await authenticator.check(users, { user: `nobody${i}`, password })).toBe('no');
    }
    const used = new Set(compared.splice(0));
    expect(used.size).toBe(1);
    for (const hash of used) decoys.add(hash);
  }
  expect([...decoys].sort()).toEqual(['cheap', 'dear']);
});

test('a changed hash makes a known password unknown', async () => {
  const { authenticator } = counting();
  expect(await authenticator.check(users, { user: 'alice', password: 'cheap' })).toBe('yes');
  expect(await authenticator.check(new Map([['alice', 'other']]), { user: 'alice', password: 'cheap' })).toBe('no');
  expect(await authenticator.check(new Map([['bob', 'cheap']]), { user: 'alice', password: 'cheap' })).toBe('no');
});

test('the same credentials that come at once are compared once', async () => {
  const { authenticator, compared } = counting();
  const verdicts = await Promise.all(
    Array.from({ length: 500 }, async () => authenticator.check(users, { user: 'bob', password: 'dear' })),
  );
  expect(new Set(verdicts)).toEqual(new Set(['yes']));
  expect(compared).toHaveLength(1);
});

test('a flood of guesses fills a bounded queue, and verified users get in meanwhile', async () => {
  const release: (() => void)[] = [];
  const authenticator = new Authenticator(
    (password, hash) =>
      new Promise((resolve) => {
        release.push(() => {
          resolve(password === hash);
        });
      }),
  );
  const first = authenticator.check(users, { user: 'alice', password: 'cheap' });
  release.pop()?.();
  expect(await first).toBe('yes');

  const verdicts = Array.from({ length: 100 }, (_, i) =>
    authenticator.check(users, { user: 'alice', password: `${i}` }),
  );
  expect(release).toHaveLength(64);
  expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(36);
  expect(authenticator.check(users, { user: 'alice', password: 'cheap' })).toBe('yes');
  for (const go of release) go();
  expect(new Set(await Promise.all(verdicts.map(async (verdict) => verdict)))).toEqual(new Set(['no', 'busy']));
  const after = authenticator.check(users, { user: 'bob', password: 'dear' });
  release.pop()?.();
  expect(await after).toBe('yes');
});

test('what is remembered is bounded', async () => {
  const { authenticator, compared } = counting();
  const many = new Map(Array.from({ length: 1001 }, (_, i) => [`user${i}`, `${i}`]));
  for (const [user, password] of many) await authenticator.check(many, { user, password });
  expect(authenticator.check(many, { user: 'user1000', password: '1000' })).toBe('yes');
  expect(compared).toHaveLength(1001);
  expect(await authenticator.check(many, { user: 'user0', password: '0' })).toBe('yes');
  expect(compared).toHaveLength(1002);
});
