import { once } from 'node:events';
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { connect as connectTcp } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect } from 'node:tls';
import type { ConnectionOptions, TLSSocket } from 'node:tls';

import { generate } from 'selfsigned';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';

import { ConfigError } from '../../src/core/errors.ts';
import { subjectAltNames } from '../../src/web-server/client-certificate.ts';
import { issue, makeCa, writePair } from '../support/certificates.ts';
import type { KeyPair } from '../support/certificates.ts';
import { dial, received, serve } from '../support/serving.ts';
import type { Served } from '../support/serving.ts';

const PAIR = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n';

let ca: KeyPair;
let otherCa: KeyPair;
let first: KeyPair;
let second: KeyPair;
let trusted: KeyPair;
let untrusted: KeyPair;
let directory: string;
let file: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'tls-'));
  file = join(directory, 'web.yaml');
  [ca, otherCa] = [await makeCa('Test CA'), await makeCa('Other CA')];
  [first, second] = [await issue(ca, 'first'), await issue(ca, 'second')];
  const client = [
    { type: 2, value: 'prometheus.example.com' },
    { type: 1, value: 'ops@example.com' },
    { type: 6, value: 'spiffe://example.com/a,b' },
    { type: 7, ip: '192.0.2.7' },
    { type: 7, ip: '2001:db8::7' },
  ] as const;
  trusted = await issue(ca, 'client', { client: [...client] });
  untrusted = await issue(otherCa, 'client', { client: [...client] });
});
afterAll(() => rm(directory, { recursive: true }));

beforeEach(async () => {
  await writePair(directory, first);
  await writeFile(join(directory, 'client-ca.crt'), ca.cert);
});

async function serveTls(yaml: string, limits = {}): Promise<Served> {
  await writeFile(file, yaml);
  return serve({ webConfigFile: file, limits });
}

/** The body of a response; rejects when the handshake or the request fails. */
async function fetchBody({ port }: Served, options: ConnectionOptions = {}): Promise<string> {
  return new Promise((resolve, reject) => {
    const tls = { ca: [ca.cert, otherCa.cert], servername: 'localhost', ...options };
    const req = request({ host: '127.0.0.1', port, agent: false, ...tls }, (res) => {
      let body = '';
      res.on('data', (chunk: Buffer) => (body += chunk.toString()));
      res.on('end', () => {
        resolve(body);
      });
    });
    req.on('error', reject).end();
  });
}

async function handshake(port: number, options: ConnectionOptions = {}): Promise<TLSSocket> {
  const socket = connect({ host: '127.0.0.1', port, ca: ca.cert, servername: 'localhost', ...options });
  await once(socket, 'secureConnect');
  return socket;
}

async function handshakeAndEnd(port: number): Promise<void> {
  (await handshake(port)).destroy();
}

async function servedName({ port }: Served, options: ConnectionOptions = {}): Promise<string> {
  const socket = await handshake(port, options);
  const name = String(socket.getPeerCertificate().subject.CN);
  socket.destroy();
  return name;
}

const loginWith = ({ cert, key }: KeyPair): ConnectionOptions => ({ cert, key });
const refusals = ({ log }: Served): unknown[] =>
  log.filter(({ message }) => message === 'Refused a connection').map(({ details }) => details);

describe('client certificates', () => {
  const CA = '  client_ca_file: client-ca.crt\n';
  test.each([
    ['NoClientCert', '', { none: true, untrusted: true, trusted: true }],
    ['RequestClientCert', '', { none: true, untrusted: true, trusted: true }],
    ['RequestClientCert', CA, { none: true, untrusted: true, trusted: true }],
    ['RequireAnyClientCert', CA, { none: false, untrusted: true, trusted: true }],
    ['RequireClientCert', '', { none: false, untrusted: true, trusted: true }],
    ['VerifyClientCertIfGiven', CA, { none: true, untrusted: false, trusted: true }],
    ['RequireAndVerifyClientCert', CA, { none: false, untrusted: false, trusted: true }],
  ])('%s lets in whom it should', async (type, caLine, expected) => {
    const server = await serveTls(`${PAIR}  client_auth_type: ${type}\n${caLine}`);
    const letIn = (options?: ConnectionOptions): Promise<boolean> =>
      fetchBody(server, options).then(
        (body) => body === 'served',
        () => false,
      );
    expect({
      none: await letIn(),
      untrusted: await letIn(loginWith(untrusted)),
      trusted: await letIn(loginWith(trusted)),
    }).toEqual(expected);
    const refused = Object.values(expected).filter((right) => !right).length;
    await expect.poll(() => refusals(server)).toHaveLength(refused);
  });

  test.each([
    ['VerifyClientCertIfGiven', true],
    ['RequireAndVerifyClientCert', false],
  ])('%s without a CA trusts the CAs of the system, and says so', async (type, withoutCertificate) => {
    const server = await serveTls(`${PAIR}  client_auth_type: ${type}\n`);
    const warnings = server.log.filter(({ level }) => level === 'warn').map(({ message }) => message);
    expect(warnings).toEqual([expect.stringContaining('tls_server_config.client_auth_type: Every certificate')]);
    await expect(fetchBody(server, loginWith(trusted))).rejects.toThrow();
    if (withoutCertificate) expect(await fetchBody(server)).toBe('served');
    else await expect(fetchBody(server)).rejects.toThrow();
  });

  test('a certificate that is meant for servers is not trusted as that of a client', async () => {
    const server = await serveTls(`${PAIR}  client_auth_type: RequireAndVerifyClientCert\n${CA}`);
    await expect(fetchBody(server, loginWith(first))).rejects.toThrow();
  });

  test.each([
    ['prometheus.example.com', true],
    ['ops@example.com', true],
    ['"spiffe://example.com/a,b"', true],
    ['192.0.2.7', true],
    ["'2001:db8::7'", true],
    ['example.com', false],
    ['client', false],
    ['PROMETHEUS.example.com', false],
  ])('client_allowed_sans with %s', async (san, allowed) => {
    const server = await serveTls(
      `${PAIR}  client_auth_type: RequireAndVerifyClientCert\n${CA}  client_allowed_sans: [nobody, ${san}]\n`,
    );
    if (allowed) expect(await fetchBody(server, loginWith(trusted))).toBe('served');
    else {
      await expect(fetchBody(server, loginWith(trusted))).rejects.toThrow();
      expect(refusals(server)).toEqual([
        { client: '127.0.0.1', reason: 'client certificate has none of client_allowed_sans' },
      ]);
    }
  });

  test('with client_allowed_sans a client without a certificate is refused, whatever the type', async () => {
    const server = await serveTls(
      `${PAIR}  client_auth_type: VerifyClientCertIfGiven\n${CA}  client_allowed_sans: [ops@example.com]\n`,
    );
    await expect(fetchBody(server)).rejects.toThrow();
    expect(await fetchBody(server, loginWith(trusted))).toBe('served');
  });

  test('names with special characters cannot pass for others', () => {
    expect(subjectAltNames('DNS:"a, DNS:evil", URI:x, IP Address:::1, othername:<unsupported>')).toEqual(
      new Set(['a, DNS:evil', 'x', '::1']),
    );
    expect(subjectAltNames(undefined)).toEqual(new Set());
  });
});

describe('versions, suites and curves', () => {
  const version = async (server: Served, options: ConnectionOptions = {}): Promise<string | null> => {
    const socket = await handshake(server.port, options);
    const protocol = socket.getProtocol();
    socket.destroy();
    return protocol;
  };
  const legacy = { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' } as const;

  test('TLS 1.2 and 1.3 are spoken by default, older ones when requested', async () => {
    const server = await serveTls(PAIR);
    expect(await version(server)).toBe('TLSv1.3');
    expect(await version(server, { maxVersion: 'TLSv1.2' })).toBe('TLSv1.2');
    await expect(version(server, legacy)).rejects.toThrow();
    expect(await version(await serveTls(`${PAIR}  min_version: TLS11\n`), legacy)).toBe('TLSv1.1');
  });

  test('min_version and max_version are the limits', async () => {
    await expect(version(await serveTls(`${PAIR}  min_version: TLS13\n`), { maxVersion: 'TLSv1.2' })).rejects.toThrow();
    const old = await serveTls(`${PAIR}  max_version: TLS12\n`);
    expect(await version(old)).toBe('TLSv1.2');
    await expect(version(old, { minVersion: 'TLSv1.3' })).rejects.toThrow();
  });

  test('of the suites up to TLS 1.2 only those in the list are spoken, in our order or that of the client', async () => {
    const suites =
      'cipher_suites: [TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256]\n';
    const spoken = async (server: Served, ciphers: string): Promise<string> => {
      const socket = await handshake(server.port, { maxVersion: 'TLSv1.2', ciphers });
      const { name } = socket.getCipher();
      socket.destroy();
      return name;
    };
    const [strong, light] = ['ECDHE-ECDSA-AES256-GCM-SHA384', 'ECDHE-ECDSA-AES128-GCM-SHA256'];
    const ours = await serveTls(`${PAIR}  ${suites}`);
    expect(await spoken(ours, `${light}:${strong}`)).toBe(strong);
    await expect(spoken(ours, 'ECDHE-ECDSA-CHACHA20-POLY1305')).rejects.toThrow();
    expect(await version(ours)).toBe('TLSv1.3');
    const theirs = await serveTls(`${PAIR}  ${suites}  prefer_server_cipher_suites: false\n`);
    expect(await spoken(theirs, `${light}:${strong}`)).toBe(light);
  });

  test('by default no suite without forward secrecy is spoken', async () => {
    const rsa = await generate([{ name: 'commonName', value: 'rsa' }], { keySize: 2048, algorithm: 'sha256' });
    await writePair(directory, { cert: rsa.cert, key: rsa.private });
    const server = await serveTls(PAIR);
    const client = { maxVersion: 'TLSv1.2', rejectUnauthorized: false } as const;
    for (const ciphers of ['AES128-SHA', 'AES256-GCM-SHA384', 'DHE-RSA-AES128-GCM-SHA256']) {
      await expect(version(server, { ...client, ciphers }), ciphers).rejects.toThrow();
    }
    for (const ciphers of ['ECDHE-RSA-AES128-GCM-SHA256', 'ECDHE-RSA-AES256-SHA']) {
      expect(await version(server, { ...client, ciphers }), ciphers).toBe('TLSv1.2');
    }
  });

  test('only the curves in the list are agreed on', async () => {
    const server = await serveTls(`${PAIR}  curve_preferences: [CurveP384]\n`);
    expect(await version(server, { ecdhCurve: 'secp384r1' })).toBe('TLSv1.3');
    await expect(version(server, { ecdhCurve: 'X25519' })).rejects.toThrow();
  });

  test('HTTP/1.1 is agreed on with a client that prefers HTTP/2', async () => {
    const { port } = await serveTls(`${PAIR}http_server_config: { http2: true }\n`);
    const socket = await handshake(port, { ALPNProtocols: ['h2', 'http/1.1'] });
    expect(socket.alpnProtocol).toBe('http/1.1');
    socket.destroy();
  });
});

describe('rotation', () => {
  test('a new pair is used by the next connection, with or without a server name, and open ones live on', async () => {
    const server = await serveTls(PAIR);
    const open = await handshake(server.port);
    expect(await servedName(server)).toBe('first');
    await writePair(directory, second);
    expect(await servedName(server)).toBe('second');
    expect(await servedName(server, { servername: '' })).toBe('second');
    open.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    expect(await received(open)).toContain('served');
    expect(server.log.filter(({ message }) => message.startsWith('Read the TLS'))).toHaveLength(1);
  });

  test('a pair that is moved into place is seen, too', async () => {
    const server = await serveTls(PAIR);
    await writeFile(join(directory, 'new.crt'), second.cert);
    await writeFile(join(directory, 'new.key'), second.key);
    await rename(join(directory, 'new.key'), join(directory, 'server.key'));
    await rename(join(directory, 'new.crt'), join(directory, 'server.crt'));
    expect(await servedName(server)).toBe('second');
  });

  test('a bad pair keeps the old one, with one error in the log, until a good one comes', async () => {
    const server = await serveTls(PAIR);
    const errors = (): unknown[] => server.log.filter(({ level }) => level === 'error').map(({ details }) => details);
    await writeFile(join(directory, 'server.crt'), second.cert);
    for (let i = 0; i < 3; i++) expect(await servedName(server)).toBe('first');
    expect(errors()).toEqual([{ problems: ['The key does not belong to the certificate'] }]);
    await rm(join(directory, 'server.key'));
    for (let i = 0; i < 3; i++) expect(await servedName(server)).toBe('first');
    expect(errors()).toHaveLength(2);
    await writeFile(join(directory, 'server.key'), second.key);
    expect(await servedName(server)).toBe('second');
    expect(errors()).toHaveLength(2);
  });

  test('a new client CA is used by the next connection', async () => {
    const server = await serveTls(
      `${PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client-ca.crt\n`,
    );
    await expect(fetchBody(server, loginWith(untrusted))).rejects.toThrow();
    await writeFile(join(directory, 'client-ca.crt'), otherCa.cert);
    expect(await fetchBody(server, loginWith(untrusted))).toBe('served');
    await expect(fetchBody(server, loginWith(trusted))).rejects.toThrow();
  });

  test('a session that was resumed does not outlive its CA', async () => {
    const server = await serveTls(
      `${PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client-ca.crt\n`,
    );
    const open = await handshake(server.port, { ...loginWith(trusted), maxVersion: 'TLSv1.2' });
    const session = open.getSession();
    if (session === undefined) throw new Error('There is no session to resume');
    open.destroy();
    const resume = { ...loginWith(trusted), maxVersion: 'TLSv1.2', session } as const;
    const resumed = await handshake(server.port, resume);
    expect(resumed.isSessionReused()).toBe(true);
    resumed.destroy();
    await writeFile(join(directory, 'client-ca.crt'), otherCa.cert);
    await expect(fetchBody(server, resume)).rejects.toThrow();
  });
});

describe('reload', () => {
  test('TLS and client certificates can be turned on and off, and idle connections of before end', async () => {
    const server = await serveTls('');
    const idle = await dial(server.port);
    await writeFile(file, `${PAIR}  client_auth_type: RequireAndVerifyClientCert\n  client_ca_file: client-ca.crt\n`);
    await server.reload();
    expect(await received(idle)).toBe('');
    expect(server.addresses).toEqual([`https://127.0.0.1:${server.port}`]);
    await expect(fetchBody(server)).rejects.toThrow();
    expect(await fetchBody(server, loginWith(trusted))).toBe('served');
    await writeFile(file, PAIR);
    await server.reload();
    expect(await fetchBody(server)).toBe('served');
    await writeFile(file, '');
    await server.reload();
    expect(await (await fetch(server.addresses[0] ?? '')).text()).toBe('served');
  });

  test('no connection is refused while the listener changes', async () => {
    const server = await serveTls(PAIR);
    const types = ['RequestClientCert', 'NoClientCert', 'VerifyClientCertIfGiven'];
    const failures: unknown[] = [];
    let isDone = false;
    const connecting = Array.from({ length: 4 }, async () => {
      while (!isDone) await handshakeAndEnd(server.port).catch((error: unknown) => failures.push(error));
    });
    for (let i = 0; i < 12; i++) {
      await writeFile(
        file,
        `${PAIR}  client_auth_type: ${types[i % 3]}\n  client_ca_file: client-ca.crt\n`.replace(
          /NoClientCert\n.*\n/,
          'NoClientCert\n',
        ),
      );
      await server.reload();
    }
    isDone = true;
    await Promise.all(connecting);
    expect(
      failures.filter((error) => error instanceof Error && 'code' in error && error.code === 'ECONNREFUSED'),
    ).toEqual([]);
    expect(await fetchBody(server, loginWith(trusted))).toBe('served');
  });

  test('a response that is still being sent is finished when the TLS settings change', async () => {
    const large = Buffer.alloc(16 * 1024 * 1024, 'x');
    await writeFile(file, PAIR);
    const server = await serve({ webConfigFile: file, handler: (_, res) => res.end(large) });
    const slow = await handshake(server.port);
    slow.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    await once(slow, 'readable');
    await writeFile(file, '');
    await server.reload();
    expect(await (await fetch(server.addresses[0] ?? '')).text()).toHaveLength(large.length);
    expect((await received(slow)).match(/x/g)).toHaveLength(large.length);
  });

  test('connections live on when the TLS settings stay, and when the new ones cannot be used', async () => {
    const server = await serveTls(PAIR);
    const open = await handshake(server.port);
    await writeFile(file, `${PAIR}http_server_config: { headers: { X-Frame-Options: deny } }\n`);
    await server.reload();
    await writeFile(file, `${PAIR}  min_version: TLS14\n`);
    await expect(server.reload()).rejects.toThrow(ConfigError);
    open.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    expect(await received(open)).toMatch(/X-Frame-Options: deny[^]*served/);
  });
});

describe('clients that misbehave', () => {
  test('HTTP on the TLS port, garbage, silence and a vanished client end only their own connection', async () => {
    const server = await serveTls(PAIR, { handshakeTimeout: 100 });
    const plain = await dial(server.port);
    plain.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
    const garbage = await dial(server.port);
    garbage.write(Buffer.alloc(1000, 0xff));
    const silent = await dial(server.port);
    const vanished = connectTcp(server.port, '127.0.0.1');
    await once(vanished, 'connect');
    vanished.write(Buffer.from('16030100c8010000c40303', 'hex'));
    vanished.resetAndDestroy();
    await Promise.all([received(plain), received(garbage), received(silent)]);
    expect(await fetchBody(server)).toBe('served');
    expect(refusals(server)).toContainEqual({ client: '127.0.0.1', reason: 'ERR_SSL_HTTP_REQUEST' });
  });

  test('at the limit a client that does not finish its handshake gives way', async () => {
    const server = await serveTls(PAIR, { maxConnections: 2 });
    const silent = await dial(server.port);
    const open = await handshake(server.port);
    expect(await fetchBody(server)).toBe('served');
    expect(await received(silent)).toBe('');
    open.write('GET / HTTP/1.1\r\nHost: test\r\nConnection: close\r\n\r\n');
    expect(await received(open)).toContain('served');
  });

  test('the same reason is logged once', async () => {
    const server = await serveTls(PAIR);
    for (let i = 0; i < 5; i++) {
      const plain = await dial(server.port);
      plain.write('GET / HTTP/1.1\r\nHost: test\r\n\r\n');
      await received(plain);
    }
    expect(refusals(server)).toHaveLength(1);
  });

  test('closing does not wait for idle TLS connections or handshakes', async () => {
    const server = await serveTls(PAIR);
    const idle = await handshake(server.port);
    const silent = await dial(server.port);
    const closed = Promise.all([received(idle), received(silent)]);
    const started = performance.now();
    await server.close(60_000);
    await closed;
    expect(performance.now() - started).toBeLessThan(10_000);
  });
});
