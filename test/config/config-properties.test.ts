import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { stringify } from 'yaml';

import { loadConfig } from '../../src/config/load.ts';
import { renderEffectiveConfig } from '../../src/config/effective-config.ts';
import { CONFIG_KEYS } from '../../src/config/schema.ts';
import type { Config } from '../../src/config/schema.ts';
import { ConfigError } from '../../src/core/errors.ts';

let file: string;
beforeAll(async () => {
  file = join(await mkdtemp(join(tmpdir(), 'config-')), 'c.yaml');
});
afterAll(() => rm(join(file, '..'), { recursive: true }));

/** The config, or the text of its ConfigError; anything else that is thrown fails the test. */
async function load(text: string, env: Readonly<Record<string, string>> = {}): Promise<Config | string> {
  await writeFile(file, text);
  try {
    return await loadConfig(file, env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    expect(error.problems.length).toBeGreaterThan(0);
    const lines = error.problems.map(({ line }) => line ?? 0);
    expect(lines).toEqual([...lines].sort((a, b) => a - b));
    return error.message;
  }
}

const key = fc.oneof(fc.constantFrom(...Object.values(CONFIG_KEYS).flat(), '<<'), fc.string());
const { value: anyValue } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5, withCrossShrink: true },
    fc.oneof(
      fc.constantFrom('all', '10s', '1-5', 'https://cms.example.com', 'host', true, null, '${A}', '${A:-b}', '${'),
      fc.string(),
      fc.integer(),
      fc.double(),
    ),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 8 }),
  ),
}));

describe('Whatever the file holds', () => {
  it('it loads or is a ConfigError: arbitrary text', async () => {
    const fragment = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 10 }),
      fc.constantFrom('\n', '  ', ': ', '- ', '&a ', '*a', '<<: ', '"', "'", '{', '}', '[', ']', ', ', '!!set ', '|\n'),
      fc.constantFrom('---\n', '%YAML 1.1\n', '? ', '#', '\t', '\r', '\uFEFF', '${A}', 'call_centers:\n', 'poll:'),
    );
    const text = fc.array(fragment, { maxLength: 30 }).map((parts) => parts.join(''));
    await fc.assert(
      fc.asyncProperty(text, async (t) => {
        await load(t, { A: 'x' });
      }),
      { numRuns: 700 },
    );
  });

  it('it loads or is a ConfigError: arbitrary YAML of known keys', async () => {
    const config = fc.record({ poll: anyValue, call_centers: fc.array(anyValue, { maxLength: 3 }) });
    await fc.assert(
      fc.asyncProperty(config, async (value) => {
        await load(stringify(value), { A: 'x' });
      }),
      { numRuns: 700 },
    );
  });
});

describe('A secret', () => {
  // One that looks like a key of the config could still be named where a slip of the pen made it one.
  const secret = fc
    .array(fc.constantFrom('a', 'b', 'Z', '0', '9'), { minLength: 12, maxLength: 30 })
    .map((letters) => `X1${letters.join('')}`);

  it('is in no error, however the text around it is mutilated', async () => {
    const base = (sk: string): string =>
      [
        'poll: { timeout: 1s }',
        'call_centers:',
        '  - name: headquarters',
        '    url: https://cms.example.com',
        `    access_key: A${sk}`,
        `    secret_key: "${sk}"`,
        `    proxy_url: http://user:${sk}@proxy.example.com`,
        '    vdns: [1, 2]',
        `  - { name: branch, url: "https://u:${sk}@cms.example.com", access_key: '${sk}', secret_key: ${sk}, vdns: all }`,
        '',
      ].join('\n');
    const edits = fc.array(
      fc.record({
        at: fc.nat({ max: 500 }),
        remove: fc.nat({ max: 12 }),
        insert: fc.constantFrom(
          '',
          '\n',
          '\n  ',
          ' ',
          ':',
          ': ',
          '"',
          "'",
          '{',
          ']',
          ',',
          '!',
          '&',
          '*',
          '${',
          '\\q',
          '|',
        ),
      }),
      { minLength: 1, maxLength: 4 },
    );
    await fc.assert(
      fc.asyncProperty(secret, edits, async (sk, changes) => {
        let text = base(sk);
        for (const { at, remove, insert } of changes) text = text.slice(0, at) + insert + text.slice(at + remove);
        const result = await load(text);
        if (typeof result === 'string') expect(result).not.toContain(sk);
      }),
      { numRuns: 1500 },
    );
  });

  it('is in no error when it comes from the environment, wherever it is used', async () => {
    const places = fc.constantFrom(
      ...['name', 'url', 'cc_id', 'access_key', 'secret_key', 'secret_key_file', 'vdns', 'poll', 'tls', 'proxy_url'],
    );
    const around = fc.constantFrom(
      '${S}',
      '"${S}"',
      '[ "${S}" ]',
      '{ id: "${S}" }',
      '\n      timeout: ${S}',
      'a${S} b',
    );
    await fc.assert(
      fc.asyncProperty(secret, fc.uniqueArray(fc.tuple(places, around), { minLength: 1 }), async (sk, uses) => {
        const lines = uses.map(([where, value]) => `    ${where}: ${value}`);
        const result = await load(`call_centers:\n  -\n${lines.join('\n')}\n`, { S: sk });
        expect(result).toBeTypeOf('string');
        expect(result).not.toContain(sk);
      }),
      { numRuns: 500 },
    );
  });
});

describe('The effective config', () => {
  const labels = fc.dictionary(fc.constantFrom('team', 'floor', 'x_1'), fc.string({ minLength: 1 }), { maxKeys: 2 });
  /** Every warning fits every critical, the defaults included, whatever is inherited. */
  const thresholds = (warning: readonly unknown[], critical: readonly unknown[]) =>
    fc.oneof(
      fc.constant('off'),
      fc.record(
        { warning: fc.constantFrom('off', ...warning), critical: fc.constantFrom(false, ...critical) },
        { requiredKeys: [] },
      ),
    );
  const above = thresholds([0, 0.5, 0.9], [0.95, 1]);
  const targets = fc.oneof(
    fc.constant('off'),
    fc.record(
      {
        ...{
          answer_ratio: thresholds([0.75, 0.8, 1], [0, 0.25, 0.6]),
          occupancy_ratio: above,
          unavailable_ratio: above,
        },
        ...{ service_level: thresholds([0.8, 0.9], [0.5, 0.6]), wait_seconds: thresholds([20, 60], [120.5, 300]) },
      },
      { requiredKeys: [] },
    ),
  );
  const ranges = fc.constantFrom('closed', '24h', '8:00-20:00', '22:00-24:00', ['00:00-08:00', '08:00-09:30']);
  const date = fc.constantFrom('2026-12-24', '2026-12-25', '2028-02-29');
  const hours = fc.oneof(
    fc.constant('24h'),
    fc
      .record(
        {
          time_zone: fc.constantFrom('Europe/Berlin', 'UTC', 'Asia/Kolkata'),
          week: fc.oneof(
            fc.dictionary(fc.constantFrom('mon', 'wed', 'fri-sun'), ranges),
            fc.constant({ tue: '20:00-06:00' }),
          ),
          closed_on: fc.uniqueArray(date),
          open_on: fc.dictionary(date, ranges),
        },
        { requiredKeys: ['time_zone'] },
      )
      .filter(({ closed_on: closed = [], open_on: open = {} }) => !closed.some((day) => day in open)),
  );
  const include = fc.oneof(fc.constantFrom('all', ['10-19', 3]), fc.uniqueArray(fc.integer({ min: 1, max: 9 })));
  const queueTargets = fc.constant({ 101: { service_level: 'off', wait_seconds: { warning: 30 } }, 7: 'off' });
  const queues = fc.oneof(
    fc.constant('off'),
    fc.record({ include }, { requiredKeys: [] }),
    fc.record({ include: fc.constant('all'), targets: queueTargets }),
  );
  const vdn = fc.record(
    { id: fc.integer({ min: 1, max: 40 }), name: fc.string(), labels, targets, opening_hours: hours, queues },
    { requiredKeys: ['id', 'name', 'labels'] },
  );
  const vdns = fc.uniqueArray(vdn, { minLength: 1, selector: ({ id }) => id });
  const ms = (max: number): fc.Arbitrary<string> => fc.integer({ min: 300_000, max }).map((n) => `${n}ms`);
  const all = fc.record({ vdns: fc.constant('all') });
  const some = fc.record(
    {
      ...{ vdns, cc_id: fc.integer({ min: 1, max: 65_535 }) },
      queues: fc.oneof(
        fc.constant('off'),
        fc.record({ include, interval: fc.constant('1m30s'), request_form: fc.constantFrom('flat', 'wrapped') }),
      ),
    },
    { requiredKeys: ['vdns', 'cc_id'] },
  );
  const common = fc.record(
    {
      name: fc.string().filter((name) => name.trim() !== ''),
      url: fc.constantFrom('https://cms.example.com:28443', 'https://[::1]'),
      access_key: fc.constant('hunter2'),
      secret_key: fc.constant('hunter2'),
      targets,
      opening_hours: hours,
      poll: fc.record({ stale_after: ms(86_400_000), catch_up: ms(31 * 86_400_000) }, { requiredKeys: [] }),
      tls: fc.record({ server_name: fc.constant('cms'), insecure_skip_verify: fc.boolean() }, { requiredKeys: [] }),
      proxy_url: fc.constantFrom('http://proxy:1', 'http://hunter2:hunter2@proxy:1'),
      signing: fc.record({ headers: fc.constant(['host']), milliseconds: fc.boolean(), host: fc.constant('h:1') }),
    },
    { requiredKeys: ['name', 'url', 'access_key', 'secret_key'] },
  );
  const callCenter = fc.tuple(common, fc.oneof(all, some)).map(([own, lines]) => ({ ...own, ...lines }));

  it('loads again as the same config, apart from the secrets, which it does not show', async () => {
    const centers = fc.uniqueArray(callCenter, { minLength: 1, maxLength: 3, selector: ({ name }) => name });
    const dollars = (_: unknown, value: unknown): unknown =>
      typeof value === 'string' ? value.replaceAll('$', '$$$$') : value;
    await fc.assert(
      fc.asyncProperty(centers, async (call_centers) => {
        const config = await load(stringify({ call_centers }, dollars));
        if (typeof config === 'string') throw new Error(config);
        const text = renderEffectiveConfig(config);
        expect(text).not.toContain('hunter2');
        const again = await load(text);
        expect(withoutSecrets(again)).toEqual(withoutSecrets(config));
      }),
      { numRuns: 300 },
    );
  });

  function withoutSecrets(config: Config | string): unknown {
    if (typeof config === 'string') return config;
    const { vdnLabelNames, callCenters } = config;
    const hidden = { accessKey: '', secretKey: '' };
    return {
      vdnLabelNames,
      callCenters: callCenters.map((c) => ({ ...c, ...hidden, proxyUrl: c.proxyUrl?.replace(/\/\/.*@/, '//') })),
    };
  }
});
