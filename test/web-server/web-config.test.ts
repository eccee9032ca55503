import { spawnSync } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, beforeAll, expect, test } from 'vitest';

import { ConfigError } from '../../src/core/errors.ts';
import { loadWebConfig, NO_WEB_CONFIG, WEB_CONFIG_KEYS } from '../../src/web-server/web-config.ts';
import type { WebConfig } from '../../src/web-server/web-config.ts';
import { installed } from '../support/installed.ts';
import { issue, makeCa, writePair } from '../support/certificates.ts';

const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG';
const SYSTEM_ROOTS = '/etc/ssl/certs/ca-certificates.crt';
const EXAMPLE = new URL('../../web-config.example.yaml', import.meta.url);

let directory: string;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'web-config-'));
  const ca = await makeCa('Test CA');
  await writePair(directory, await issue(ca, 'localhost'));
  await writeFile(join(directory, 'client-ca.crt'), ca.cert);
  await writeFile(join(directory, 'other.key'), (await issue(ca, 'localhost')).key);
  await writeFile(join(directory, 'empty'), '');
  await writeFile(join(directory, 'broken.crt'), '-----BEGIN CERTIFICATE-----\nQUJD\n-----END CERTIFICATE-----\n');
  const locked = { type: 'pkcs8', format: 'pem', cipher: 'aes-256-cbc', passphrase: 'test' } as const;
  await writeFile(join(directory, 'locked.key'), createPrivateKey(ca.key).export(locked));
});
afterAll(() => rm(directory, { recursive: true }));

async function load(yaml: string): Promise<WebConfig> {
  const file = join(directory, 'web.yaml');
  await writeFile(file, yaml);
  return loadWebConfig(file);
}

/** `line:column: path: message` of each problem. */
async function problems(yaml: string): Promise<string[]> {
  const error: unknown = await load(yaml).catch((reason: unknown) => reason);
  if (!(error instanceof ConfigError)) throw new Error('There was no problem', { cause: error });
  return error.message.split('\n').map((line) => line.replaceAll(`${directory}/`, '').replace('web.yaml:', ''));
}

const TLS = 'tls_server_config:\n  cert_file: server.crt\n  key_file: server.key\n';

test.each(['', '# nothing\n', '{}', 'tls_server_config:\n', 'tls_server_config: {}\nhttp_server_config: {}\n'])(
  'a file without settings means plain HTTP for everybody: %j',
  async (yaml) => {
    expect(await load(yaml)).toEqual(NO_WEB_CONFIG);
  },
);

test('certificate and key alone mean TLS 1.2 and 1.3 without client certificates', async () => {
  const { tls } = await load(TLS);
  expect(tls?.settings).toMatchObject({
    cert: { file: join(directory, 'server.crt') },
    key: { file: join(directory, 'server.key') },
    clientAuth: { request: false },
    minVersion: 'TLSv1.2',
    maxVersion: 'TLSv1.3',
    honorCipherOrder: true,
  });
});

test('certificate, key and CA may stand in the file itself', async () => {
  const indented = async (name: string): Promise<string> =>
    (await readFile(join(directory, name), 'utf8')).replace(/^/gm, '    ');
  const { tls } = await load(
    `tls_server_config:\n  cert: |\n${await indented('server.crt')}\n  key: |\n${await indented('server.key')}\n` +
      `  client_ca: |\n${await indented('client-ca.crt')}\n  client_auth_type: VerifyClientCertIfGiven\n`,
  );
  expect(tls?.settings.cert).toHaveProperty('pem', expect.stringContaining('BEGIN CERTIFICATE'));
  expect(tls?.material.options.ca).toHaveLength(1);
});

test('names of Go become names of OpenSSL; the suites of TLS 1.3 are always there', async () => {
  const { tls } = await load(
    `${TLS}  cipher_suites: [TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA, TLS_AES_128_GCM_SHA256]\n` +
      '  curve_preferences: [CurveP521, X25519]\n  min_version: TLS13\n  prefer_server_cipher_suites: false\n',
  );
  expect(tls?.settings).toMatchObject({
    ciphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES256-SHA',
    ecdhCurve: 'secp521r1:X25519',
    minVersion: 'TLSv1.3',
    honorCipherOrder: false,
  });
});

test('dollars in a hash stay as they are, and variables are not filled in', async () => {
  const { users, headers } = await load(
    `basic_auth_users: { a: ${HASH}, 'b c': '${HASH}' }\n` +
      'http_server_config: { headers: { Content-Security-Policy: "$$ ${HOME}", X-XSS-Protection: "" } }\n',
  );
  expect([...users]).toEqual([
    ['a', HASH],
    ['b c', HASH],
  ]);
  expect(headers).toEqual({ 'Content-Security-Policy': '$$ ${HOME}' });
});

test('a rate limit of interval 0 is none', async () => {
  expect((await load('rate_limit: { interval: 0, burst: 3 }')).rateLimit).toBeUndefined();
  expect((await load('rate_limit: { interval: 1s, burst: 3 }')).rateLimit).toEqual({ intervalMs: 1000, burst: 3 });
});

test('all problems are reported at once, with their places', async () => {
  const wrong = [
    'tls_server_config:',
    '  cert_file: missing.crt',
    '  key_file: empty',
    '  min_version: TLS13',
    '  max_version: TLS12',
    '  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]',
    '  curve_preferences: [P256]',
    '  client_auth_type: RequireAndVerifyClientCert',
    '  client_auth_typ: NoClientCert',
    'http_server_config:',
    '  http2: maybe',
    '  headers:',
    '    X-Frame-Options: DENY',
    '    Server: mine',
    'basic_auth_users:',
    '  alice: secret',
    '  "a:b": x',
    'rate_limit:',
    '  interval: 1s',
    'web: 1',
  ];
  expect(await problems(wrong.join('\n'))).toEqual([
    '2:14: tls_server_config.cert_file: Cannot read missing.crt: no such file',
    '3:13: tls_server_config.key_file: empty holds no private key in PEM (BEGIN PRIVATE KEY)',
    '5:16: tls_server_config.max_version: Must not be lower than min_version, which is TLS12 unless set',
    expect.stringMatching(/^6:19: tls_server_config.cipher_suites\[0\]: Must be one of TLS_AES_128_GCM_SHA256, /),
    '7:23: tls_server_config.curve_preferences[0]: Must be one of CurveP256, CurveP384, CurveP521, X25519',
    '9:3: tls_server_config.client_auth_typ: Unknown key, did you mean client_auth_type?',
    '11:10: http_server_config.http2: Must be true or false, without quotes',
    '13:22: http_server_config.headers.X-Frame-Options: Must be deny or sameorigin',
    expect.stringMatching(/^14:5: http_server_config.headers.Server: Unknown key, known here: Strict-Transport-/),
    expect.stringMatching(/^16:10: basic_auth_users.alice: Must be a bcrypt hash, as `htpasswd/),
    '17:3: basic_auth_users: A user name with a colon cannot log in with basic authentication',
    '18:1: rate_limit: Without a burst of at least 1 every request would be refused',
    expect.stringMatching(/^20:1: web: Unknown key, known here: tls_server_config, http_server_config, /),
  ]);
});

test.each([
  ['  cert_file: server.crt', '1:1: tls_server_config: TLS needs key_file, or key'],
  ['  min_version: TLS12', '1:1: tls_server_config: TLS needs cert_file, or cert'],
  [
    '  cert_file: server.crt\n  key_file: other.key',
    '3:13: tls_server_config.key_file: The key does not belong to the certificate',
  ],
  [
    '  cert_file: server.crt\n  key_file: locked.key',
    '3:13: tls_server_config.key_file: locked.key holds a key with a passphrase, which is not supported; remove the passphrase',
  ],
  [
    '  cert_file: broken.crt\n  key_file: server.key',
    '2:14: tls_server_config.cert_file: broken.crt holds a certificate that cannot be decoded',
  ],
  [
    '  cert_file: server.crt\n  cert: x\n  key_file: server.key',
    '3:3: tls_server_config.cert: Give either cert or cert_file',
  ],
  [
    '  cert_file: server.crt\n  key_file: server.key\n  client_ca_file: client-ca.crt',
    '4:3: tls_server_config.client_ca_file: No effect while client_auth_type is NoClientCert, the default: choose another',
  ],
  [
    '  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: NoClientCert\n  client_allowed_sans: [a]',
    '5:3: tls_server_config.client_allowed_sans: No effect while client_auth_type is NoClientCert, the default: choose another',
  ],
  [
    '  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAnyClientCert\n  client_allowed_sans: []',
    '5:24: tls_server_config.client_allowed_sans: An empty list would refuse every client',
  ],
  [
    '  cert_file: server.crt\n  key_file: server.key\n  client_auth_type: RequireAnyClientCert\n  client_ca_file: server.key',
    '5:19: tls_server_config.client_ca_file: server.key holds no certificate in PEM (BEGIN CERTIFICATE)',
  ],
])('TLS settings that cannot work are refused:\n%s', async (yaml, problem) => {
  expect(await problems(`tls_server_config:\n${yaml}\n`)).toContain(problem);
});

test.each(['VerifyClientCertIfGiven', 'RequireAndVerifyClientCert'])(
  '%s without a CA verifies with the CAs that the system trusts, and warns',
  async (type) => {
    const { tls, warnings } = await load(`${TLS}  client_auth_type: ${type}\n`);
    expect(tls?.settings.clientCa).toEqual(existsSync(SYSTEM_ROOTS) ? { file: SYSTEM_ROOTS } : undefined);
    expect(warnings).toEqual([
      `${join(directory, 'web.yaml')}:4:21: tls_server_config.client_auth_type: ` +
        'Every certificate of a CA that this system trusts is accepted: set client_ca_file to the CA of your clients',
    ]);
  },
);

test('without a list every suite has forward secrecy, also with old TLS versions', async () => {
  for (const version of ['', '  min_version: TLS10\n']) {
    const { tls } = await load(TLS + version);
    const names = String(tls?.material.options.ciphers).replace(':@SECLEVEL=0', '').split(':');
    expect(names).toHaveLength(13);
    for (const name of names) expect(name).toMatch(/^(?:TLS_|ECDHE-)/);
  }
});

test('booleans of YAML 1.1 and empty texts mean what they mean in Go', async () => {
  const { tls } = await load(
    `${TLS}  client_auth_type: ""\n  client_ca_file: ""\n  client_ca: ''\n  cert: ""\n  prefer_server_cipher_suites: off\n` +
      'http_server_config: { http2: on }\n',
  );
  expect(tls?.settings).toMatchObject({ clientAuth: { request: false }, clientCa: undefined, honorCipherOrder: false });
  for (const yes of ['y', 'Yes', 'ON', 'True']) {
    const { tls: set } = await load(`${TLS}  prefer_server_cipher_suites: ${yes}\n`);
    expect(set?.settings.honorCipherOrder, yes).toBe(true);
  }
  expect(await problems('http_server_config: { http2: "on" }')).toHaveLength(1);
  expect(await problems('tls_server_config: { cert_file: "", key_file: "" }')).toEqual([
    '1:1: tls_server_config: TLS needs cert_file, or cert',
    '1:1: tls_server_config: TLS needs key_file, or key',
  ]);
});

test('a hash may end with a line break', async () => {
  expect((await load(`basic_auth_users:\n  a: |\n    ${HASH}\n`)).users).toEqual(new Map([['a', HASH]]));
});

test('a hash above cost 13 is used, with a warning that does not repeat it', async () => {
  const hash = (cost: number): string => HASH.replace('$10$', `$${cost}$`);
  const { users, warnings } = await load(`basic_auth_users: { a: ${hash(13)}, b: ${hash(14)} }`);
  expect(users.size).toBe(2);
  expect(warnings).toEqual([
    `${join(directory, 'web.yaml')}:1:${29 + hash(13).length}: basic_auth_users.b: ` +
      'A hash of bcrypt cost 14 makes logins slow, and others wait meanwhile: use cost 10 to 12',
  ]);
});

test.each(['$2x$10$', '$2b$03$', '$2b$32$', '$1$10$', ''])('%s does not start a bcrypt hash', async (start) => {
  expect(await problems(`basic_auth_users: { a: '${start}${HASH.slice(7)}' }`)).toHaveLength(1);
  expect(await problems(`basic_auth_users: { a: '${HASH}=' }`)).toHaveLength(1);
});

test('a password that was left in place of its hash is not repeated', async () => {
  expect((await problems('basic_auth_users:\n  alice: pass-in-clear\n')).join()).not.toContain('pass-in-clear');
});

test('the example documents every key and loads', async () => {
  const example = await readFile(EXAMPLE, 'utf8');
  for (const key of Object.values(WEB_CONFIG_KEYS).flat()) {
    expect(example.includes(`${key}:`) || example.includes(`as ${key}.`), key).toBe(true);
  }
  const { tls, users, headers } = await load(example);
  expect(tls?.settings).toMatchObject({ clientAuth: { require: true, verify: true } });
  expect([...users.keys()]).toEqual(['prometheus']);
  expect(Object.keys(headers)).toHaveLength(5);

  const commentedOut = /^( *)# (?=client_allowed_sans:| {2}- prometheus|rate_limit:| {2}interval:| {2}burst:)/gm;
  const more = await load(example.replace(commentedOut, '$1'));
  expect(more.rateLimit).toEqual({ intervalMs: 100, burst: 20 });
  expect(more.tls?.settings.clientAllowedSans).toEqual(['prometheus.example.com']);
});

test.skipIf(!installed('promtool'))('promtool accepts the example', async () => {
  await writeFile(join(directory, 'example.yaml'), await readFile(EXAMPLE));
  const { status, stderr } = spawnSync('promtool', ['check', 'web-config', 'example.yaml'], {
    cwd: directory,
    encoding: 'utf8',
  });
  expect({ status, stderr }).toMatchObject({ status: 0 });
});
