import { expect, test } from 'vitest';

import { UsageError } from '../../src/core/errors.ts';
import { parseListenAddress } from '../../src/web-server/listen-address.ts';

test.each([
  [':10122', { host: undefined, port: 10122 }],
  ['127.0.0.1:0', { host: '127.0.0.1', port: 0 }],
  ['localhost:65535', { host: 'localhost', port: 65535 }],
  ['[::1]:10122', { host: '::1', port: 10122 }],
  ['[::]:10122', { host: '::', port: 10122 }],
  ['[fe80::1%eth0]:1', { host: 'fe80::1%eth0', port: 1 }],
])('%s is a listen address', (text, expected) => {
  expect(parseListenAddress(text)).toEqual(expected);
});

test.each([
  ['10122', 'the port is missing'],
  ['', 'the port is missing'],
  ['localhost', 'the port is missing'],
  ['::1:10122', 'an IPv6 address needs brackets'],
  ['[localhost]:10122', 'what the brackets hold is no IPv6 address'],
  ['[::1]', 'the port is missing'],
  [':http', 'the port must be a number from 0 to 65535'],
  [':65536', 'the port must be a number from 0 to 65535'],
  [':', 'the port must be a number from 0 to 65535'],
  [':-1', 'the port must be a number from 0 to 65535'],
  ['http://localhost:10122', 'an address has no scheme'],
  ['local host:10122', 'the host is neither a name nor an address'],
  ['a/b:1', 'the host is neither a name nor an address'],
])('%j is refused, with how to write it', (text, why) => {
  expect(() => parseListenAddress(text)).toThrow(
    new UsageError(
      `Cannot listen on ${JSON.stringify(text)}: ${why}; ` +
        'write host:port, :port or [IPv6]:port, such as 127.0.0.1:10122',
    ),
  );
});
