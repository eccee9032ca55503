import { execFileSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { formatDuration, parseDuration } from '../../src/core/duration.ts';
import { loadConfig } from '../../src/config/load.ts';
import { renderEffectiveConfig } from '../../src/config/effective-config.ts';
import { CONFIG_KEYS, DEFAULT_POLL, DEFAULT_SIGNING, DEFAULT_TLS } from '../../src/config/schema.ts';
import type { CallCenterConfig, Config } from '../../src/config/schema.ts';
import { DEFAULT_TARGETS } from '../../src/config/targets.ts';
import { readSecret } from '../../src/config/secret.ts';
import { OperationError } from '../../src/core/errors.ts';
import { DEFAULT_LINE } from '../support/snapshots.ts';

const EXAMPLE = join(import.meta.dirname, '..', '..', 'config.example.yaml');

let directory: string;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'config-'));
});
afterEach(() => rm(directory, { recursive: true }));

async function load(text: string, env: Readonly<Record<string, string>> = {}): Promise<Config> {
  const file = join(directory, 'config.yaml');
  await writeFile(file, text);
  return loadConfig(file, env);
}

/** A config of one call center, `more` being indented like its keys. */
async function loadOne(more: string, env: Readonly<Record<string, string>> = {}): Promise<CallCenterConfig> {
  const required = { name: 'a', url: 'https://cms.example.com', access_key: 'ak', secret_key: 'sk', vdns: 'all' };
  const missing = Object.entries(required).filter(([key]) => !new RegExp(`^${key}(_file)?:`, 'm').test(more));
  const lines = [...missing.map(([key, value]) => `${key}: ${value}`), ...more.split('\n')];
  const { callCenters } = await load(`call_centers:\n  - ${lines.join('\n    ')}\n`, env);
  const [callCenter] = callCenters;
  if (callCenter === undefined) throw new Error('No call center');
  return callCenter;
}

describe('The example config', () => {
  const env = { AICC_ACCESS_KEY: 'example-ak', AICC_SECRET_KEY: 'example-sk' };

  it('loads, and what it gives as defaults are the defaults', async () => {
    const config = await loadConfig(EXAMPLE, env);
    expect(config.warnings).toEqual([]);
    expect(config.vdnLabelNames).toEqual(['team']);
    const [callCenter] = config.callCenters;
    expect(callCenter).toMatchObject({
      name: 'headquarters',
      url: 'https://cms.example.com:28443',
      ccId: 1,
      accessKey: 'example-ak',
      secretKey: { value: 'example-sk' },
      poll: { ...DEFAULT_POLL, timeoutMs: 20_000 },
      tls: DEFAULT_TLS,
      proxyUrl: undefined,
      signing: DEFAULT_SIGNING,
    });
    const vdns = callCenter?.vdns === 'all' ? [] : (callCenter?.vdns ?? []);
    expect(vdns.map(({ id }) => id)).toEqual([1, 2, 3, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19]);
    expect(vdns[1]).toMatchObject({ id: 2, name: 'Sales hotline', labels: { team: 'sales' } });
    expect(vdns[3]).toMatchObject({ id: 10, name: '', labels: { team: '' } });
    expect(vdns.map(({ targets }) => targets.answer_ratio)).toEqual([
      { warning: 0.8, critical: 0.5 },
      { warning: 0.9, critical: 0.5 },
      { warning: undefined, critical: undefined },
      ...Array.from({ length: 10 }, () => ({ warning: 0.8, critical: 0.5 })),
    ]);
    expect({ ...vdns[0]?.targets, answer_ratio: undefined }).toEqual({ ...DEFAULT_TARGETS, answer_ratio: undefined });
    expect(vdns.map(({ openingHours }) => openingHours?.week[6])).toEqual([
      [],
      [{ from: 600, to: 1080 }],
      undefined,
      ...Array.from({ length: 10 }, () => []),
    ]);
  });

  it('documents every key', async () => {
    const text = await readFile(EXAMPLE, 'utf8');
    for (const key of Object.values(CONFIG_KEYS).flat()) expect(text).toMatch(new RegExp(`^[ #-]*${key}:`, 'm'));
  });

  it('is valid with every alternative taken as well', async () => {
    const pem = ['ca_file', 'cert_file', 'key_file', 'secret_key_file'];
    const text = (await readFile(EXAMPLE, 'utf8'))
      .replace(/^ *secret_key: .*\n/m, '')
      .replace(/^( *)# ([a-z_]+: \S+)$/gm, (line, indent: string, pair: string) =>
        pem.some((key) => pair.startsWith(key)) || pair === 'vdns: all' ? line : `${indent}${pair}`,
      )
      .replace(/# secret_key_file: .*/, 'secret_key: sk');
    const { callCenters } = await load(text, env);
    expect(callCenters[0]).toMatchObject({
      proxyUrl: 'http://user:password@proxy.example.com:3128',
      tls: { serverName: 'cms.example.com' },
      signing: { host: 'cms.example.com:28443' },
    });
  });
});

describe('Values', () => {
  it('of poll come from the call center, then from the top, then from the defaults', async () => {
    const center = (name: string): string =>
      `  - { name: ${name}, url: 'https://h', access_key: ak, secret_key: sk, vdns: all`;
    const { callCenters } = await load(
      `poll: { timeout: 1s, concurrency: 8 }\ncall_centers:\n${center('a')}, poll: { timeout: 2s } }\n${center('b')} }\n`,
    );
    expect(callCenters[0]?.poll).toEqual({ ...DEFAULT_POLL, timeoutMs: 2000, concurrency: 8 });
    expect(callCenters[1]?.poll).toEqual({ ...DEFAULT_POLL, timeoutMs: 1000, concurrency: 8 });
  });

  it('may lie on both ends of their ranges', async () => {
    const least = 'settle_delay: 0, retry_interval: 1s, lookback_windows: 1, catch_up: 0s, stale_after: 5m, ';
    const most = 'settle_delay: 5m, retry_interval: 5m, lookback_windows: 12, catch_up: 31d, stale_after: 24h, ';
    expect((await loadOne(`poll: { ${least} timeout: 100ms, concurrency: 1 }`)).poll).toEqual({
      settleDelayMs: 0,
      retryIntervalMs: 1000,
      lookbackWindows: 1,
      catchUpMs: 0,
      staleAfterMs: 300_000,
      timeoutMs: 100,
      concurrency: 1,
    });
    expect((await loadOne(`poll: { ${most} timeout: 2m, concurrency: 32 }`)).poll).toEqual({
      settleDelayMs: 300_000,
      retryIntervalMs: 300_000,
      lookbackWindows: 12,
      catchUpMs: 31 * 86_400_000,
      staleAfterMs: 86_400_000,
      timeoutMs: 120_000,
      concurrency: 32,
    });
  });

  it('that are texts keep the spelling of the file, also where YAML sees a number', async () => {
    const callCenter = await loadOne('name: 2024\naccess_key: 0123\nsecret_key: 1e5');
    expect(callCenter).toMatchObject({ name: '2024', accessKey: '0123', secretKey: { value: '1e5' } });
  });

  it('that are missing count as not given where the key is optional', async () => {
    const callCenter = await loadOne('cc_id:\ntls:\npoll: ~\nproxy_url: ${PROXY:-}', { PROXY: '' });
    expect(callCenter).toMatchObject({ ccId: undefined, proxyUrl: undefined, tls: DEFAULT_TLS, poll: DEFAULT_POLL });
  });

  it('of url lose the slash and the usual port', async () => {
    expect((await loadOne('url: HTTPS://CMS.example.com:443/')).url).toBe('https://cms.example.com');
    expect((await loadOne('url: https://[2001:db8::1]:28443')).url).toBe('https://[2001:db8::1]:28443');
  });

  it('of signing.headers are lower-cased and sorted', async () => {
    expect((await loadOne('signing: { headers: [Host, Content-Length] }')).signing.headers).toEqual([
      'content-length',
      'host',
    ]);
  });

  it('may come by alias and merge key', async () => {
    const { callCenters } = await load(`
call_centers:
  - &first
    name: a
    url: https://cms.example.com
    access_key: ak
    secret_key: sk
    vdns: [1]
    poll: &poll { timeout: 1s, concurrency: 2 }
  - <<: *first
    name: b
    poll: { <<: [{ concurrency: 3 }, *poll], stale_after: 1h }
`);
    expect(callCenters[1]).toMatchObject({ name: 'b', url: 'https://cms.example.com', vdns: [{ id: 1 }] });
    expect(callCenters[1]?.poll).toMatchObject({ timeoutMs: 1000, concurrency: 3, staleAfterMs: 3_600_000 });
  });

  it('that weaken the connection load with a warning each', async () => {
    const text = `call_centers: [{ name: a, url: 'http://h', access_key: a, secret_key: s, vdns: all, tls: { insecure_skip_verify: true } }]`;
    const { warnings } = await load(text);
    expect(warnings.map((warning) => warning.replace(/^.*config\.yaml:/, ''))).toEqual([
      '1:32: call_centers[0].url: http:// sends everything unencrypted: use https:// where the CMS offers it',
      '1:114: call_centers[0].tls.insecure_skip_verify: The identity of the CMS is not verified',
    ]);
  });

  it('of files are made absolute from the directory of the config', async () => {
    await writeFile(join(directory, 'sk'), 'sk\n');
    expect((await loadOne('secret_key_file: ./sk')).secretKey).toEqual({ file: join(directory, 'sk') });
  });
});

describe('TLS files', () => {
  it("are accepted as PEM, and refused in each other's place", async () => {
    const [cert, key] = [join(directory, 'cert.pem'), join(directory, 'key.pem')];
    const request = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=a'.split(' ');
    execFileSync('openssl', [...request, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    const { tls } = await loadOne('tls: { ca_file: cert.pem, cert_file: cert.pem, key_file: key.pem }');
    expect(tls).toEqual({ ...DEFAULT_TLS, caFile: cert, certFile: cert, keyFile: key });
    const swapped = loadOne('tls: { cert_file: key.pem, key_file: cert.pem }');
    await expect(swapped).rejects.toThrow(/certificate in PEM format\n.*private key in PEM format$/);
    execFileSync('openssl', [...request, '-keyout', join(directory, 'other.pem'), '-out', '/dev/null'], {
      stdio: 'ignore',
    });
    const mixed = loadOne('tls: { cert_file: cert.pem, key_file: other.pem }');
    await expect(mixed).rejects.toThrow(/tls\.key_file: The key does not belong to the certificate of cert_file$/);
  });
});

describe('Queues', () => {
  const centers = (text: string) => `call_centers:\n${text}`;
  const center = (name: string, more: string) =>
    `  - { name: ${name}, url: 'https://h', access_key: ak, secret_key: sk, ${more} }\n`;
  const selections = ({ vdns }: CallCenterConfig) => (vdns === 'all' ? [] : vdns.map(({ queues }) => queues));

  it('are requested nowhere by default', async () => {
    const callCenter = await loadOne('cc_id: 1\nvdns: [1, 2]');
    expect(callCenter.queues).toBeUndefined();
    expect(selections(callCenter)).toEqual([[], []]);
  });

  it('come from the VDN, then from the call center, then from the top level', async () => {
    const own = '{ id: 2, queues: { include: [7, 1-3] } }, { id: 3, queues: off }, { id: 4, queues: { include: all } }';
    const { callCenters } = await load(
      `queues: { interval: 10s }\n` +
        centers(
          center('a', `cc_id: 1, vdns: [1, ${own}]`) +
            center('b', `cc_id: 1, queues: { include: [5], request_form: wrapped }, vdns: [1, ${own}]`) +
            center('c', 'queues: off, vdns: all'),
        ),
    );
    const [a, b, c] = callCenters;
    expect(a?.queues).toEqual({ include: 'all', intervalMs: 10_000, requestForm: 'flat' });
    expect(a && selections(a)).toEqual(['all', [1, 2, 3, 7], [], 'all']);
    expect(b?.queues).toEqual({ include: [5], intervalMs: 10_000, requestForm: 'wrapped' });
    expect(b && selections(b)).toEqual([[5], [1, 2, 3, 7], [], 'all']);
    expect(c?.queues).toBeUndefined();
  });

  it('may be requested of single VDNs, and need no cc_id where no VDN wants them', async () => {
    const one = await loadOne('cc_id: 1\nvdns: [1, { id: 2, queues: {} }]');
    expect(one.queues).toEqual({ include: [], intervalMs: 30_000, requestForm: 'flat' });
    expect(selections(one)).toEqual([[], 'all']);
    expect((await loadOne('queues: { include: all }\nvdns: [{ id: 2, queues: off }]')).queues).toBeUndefined();
  });

  it('may have targets of their own; what a queue does not set is as in its VDN', async () => {
    const { vdns } = await loadOne(
      'cc_id: 1\nvdns: [{ id: 2, targets: { service_level: off }, queues: { targets: { 101: { wait_seconds: { warning: 30 } }, 102: off } } }]',
    );
    const [vdn] = vdns === 'all' ? [] : vdns;
    expect(
      [...(vdn?.queueTargets ?? [])].map(([id, { service_level, wait_seconds }]) => [id, service_level, wait_seconds]),
    ).toEqual([
      [101, { warning: undefined, critical: undefined }, { warning: 30, critical: 300 }],
      [102, { warning: undefined, critical: undefined }, { warning: undefined, critical: undefined }],
    ]);
  });

  it('of 250 VDNs are the most that one request a second is enough for; others may be in the config, too', async () => {
    expect((await loadOne('cc_id: 1\nqueues: {}\nvdns: [1-250, { id: 999, queues: off }]')).queues).toBeDefined();
  });
});

describe('VDNs', () => {
  it('are sorted, ranges are inclusive, and each has every label of the config', async () => {
    const { vdns } = await loadOne(
      'vdns: [7, 3-4, { id: 5, labels: { team: a, constructor: b } }, { id: 2147483647, name: "", labels: { floor: 3 } }]',
    );
    const none = { constructor: '', floor: '', team: '' };
    expect(vdns).toEqual(
      [
        { id: 3, name: '', labels: none },
        { id: 4, name: '', labels: none },
        { id: 5, name: '', labels: { ...none, team: 'a', constructor: 'b' } },
        { id: 7, name: '', labels: none },
        { id: 2147483647, name: '', labels: { ...none, floor: '3' } },
      ].map((vdn) => ({ ...vdn, queues: [], queueTargets: new Map(), ...DEFAULT_LINE })),
    );
  });

  it('may be 5000', async () => {
    expect((await loadOne('vdns: [1-4999, 9999]')).vdns).toHaveLength(5000);
  });
});

describe('The environment', () => {
  it('fills in variables and defaults anywhere in a value, once', async () => {
    const env = { A: 'one', EMPTY: '', TRAP: '${A}$$' };
    const name = 'name: x-${A}-${B:-two: # 2}-${EMPTY:-three}-[${EMPTY}]-$${A}-$A-$-${TRAP}';
    expect((await loadOne(name.replace('${B:-two: # 2}', '${B:-two}'), env)).name).toBe(
      'x-one-two-three-[]-${A}-$A-$-${A}$$',
    );
    expect((await loadOne(`name: "\${B:-two: # 2}"`, env)).name).toBe('two: # 2');
  });

  it('gives a plain value its type, and none to a quoted one', async () => {
    const env = { CC: '7', YES: 'true', RANGE: '1-3' };
    const callCenter = await loadOne('cc_id: ${CC}\nvdns: ["${RANGE}"]\ntls:\n  insecure_skip_verify: ${YES}', env);
    expect(callCenter).toMatchObject({ ccId: 7, tls: { insecureSkipVerify: true } });
    expect(callCenter.vdns).toHaveLength(3);
    await expect(loadOne('cc_id: "${CC}"', env)).rejects.toThrow('cc_id: Must be a whole number from 1 to 65535');
  });

  it('is not looked for in comments and keys', async () => {
    await expect(loadOne('vdns: [{ id: 1, labels: { "${NO}": x } }] # ${UNSET}')).rejects.toThrow(
      /labels: A label name has letters, digits and _ only, and no digit first$/,
    );
  });

  it('does not lend names that every object has', async () => {
    await expect(loadOne('name: ${constructor}')).rejects.toThrow('Environment variable constructor is not set');
  });
});

describe('Durations', () => {
  it.each([
    ['0', 0],
    ['250ms', 250],
    ['10s', 10_000],
    ['1h30m', 5_400_000],
    ['7d', 604_800_000],
    ['1d1h1m1s1ms', 90_061_001],
  ])('%s is %i ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    expect(parseDuration(formatDuration(ms))).toBe(ms);
  });

  it.each(['', '10', '-1s', '1.5s', '1m1h', '1s1s', '1w', '10 s', '1S', 's'])('"%s" is none', (text) => {
    expect(parseDuration(text)).toBeUndefined();
  });
});

describe('A secret', () => {
  it('is the value, or the contents of the file as they are now, without line breaks at the end', async () => {
    const file = join(directory, 'sk');
    expect(await readSecret({ value: 'sk\n' })).toBe('sk\n');
    await writeFile(file, ' first \n');
    expect(await readSecret({ file })).toBe(' first ');
    await writeFile(file, 'second\r\n');
    expect(await readSecret({ file })).toBe('second');
    await writeFile(file, '\uFEFFthird\n');
    expect(await readSecret({ file })).toBe('third');
  });

  it.each([
    ['two lines', Buffer.from('hunter2\nhunter2\n'), 'must hold the secret in one line, and nothing else'],
    ['UTF-16', Buffer.from('\uFEFFhunter2', 'utf16le'), 'is not UTF-8 text'],
  ])('in a file of %s is refused, by the config and when it is read again', async (_, content, message) => {
    const file = join(directory, 'odd-secret');
    await writeFile(file, content);
    await expect(readSecret({ file })).rejects.toThrow(`secret_key_file: The file ${message}`);
    await expect(loadOne(`secret_key_file: ${file}`)).rejects.toThrow(`secret_key_file: The file ${message}`);
  });

  it.each(['"sk\\r"', '|\n      sk'])(
    'that is written as %j is refused: nobody means the line break',
    async (secret) => {
      await expect(loadOne(`secret_key: ${secret}`)).rejects.toThrow('secret_key: Must be a single line');
    },
  );

  it('that cannot be had is an error without the path', async () => {
    const file = join(directory, 'hunter2');
    const missing = await readSecret({ file }).catch((error: unknown) => error);
    expect(missing).toBeInstanceOf(OperationError);
    expect(missing).toHaveProperty('message', 'Cannot read the file of secret_key_file: no such file');
    await writeFile(file, '\r\n');
    await expect(readSecret({ file })).rejects.toThrow('secret_key_file: The file is empty');
  });
});

describe('The effective config', () => {
  it('shows every default, and no secret', async () => {
    const config = await load(
      `call_centers:
  - name: a$$b
    url: https://cms.example.com:28443
    access_key: hunter2
    secret_key: hunter2
    vdns: [1-3, 5, { id: 4, name: Four }, 6, 7]
    proxy_url: http://hunter2:hunter2@proxy.example.com:3128
`,
    );
    expect(renderEffectiveConfig(config)).toBe(`call_centers:
  - name: a$$b
    url: https://cms.example.com:28443
    access_key: <secret>
    secret_key: <secret>
    vdns:
      - 1-3
      - id: 4
        name: Four
      - 5-7
    targets:
      answer_ratio:
        warning: 0.8
        critical: 0.6
      occupancy_ratio:
        warning: 0.9
        critical: off
      unavailable_ratio:
        warning: 0.5
        critical: off
      service_level:
        warning: 0.8
        critical: 0.6
      wait_seconds:
        warning: 60
        critical: 300
    poll:
      settle_delay: 10s
      retry_interval: 15s
      lookback_windows: 2
      catch_up: 1d
      stale_after: 12m
      timeout: 10s
      concurrency: 4
    tls:
      insecure_skip_verify: false
    proxy_url: http://<secret>@proxy.example.com:3128
    signing:
      headers:
        - content-length
        - content-type
        - host
      milliseconds: true
`);
  });

  it('shows targets and opening hours where they apply, and those of a VDN that differ', async () => {
    const config = await load(
      `targets: { occupancy_ratio: off }
opening_hours:
  time_zone: Europe/Berlin
  week: { mon-thu: 08:00-20:00, fri: [08:00-12:00, "13:00-17:30"], sat-sun: 22:00-06:00 }
  closed_on: [2026-12-26, 2026-12-25]
  open_on: { 2026-12-24: 24h }
call_centers:
  - name: a
    url: https://cms.example.com
    access_key: ak
    secret_key: sk
    vdns:
      - 1-2
      - { id: 3, targets: { answer_ratio: { critical: off } } }
      - { id: 4, opening_hours: 24h }
      - { id: 5, opening_hours: { time_zone: Europe/Berlin } }
`,
    );
    expect(renderEffectiveConfig(config)).toContain(`
    vdns:
      - 1-2
      - id: 3
        targets:
          answer_ratio:
            warning: 0.8
            critical: off
          occupancy_ratio: off
          unavailable_ratio:
            warning: 0.5
            critical: off
          service_level:
            warning: 0.8
            critical: 0.6
          wait_seconds:
            warning: 60
            critical: 300
      - id: 4
        opening_hours: 24h
      - 5
    targets:
      answer_ratio:
        warning: 0.8
        critical: 0.6
      occupancy_ratio: off
      unavailable_ratio:
        warning: 0.5
        critical: off
      service_level:
        warning: 0.8
        critical: 0.6
      wait_seconds:
        warning: 60
        critical: 300
    opening_hours:
      time_zone: Europe/Berlin
      week:
        mon-thu: 08:00-20:00
        fri:
          - 08:00-12:00
          - 13:00-17:30
        sat-sun: 22:00-06:00
      closed_on:
        - 2026-12-25
        - 2026-12-26
      open_on:
        2026-12-24: 24h
`);
  });
});

describe('Targets and opening hours', () => {
  it('of a VDN win over those of the call center, and these over the top level, key by key', async () => {
    const { callCenters } = await load(`
targets: { answer_ratio: { warning: 0.9, critical: 0.5 }, occupancy_ratio: { warning: 0.95 } }
opening_hours: { time_zone: Europe/Berlin, week: { mon-fri: 08:00-20:00 }, closed_on: [2026-12-24, 2026-12-25] }
call_centers:
  - name: a
    url: https://cms.example.com
    access_key: ak
    secret_key: sk
    targets: { answer_ratio: { warning: 0.8 } }
    opening_hours: { time_zone: Asia/Kolkata, open_on: { 2026-12-24: 08:00-12:00, 2026-12-31: 24h } }
    vdns:
      - 1
      - { id: 2, targets: { answer_ratio: { critical: 0.7 } }, opening_hours: { closed_on: [2026-12-31] } }
      - { id: 3, targets: { answer_ratio: off }, opening_hours: 24h }
      - { id: 4, targets: false, opening_hours: { week: { sun-mon: 20:00-06:00 } } }
  - { name: b, url: 'https://cms', access_key: ak, secret_key: sk, vdns: all }
`);
    const [a, b] = callCenters;
    const vdns = a?.vdns === 'all' ? [] : (a?.vdns ?? []);
    const off = { warning: undefined, critical: undefined };
    expect(vdns.map(({ targets }) => targets.answer_ratio)).toEqual([
      { warning: 0.8, critical: 0.5 },
      { warning: 0.8, critical: 0.7 },
      off,
      off,
    ]);
    expect(vdns.map(({ targets }) => targets.occupancy_ratio.warning)).toEqual([0.95, 0.95, 0.95, undefined]);
    expect(b?.targets.answer_ratio).toEqual({ warning: 0.9, critical: 0.5 });

    const day = (date: string): number => Date.parse(date) / 86_400_000;
    const [office, night] = [[{ from: 480, to: 1200 }], [{ from: 1200, to: 1800 }]];
    const week = [office, office, office, office, office, [], []];
    expect(vdns.map(({ openingHours }) => openingHours)).toEqual([
      {
        timeZone: 'Asia/Kolkata',
        week,
        dates: new Map([
          [day('2026-12-24'), [{ from: 480, to: 720 }]],
          [day('2026-12-25'), []],
          [day('2026-12-31'), [{ from: 0, to: 1440 }]],
        ]),
      },
      {
        timeZone: 'Asia/Kolkata',
        week,
        dates: new Map([
          [day('2026-12-24'), [{ from: 480, to: 720 }]],
          [day('2026-12-31'), []],
        ]),
      },
      undefined,
      expect.objectContaining({ week: [night, [], [], [], [], [], night] }),
    ]);
    expect(b?.openingHours?.timeZone).toBe('Europe/Berlin');
  });

  it('that are equal are one plan, however they are written', async () => {
    const { openingHours, vdns } = await loadOne(`opening_hours: { time_zone: UTC, week: { mon-wed: 8:00-12:00 } }
vdns:
  - 1
  - { id: 2, opening_hours: { week: { mon: [08:00-12:00], tue-wed: "08:00-12:00", sun: closed }, closed_on: [] } }`);
    if (vdns === 'all') throw new Error('all');
    expect(vdns.map((vdn) => vdn.openingHours)).toEqual([openingHours, openingHours]);
    expect(vdns[1]?.openingHours).toBe(openingHours);
  });

  it('without any are the defaults, and always open', async () => {
    expect(await loadOne('opening_hours: { time_zone: UTC }')).toMatchObject(DEFAULT_LINE);
  });

  it('of dates alone mean around the clock on all others', async () => {
    const { openingHours } = await loadOne('opening_hours: { time_zone: UTC, closed_on: [2026-12-25] }');
    expect(openingHours?.week).toEqual(Array.from({ length: 7 }, () => [{ from: 0, to: 1440 }]));
  });
});
