import { spawnSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ConfigError } from '../../src/core/errors.ts';
import { loadWebConfig } from '../../src/web-server/web-config.ts';
import { issue, makeCa, writePair } from '../support/certificates.ts';
import { installed } from '../support/installed.ts';

/** More runs search for new cases: FUZZ_RUNS=20000 FUZZ_SEED=7. */
const { FUZZ_RUNS = '200', FUZZ_SEED = '1' } = process.env;
/** Files that promtool checks in one run. */
const BATCH = 100;

const HASH = '$2y$10$X0h1gDsPszWURQaxFh.zoubFi6DXncSjhoQNJgRrnGs7EsimhC7zG';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'web-config-fuzz-'));
  const ca = await makeCa('Test CA');
  await writePair(directory, await issue(ca, 'localhost'));
  await writeFile(join(directory, 'ca.crt'), ca.cert);
  await writeFile(join(directory, 'other.key'), (await issue(ca, 'localhost')).key);
  await writeFile(join(directory, 'empty'), '');
});
afterAll(() => rm(directory, { recursive: true }));

/** Values as they may stand in a file, good and bad. */
const boolean = fc.constantFrom('true', 'false', 'yes', 'Off', 'n', '"true"', '1', 'maybe', '', '~', '[]');
const file = fc.constantFrom('server.crt', 'server.key', 'other.key', 'ca.crt', 'empty', 'gone', '""', '', '7', '{}');
const version = fc.constantFrom('TLS10', 'TLS11', 'TLS12', 'TLS13', 'TLS14', 'tls12', '""', '', '12', '[TLS12]');
const authType = fc.constantFrom(
  ...['NoClientCert', 'RequestClientCert', 'RequireClientCert', 'RequireAnyClientCert', 'VerifyClientCertIfGiven'],
  ...['RequireAndVerifyClientCert', 'requestclientcert', 'Nobody', '""', '', '0'],
);
const listOf = (...items: string[]) =>
  fc.oneof(
    {
      weight: 4,
      arbitrary: fc.array(fc.constantFrom(...items), { maxLength: 3 }).map((list) => `[${list.join(', ')}]`),
    },
    fc.constantFrom('', '{}', '~', items[0] ?? ''),
  );
const cipherSuites = listOf('TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_AES_128_GCM_SHA256', 'TLS_NONE', '""', '5');
const curves = listOf('CurveP256', 'X25519', 'CurveP1', '""', '23');
const hash = fc.constantFrom(
  ...[HASH, HASH.replace('2y', '2a'), HASH.replace('$10$', '$04$'), HASH.replace('$10$', '$03$'), HASH.slice(0, -1)],
  ...['secret', '""', '', '12', `"${HASH}\\n"`, '[]'],
);
const user = fc.constantFrom('admin', '"two words"', '12', 'on', '""', 'Ünal');
const header = fc.constantFrom(
  'nosniff',
  'deny',
  'sameorigin',
  'max-age=31536000',
  '1; mode=block',
  '""',
  '',
  '5',
  'DENY',
);

type Lines = readonly string[];

/** Some of the keys, each with one of its values; most of the time in a mapping. */
function mapping(name: string, keys: Readonly<Record<string, fc.Arbitrary<string>>>, more: fc.Arbitrary<Lines>) {
  const lines = Object.entries(keys).map(([key, values]) =>
    fc.option(values, { nil: undefined, freq: 1 }).map((value) => (value === undefined ? [] : [`  ${key}: ${value}`])),
  );
  const unknown = fc.integer({ min: 0, max: 30 }).map((number) => (number > 0 ? [] : ['  unknown_key: 1']));
  return fc.oneof(
    { weight: 9, arbitrary: fc.tuple(more, unknown, ...lines).map((parts) => [`${name}:`, ...parts.flat()]) },
    fc.constantFrom([`${name}: {}`], [`${name}: ~`], [`${name}: []`], [`${name}: text`]),
  );
}

const tls = mapping(
  'tls_server_config',
  {
    client_ca_file: file,
    client_auth_type: authType,
    min_version: version,
    max_version: version,
    cipher_suites: cipherSuites,
    curve_preferences: curves,
    prefer_server_cipher_suites: boolean,
  },
  fc.oneof(
    { weight: 4, arbitrary: fc.constant(['  cert_file: server.crt', '  key_file: server.key']) },
    fc.tuple(file, file).map(([cert, key]) => [`  cert_file: ${cert}`, `  key_file: ${key}`]),
    fc.constant<Lines>([]),
  ),
);
const headers = [
  'Strict-Transport-Security',
  'X-Content-Type-Options',
  'X-Frame-Options',
  'X-XSS-Protection',
  'X-Other',
];
const http = mapping(
  'http_server_config',
  { http2: boolean },
  fc.oneof(
    fc.constant<Lines>([]),
    fc.tuple(fc.constantFrom(...headers), header).map(([name, value]) => ['  headers:', `    ${name}: ${value}`]),
  ),
);
const users = fc
  .array(fc.tuple(user, hash), { maxLength: 3 })
  .map((list) => [
    'basic_auth_users:',
    ...new Map(list.map(([name, value]) => [name, `  ${name}: ${value}`])).values(),
  ]);
const config = fc
  .tuple(...[tls, http, users].map((part) => fc.option(part, { nil: [] })))
  .map((parts) => `${parts.flat().join('\n')}\n`);

/** What we refuse and the toolkit accepts, on purpose: it could not work, or not as its author thinks. */
const STRICTER: readonly RegExp[] = [
  // bcrypt in Go reads the cost of a hash that lost its last character, which then matches no password.
  /Must be a bcrypt hash/,
  // With empty file names the toolkit serves plain HTTP, whoever wrote them wanted TLS.
  /TLS needs (?:cert|key)_file/,
];
/** What the toolkit refuses at this version and we accept, on purpose. */
const MILDER: readonly RegExp[] = [
  // A header without a value is one that is not set.
  /invalid value for [\w-]+\. Expected one of: .*, but got: ""/,
];

/** Problems by file; empty for a good one. */
async function ourVerdict(path: string): Promise<string[]> {
  try {
    await loadWebConfig(path);
    return [];
  } catch (error) {
    // Anything but a list of problems is a mistake of ours.
    if (!(error instanceof ConfigError)) throw error;
    return error.message.split('\n').map((line) => line.replaceAll(`${directory}/`, ''));
  }
}

const verdictOf = (output: string, path: string): string =>
  output.split('\n').find((line) => line.includes(path)) ?? 'promtool said nothing';

test.runIf(installed('promtool'))(
  'a web config is refused exactly when promtool refuses it',
  { timeout: 600_000 },
  async () => {
    const samples = fc.sample(config, { numRuns: Number(FUZZ_RUNS), seed: Number(FUZZ_SEED) });
    const differences = new Map<string, string>();
    for (let first = 0; first < samples.length; first += BATCH) {
      const batch = samples.slice(first, first + BATCH);
      const paths = batch.map((_, index) => join(directory, `web-${index}.yaml`));
      for (const [index, path] of paths.entries()) await writeFile(path, batch[index] ?? '');
      const { stdout, stderr } = spawnSync('promtool', ['check', 'web-config', ...paths], { encoding: 'utf8' });
      for (const [index, path] of paths.entries()) {
        const ours = await ourVerdict(path);
        const theirs = verdictOf(stdout + stderr, path);
        const isAccepted = theirs.endsWith('SUCCESS');
        const reasons = isAccepted ? STRICTER : MILDER;
        const texts = isAccepted ? ours : [theirs];
        if ((ours.length === 0) === isAccepted || texts.some((text) => reasons.some((reason) => reason.test(text))))
          continue;
        differences.set(
          texts.map((text) => text.replaceAll(/web-\d+|\d+:\d+/g, '')).join(),
          `${batch[index] ?? ''}${theirs}\n${ours.join('\n')}`,
        );
      }
    }
    expect([...differences.values()]).toEqual([]);
  },
);
