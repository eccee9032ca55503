import { once } from 'node:events';
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type SimulatorOptions, type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { respondingWith, serveHttp, serveTcp } from '../support/local-servers.ts';
import { demo, type Program, run, runExporter } from '../support/program.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';

const directory = temporaryDirectory();
let files = 0;
function file(content: string): string {
  const path = join(directory, `${files++}.yaml`);
  writeFileSync(path, content);
  return path;
}

async function simulate(options: SimulatorOptions = {}): Promise<Simulator> {
  const simulator = await startSimulator({ flat: true, ...options });
  cleanup(() => simulator.close());
  return simulator;
}

interface Site {
  readonly name: string;
  readonly url: string;
  readonly more?: string;
}

const ACCESS_KEY = 'AKtestaccess0123456789';
const SECRET_KEY = 'SKtestsecret0123456789';

function configOf(sites: readonly Site[]): string {
  const entries = sites.map(
    ({ name, url, more = 'vdns: [1-3]' }) =>
      `  - name: ${name}\n    url: ${url}\n    access_key: ${ACCESS_KEY}\n    secret_key: ${SECRET_KEY}\n    ${more}\n`,
  );
  return file(`poll: { timeout: 1s }\ncall_centers:\n${entries.join('')}`);
}

const text = async (url: string): Promise<string> => (await fetch(url)).text();

/** The log line of a call center's failed poll. */
async function failureLine(program: Program, name: string): Promise<string> {
  return (await program.says(new RegExp(`^.*call_center=${name} .*reason=.*$`, 'm')))[0];
}

describe('the program', () => {
  test('shows what the CMS serves within seconds, and stops cleanly', async () => {
    const simulator = await simulate({ tls: true, accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
    const ca = file(simulator.caPem ?? '');
    const more = `vdns: [1-12]\n    tls: { ca_file: ${ca} }`;
    const program = await runExporter(configOf([{ name: 'hq', url: simulator.url, more }]));
    await program.says(/First poll succeeded/);
    expect((await fetch(`${program.url}/-/healthy`)).status).toBe(200);
    expect((await fetch(`${program.url}/-/ready`)).status).toBe(200);
    const metrics = await text(`${program.url}/metrics`);
    const valueOf = (name: string, labels: Record<string, string>): number => {
      const written = Object.entries(labels).map(([label, value]) => `${label}="${value}"`);
      const start = `\n${name}{${written.join()}} `;
      const [, rest = ''] = metrics.split(start);
      return Number(rest.slice(0, rest.indexOf('\n')) || NaN);
    };
    expect(valueOf('aicc_cti_up', { call_center: 'hq' })).toBe(1);
    expect(valueOf('aicc_cti_vdns_reporting', { call_center: 'hq' })).toBe(12);
    for (const vdn of simulator.vdns) {
      const labels = { call_center: 'hq', vdn: String(vdn) };
      const start = valueOf('aicc_cti_window_start_timestamp_seconds', labels) * 1000;
      const served = simulator.served(vdn, start);
      expect(valueOf('aicc_cti_agents_online', labels)).toBe(served?.agentsOnline);
      expect(valueOf('aicc_cti_agents', { ...labels, state: 'talking' })).toBe(served?.talking);
      expect(valueOf('aicc_cti_agents', { ...labels, state: 'idle' })).toBe(served?.idle);
      expect(valueOf('aicc_cti_agents', { ...labels, state: 'busy' })).toBe(served?.busy);
      expect(valueOf('aicc_cti_agents', { ...labels, state: 'resting' })).toBe(served?.resting);
      expect(valueOf('aicc_cti_window_inbound_calls', labels)).toBe(served?.inbound);
      expect(valueOf('aicc_cti_window_inbound_calls_answered', labels)).toBe(served?.answered);
      expect(valueOf('aicc_cti_window_inbound_answer_ratio', labels)).toBeCloseTo((served?.answerRate ?? NaN) / 100, 9);
      expect(valueOf('aicc_cti_window_outbound_calls', labels)).toBe(served?.outbound);
    }
    const notAfter = valueOf('aicc_cti_tls_peer_certificate_not_after_timestamp_seconds', { call_center: 'hq' });
    expect(notAfter).toBe((simulator.certificateNotAfter ?? NaN) / 1000);
    program.child.kill('SIGTERM');
    expect(await program.ended()).toBe(0);
    expect(program.stderr()).toMatch(/msg=Stopping[\s\S]*msg=Stopped\n$/);
  });

  test('tells each failure of a call center by its cause, and the others go on', async () => {
    const keys = { accessKey: ACCESS_KEY, secretKey: SECRET_KEY };
    const good = await simulate(keys);
    const refusing = await simulate({ ...keys, secretKey: 'another secret key' });
    const firewall = await simulate({ ...keys, faults: [{ kind: 'firewall' }] });
    const truncating = await simulate({ ...keys, faults: [{ kind: 'truncated' }] });
    const hanging = await simulate({ ...keys, faults: [{ kind: 'hang' }] });
    const untrusted = await simulate({ ...keys, tls: true });
    const closed = await serveHttp(respondingWith([]));
    await closed.close();
    const bad = [
      [
        'refused',
        refusing.url,
        'auth',
        'HTTP 401, the signature was refused',
        'Check access_key and secret_key, the clock',
      ],
      ['firewall', firewall.url, 'http', 'HTTP 403 with a page titled', 'source address allow-listed'],
      ['truncated', truncating.url, 'invalid', 'the response is not complete JSON', 'cut off'],
      ['hanging', hanging.url, 'timeout', 'no complete response within 1s', 'raise poll.timeout'],
      ['untrusted', untrusted.url, 'tls', 'CA', 'Set tls.ca_file'],
      ['unknown', 'http://cms.invalid', 'network', 'host', 'DNS'],
      ['closed', closed.url, 'network', 'connection refused', 'Check the port of url'],
    ] as const;
    const sites = bad.map(([name, url]) => ({ name, url }));
    const program = await runExporter(configOf([{ name: 'good', url: good.url }, ...sites]));
    for (const [name, , reason, message, hint] of bad) {
      const line = await failureLine(program, name);
      expect(line).toContain('level=warn');
      expect(line).toContain(`reason=${reason} `);
      expect(line).toContain(message);
      expect(line).toContain(hint);
    }
    await program.says(/call_center=good .*First poll succeeded|First poll succeeded.* call_center=good/);
    const metrics = await text(`${program.url}/metrics`);
    for (const [name, , reason] of bad) {
      expect(metrics).toContain(`aicc_cti_up{call_center="${name}"} 0\n`);
      expect(metrics).toMatch(
        new RegExp(`aicc_cti_poll_failures_total\\{call_center="${name}",reason="${reason}"\\} [1-9]`),
      );
      expect(metrics).toMatch(
        new RegExp(`aicc_cti_api_request_failures_total\\{call_center="${name}",reason="${reason}"\\} [1-9]`),
      );
      expect(metrics).not.toMatch(new RegExp(`aicc_cti_agents_online\\{call_center="${name}"`));
    }
    expect(metrics).toContain('aicc_cti_up{call_center="good"} 1\n');
    expect(metrics).toContain('aicc_cti_agents_online{call_center="good",vdn="3"}');
    expect((await fetch(`${program.url}/-/ready`)).status).toBe(200);

    const pages = (await Promise.all(['/', '/config', '/sd'].map((path) => text(program.url + path)))).join();
    program.child.kill('SIGINT');
    expect(await program.ended()).toBe(0);
    for (const secret of [ACCESS_KEY, SECRET_KEY, 'auth-v2'])
      expect(program.stdout() + program.stderr() + metrics + pages).not.toContain(secret);
  });
});

test('the demo shows twelve named VDNs, and one signal ends all of it', async () => {
  const program = run([], { DEMO_PORT: '0' }, demo);
  const [, port = ''] = await program.says(/Listening url=\S+:(\d+)/);
  await program.says(/Ctrl-C ends the demo/);
  const metrics = await text(`http://127.0.0.1:${port}/metrics`);
  expect(metrics.match(/^aicc_cti_agents_online\{/gm)).toHaveLength(12);
  expect(metrics).toMatch(/^aicc_cti_vdn_info\{.*name="Sales hotline".*\} 1$/m);
  expect(metrics).toContain('aicc_cti_up{call_center="demo"} 1');
  program.child.kill('SIGINT');
  expect(await program.ended()).toBe(0);
});

describe('stopping', () => {
  test.each(['SIGTERM', 'SIGINT'] as const)('by %s does not wait for a CMS that hangs', async (signal) => {
    const simulator = await simulate({ faults: [{ kind: 'hang' }] });
    const config = file(
      `call_centers: [{ name: a, url: "${simulator.url}", access_key: demo-access-key, secret_key: x, vdns: [1], poll: { timeout: 60s } }]`,
    );
    const program = await runExporter(config);
    while (simulator.counters.active === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const begun = performance.now();
    program.child.kill(signal);
    expect(await program.ended()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(5_000);
    expect(program.stderr()).not.toMatch(/level=error|poll failed/);
  });

  test('does not wait for a connection that is being made either', async () => {
    const silent = await serveTcp(() => undefined);
    cleanup(() => silent.close());
    const url = silent.url.replace('http:', 'https:');
    const config = file(
      `call_centers: [{ name: a, url: "${url}", access_key: k, secret_key: x, vdns: [1], poll: { timeout: 60s } }]`,
    );
    const program = await runExporter(config);
    while (silent.connections() === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    const begun = performance.now();
    program.child.kill('SIGTERM');
    expect(await program.ended()).toBe(0);
    expect(performance.now() - begun).toBeLessThan(5_000);
  });

  test('lets a scrape that is being read come to its end', async () => {
    const simulator = await simulate({ faults: [{ kind: 'hang' }] });
    const program = await runExporter(configOf([{ name: 'many', url: simulator.url, more: 'vdns: [1-5000]' }]));
    const [response] = (await once(get(`${program.url}/metrics`), 'response')) as [IncomingMessage];
    // Nothing is read yet: the response is larger than the buffers in between.
    program.child.kill('SIGTERM');
    await program.says(/msg=Stopping/);
    let size = 0;
    let end = '';
    response.on('data', (data: Buffer) => {
      size += data.length;
      end = (end + data.toString('latin1')).slice(-100);
    });
    await once(response, 'end');
    expect(response.complete).toBe(true);
    expect(size).toBeGreaterThan(1_000_000);
    expect(end).toMatch(/\n$/);
    expect(await program.ended()).toBe(0);
  });
});

test('a reload is refused whose new call center has a ledger that cannot be read, and the others go on', async () => {
  const simulator = await simulate({ accessKey: ACCESS_KEY, secretKey: SECRET_KEY });
  const storage = mkdtempSync(join(directory, 'storage-'));
  const old = { name: 'old', url: simulator.url };
  const config = configOf([old]);
  const program = await runExporter(config, [`--storage.path=${storage}`]);
  await program.says(/First poll succeeded/);
  const before = await text(`${program.url}/config`);
  mkdirSync(join(storage, 'new.ledger'));
  // The changed one must not be stopped for a change that does not come.
  copyFileSync(
    configOf([
      { ...old, more: 'vdns: [1-4]' },
      { ...old, name: 'new' },
    ]),
    config,
  );
  program.child.kill('SIGHUP');
  await program.says(/Configuration not reloaded/);
  expect(program.stderr()).toMatch(/Cannot read the ledger .*new\.ledger/);
  expect(await text(`${program.url}/config`)).toBe(before);
  rmSync(join(storage, 'new.ledger'), { recursive: true });
  program.child.kill('SIGHUP');
  await program.says(/Configuration reloaded/);
  program.child.kill('SIGTERM');
  expect(await program.ended()).toBe(0);
  expect(readdirSync(storage).sort()).toEqual(['new.ledger', 'old.ledger']);
});

describe('the command line', () => {
  const good = configOf([{ name: 'a', url: 'http://127.0.0.1:1' }]);

  test('a busy port ends it with exit code 1 and says which', async () => {
    const busy = await serveHttp(respondingWith([]));
    cleanup(() => busy.close());
    const program = run([`--config.file=${good}`, `--web.listen-address=127.0.0.1:${busy.port}`]);
    expect(await program.ended()).toBe(1);
    expect(program.stderr()).toMatch(
      new RegExp(`^aicc-cti-exporter: Cannot listen on 127\\.0\\.0\\.1:${busy.port}: .*in use`, 'm'),
    );
    expect(program.stderr()).not.toMatch(/^\s+at /m);
  });

  test.each([
    ['a busy port', 1, /Cannot listen on .*in use/],
    ['a bad web config', 2, /nonsense/],
    ['a ledger that cannot be read', 1, /Cannot read the ledger .*a\.ledger/],
  ])('%s ends it also with --storage.path, and lets go of the directory', async (problem, code, message) => {
    const storage = mkdtempSync(join(directory, 'storage-'));
    const args = [`--config.file=${good}`, `--storage.path=${storage}`];
    if (problem === 'a busy port') {
      const busy = await serveHttp(respondingWith([]));
      cleanup(() => busy.close());
      args.push(`--web.listen-address=127.0.0.1:${busy.port}`);
    } else args.push('--web.listen-address=127.0.0.1:0');
    if (problem === 'a bad web config') args.push(`--web.config.file=${file('nonsense: true')}`);
    if (problem === 'a ledger that cannot be read') mkdirSync(join(storage, 'a.ledger'));
    const program = run(args);
    expect(await program.ended()).toBe(code);
    expect(program.stderr()).toMatch(message);
    expect(program.stderr()).not.toMatch(/^\s+at /m);
    expect(readdirSync(storage)).toEqual(['a.ledger']);
  });

  const mistakes = file(
    [
      'poll: { settle_delay: 10 }',
      'call_centers:',
      '  - name: a',
      '    url: ftp://cms',
      '    access_key: ${NOT_SET}',
      '    secret_key: s',
      '    vdns: [1, 1]',
      '    colour: red',
    ].join('\n'),
  );

  test.each([[['serve']], [['check-config']], [['serve', '--config.check']], [[]]])(
    '%j: five mistakes are five lines with their place, and exit code 2',
    async (args) => {
      const program = run([...args, `--config.file=${mistakes}`]);
      expect(await program.ended()).toBe(2);
      for (const place of [
        '1:23: poll.settle_delay',
        '4:10: call_centers[0].url',
        '5:17: call_centers[0].access_key',
        '7:15: call_centers[0].vdns[1]',
        '8:5: call_centers[0].colour',
      ])
        expect(program.stderr()).toContain(`${mistakes}:${place}: `);
      expect(
        program
          .stderr()
          .split('\n')
          .filter((line) => line.includes(`${mistakes}:`)),
      ).toHaveLength(5);
    },
  );

  test.each([
    [['--config.check', `--config.file=${good}`], 0, 'OK: 1 call center, 3 VDNs'],
    [['check-config', `--config.file=${good}`], 0, 'OK: 1 call center, 3 VDNs'],
    [
      ['--version'],
      0,
      /^aicc-cti-exporter, version \d+\.\d+\.\d+ \(revision: \w+\)\n {2}build date: +\S+\n {2}Node\.js version: +v\d+\S+\n {2}platform: +\w+\/\w+\n$/,
    ],
    [['serve', '--version'], 0, /^aicc-cti-exporter, version \d/],
    [['--help'], 0, 'Commands:'],
    [['help'], 0, 'Commands:'],
    [['-h'], 0, 'Commands:'],
    [['query', '-h'], 0, '--debug-signature'],
    [['help', 'simulate'], 0, '--settle-lag=5s'],
    [['help', 'serve'], 0, '--web.listen-address'],
    [['check-config', '--help'], 0, '--config.file=FILE'],
    [['serve', '--help'], 0, '--config.file=FILE'],
  ])('%j: exit code %i', async (args, code, stdout) => {
    const program = run(args);
    expect(await program.ended()).toBe(code);
    if (typeof stdout === 'string') expect(program.stdout()).toContain(stdout);
    else expect(program.stdout()).toMatch(stdout);
  });

  test.each([
    [[], '--config.file=FILE is missing'],
    [['--config.file='], '--config.file=FILE is missing'],
    [['serv'], 'Unknown command "serv"'],
    [['--config.fil=x'], '--config.fil'],
    [['serve', '--config.file=x', 'more'], 'more'],
    [['--config.file=x', '--log.level=loud'], '--log.level is "loud": use one of debug, info, warn, error'],
    [['--config.file=x', '--log.format=xml'], '--log.format is "xml": use one of logfmt, json'],
    [['--config.file=x', '--web.telemetry-path=metrics'], '--web.telemetry-path'],
    [['--config.file=x', '--web.telemetry-path=/-/ready'], 'which is taken'],
    [[`--config.file=${good}`, '--web.listen-address=1.2.3.4'], 'the port is missing'],
    [['--config.file=/nonexistent.yaml'], '/nonexistent.yaml'],
  ])('%j is wrong usage: exit code 2', async (args, message) => {
    const program = run(args);
    expect(await program.ended()).toBe(2);
    expect(program.stderr()).toContain(message);
    expect(program.stderr()).not.toMatch(/^\s+at /m);
    expect(program.stdout()).toBe('');
  });

  test('a proxy of the environment that is none ends it with exit code 1, without its password', async () => {
    const program = run([`--config.file=${good}`], { HTTP_PROXY: 'socks5://user:hunter2@proxy:1080' });
    expect(await program.ended()).toBe(1);
    expect(program.stderr()).toContain('The environment variable http_proxy is not the http:// or https:// URL');
    expect(program.stderr()).not.toMatch(/hunter2|^\s+at /m);
  });
});

describe('the log', () => {
  const config = configOf([{ name: 'a b', url: 'http://127.0.0.1:1' }]);

  test.each([
    [['--config.file=/nowhere/config.yaml', '--log.format=json'], 2, 'Cannot read the config file'],
    [['--log.format', 'JSON'], 2, '--config.file=FILE is missing'],
    [[`--config.file=${config}`, '--log.format=json', '--web.listen-address=192.0.2.1:0'], 1, 'Cannot listen on'],
  ])('has a failed start in JSON, too, when requested: %j', async (args, code, message) => {
    const program = run(args);
    expect(await program.ended()).toBe(code);
    const lines = program.stderr().trim().split('\n');
    for (const line of lines) expect(JSON.parse(line)).toMatchObject({ msg: expect.any(String) as string });
    expect(program.stderr()).toContain(message);
  });

  test('takes an empty web config as none, and levels and formats in capitals', async () => {
    const program = await runExporter(config, ['--web.config.file=', '--log.level=INFO', '--log.format=LOGFMT']);
    expect(await text(`${program.url}/-/healthy`)).toBe('Healthy\n');
  });

  test('is logfmt by default', async () => {
    const program = await runExporter(config);
    await program.says(/call_center="a b"/);
    for (const line of program.stderr().trim().split('\n'))
      expect(line).toMatch(
        /^ts=\d{4}-\d\d-\d\dT[\d:.]+Z level=(info|warn) msg=("[^"]+"|\w+)( \w+=("([^"\\]|\\.)*"|[^\s"=]+))*$/,
      );
    expect(program.stdout()).toBe('');
  });

  test('is JSON when requested, and holds no more than the level lets through', async () => {
    const program = await runExporter(config, ['--log.format=json']);
    await program.says(/"call_center":"a b"/);
    for (const line of program.stderr().trim().split('\n'))
      expect(JSON.parse(line)).toMatchObject({
        level: expect.stringMatching(/info|warn/) as string,
        time: expect.any(String) as string,
      });
    const simulator = await simulate();
    const wrong = configOf([{ name: 'wrong', url: simulator.url }]);
    const quiet = run([`--config.file=${wrong}`, '--web.listen-address=127.0.0.1:0', '--log.level=error']);
    while (simulator.requests.at(-1)?.status !== 401) await new Promise((resolve) => setTimeout(resolve, 5));
    quiet.child.kill('SIGTERM');
    expect(await quiet.ended()).toBe(0);
    expect(quiet.stderr()).toBe('');
  });

  test('tells of every request and poll at the level debug', async () => {
    const program = await runExporter(config, ['--log.level=debug']);
    await program.says(/level=debug msg="Request to the CMS" call_center="a b" duration_seconds=[\d.]+/);
    await program.says(/level=debug msg=Polled call_center="a b" from=\S+Z to=\S+Z queries=1 failed=\d rows=\d+/);
  });
});
