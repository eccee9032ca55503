import { expect, test } from 'vitest';

import { Authenticator, basicCredentials } from '../../src/web-server/basic-auth.ts';

const HERE = '192.0.2.1';

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
  expect(await authenticator.check(users, { user: 'alice', password: 'wrong' }, HERE)).toBe('no');
  expect(await authenticator.check(users, { user: 'alice', password: 'wrong' }, HERE)).toBe('no');
  expect(compared).toHaveLength(2);
  expect(await authenticator.check(users, { user: 'alice', password: 'cheap' }, HERE)).toBe('yes');
  expect(authenticator.check(users, { user: 'alice', password: 'cheap' }, HERE)).toBe('yes');
  expect(compared).toHaveLength(3);
});

test('an unknown user costs one comparison too, with a hash of cost 10 whatever the others cost, and never gets in', async () => {
  const { authenticator, compared } = counting();
  for (let i = 0; i < 40; i++) {
    for (const password of ['cheap', 'dear', 'wrong', '']) {
      expect(await authenticator.check(users, { user: `nobody${i}`, password }, HERE)).toBe('no');
    }
    expect(compared).toHaveLength(4);
    const [decoy = '', ...others] = new Set(compared.splice(0));
    expect(decoy).toMatch(/^\$2b\$10\$[./A-Za-z0-9]{53}$/);
    expect(others).toEqual([]);
  }
});

test('a changed hash makes a known password unknown', async () => {
  const { authenticator } = counting();
  expect(await authenticator.check(users, { user: 'alice', password: 'cheap' }, HERE)).toBe('yes');
  expect(await authenticator.check(new Map([['alice', 'other']]), { user: 'alice', password: 'cheap' }, HERE)).toBe(
    'no',
  );
  expect(await authenticator.check(new Map([['bob', 'cheap']]), { user: 'alice', password: 'cheap' }, HERE)).toBe('no');
});

test('the same credentials that come at once are compared once', async () => {
  const { authenticator, compared } = counting();
  const verdicts = await Promise.all(
    Array.from({ length: 500 }, async () => authenticator.check(users, { user: 'bob', password: 'dear' }, HERE)),
  );
  expect(new Set(verdicts)).toEqual(new Set(['yes']));
  expect(compared).toHaveLength(1);
});

/** Comparisons that end when `release` is called. */
function held(): { authenticator: Authenticator; release: (() => void)[] } {
  const release: (() => void)[] = [];
  const authenticator = new Authenticator(
    (password, hash) =>
      new Promise((resolve) => {
        release.push(() => {
          resolve(password === hash);
        });
      }),
  );
  return { authenticator, release };
}

test('a flood of guesses fills a bounded queue, and verified users get in meanwhile', async () => {
  const { authenticator, release } = held();
  const first = authenticator.check(users, { user: 'alice', password: 'cheap' }, HERE);
  release.pop()?.();
  expect(await first).toBe('yes');

  const verdicts = Array.from({ length: 100 }, (_, i) =>
    authenticator.check(users, { user: 'alice', password: `${i}` }, `192.0.2.${i}`),
  );
  expect(release).toHaveLength(64);
  expect(verdicts.filter((verdict) => verdict === 'busy')).toHaveLength(36);
  expect(authenticator.check(users, { user: 'alice', password: 'cheap' }, HERE)).toBe('yes');
  for (const go of release) go();
  expect(new Set(await Promise.all(verdicts.map(async (verdict) => verdict)))).toEqual(new Set(['no', 'busy']));
  const after = authenticator.check(users, { user: 'bob', password: 'dear' }, HERE);
  release.pop()?.();
  expect(await after).toBe('yes');
});

test.each([
  ['an IPv4 address', () => '192.0.2.7', '192.0.2.8'],
  [
    'an IPv4 address that is written as IPv6',
    (i: number) => ['192.0.2.7', '::ffff:192.0.2.7'][i % 2] ?? '',
    '::ffff:192.0.2.8',
  ],
  ['an IPv6 network', (i: number) => `2001:db8:0:7::${i.toString(16)}`, '2001:db8:0:8::1'],
  ['an IPv6 network, written in full', (i: number) => `2001:db8:0:7:1:2:3:${i.toString(16)}`, '2001:db8::8:1:2:3:4'],
  ['this machine', (i: number) => `::${i.toString(16)}`, '1::'],
  ['a link', (i: number) => `fe80::${i.toString(16)}%eth0`, 'fe80:0:0:1::1%eth0'],
])('guesses from %s leave the others their turn', async (_, guesser, other) => {
  const { authenticator, release } = held();
  const guess = (i: number) => authenticator.check(users, { user: 'alice', password: `${i}` }, guesser(i));
  const guesses = Array.from({ length: 100 }, (_value, i) => guess(i));
  expect(guesses.filter((verdict) => verdict === 'busy')).toHaveLength(92);
  const login = authenticator.check(users, { user: 'bob', password: 'dear' }, other);
  expect(login).not.toBe('busy');
  for (const go of release.splice(0)) go();
  expect(await login).toBe('yes');
  // Each comparison that ended makes room for another one.
  await Promise.all(guesses.map(async (verdict) => verdict));
  expect(Array.from({ length: 9 }, (_value, i) => guess(200 + i)).map((verdict) => verdict === 'busy')).toEqual([
    ...Array<boolean>(8).fill(false),
    true,
  ]);
});

test('what is remembered is bounded', async () => {
  const { authenticator, compared } = counting();
  const many = new Map(Array.from({ length: 1001 }, (_, i) => [`user${i}`, `${i}`]));
  for (const [user, password] of many) await authenticator.check(many, { user, password }, HERE);
  expect(authenticator.check(many, { user: 'user1000', password: '1000' }, HERE)).toBe('yes');
  expect(compared).toHaveLength(1001);
  expect(await authenticator.check(many, { user: 'user0', password: '0' }, HERE)).toBe('yes');
  expect(compared).toHaveLength(1002);
});
