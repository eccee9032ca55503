import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import {
  type CallCenterConfig,
  type Config,
  DEFAULT_POLL,
  DEFAULT_SIGNING,
  DEFAULT_TLS,
} from '../../src/config/schema.ts';
import { OperationError } from '../../src/core/errors.ts';
import type { OpeningPlan } from '../../src/config/opening-plan.ts';
import { DEFAULT_TARGETS, type Targets } from '../../src/config/targets.ts';
import { Exporter } from '../../src/exporter/exporter.ts';
import { createLogger } from '../../src/core/log.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { noStorage, type Storage } from '../../src/storage/ledger-store.ts';
import { createTelemetry, type Telemetry } from '../../src/exposition/self-metrics.ts';
import { textOf } from '../support/self-metrics.ts';
import { WINDOW_MS, windowAt } from '../../src/core/window.ts';
import { eventually } from '../support/eventually.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { DEFAULT_LINE, vdnConfig } from '../support/snapshots.ts';

let clock: FakeClock;
let simulator: Simulator;
let exporter: Exporter;
let telemetry: Telemetry;
let log: string;

function callCenter(name: string, ids: readonly number[], more: Partial<CallCenterConfig> = {}): CallCenterConfig {
  return {
    name,
    url: simulator.url,
    ccId: 1,
    accessKey: 'demo-access-key',
    secretKey: { value: 'demo-secret-key' },
    vdns: ids.map(vdnConfig),
    ...DEFAULT_LINE,
    queues: undefined,
    poll: DEFAULT_POLL,
    tls: DEFAULT_TLS,
    proxyUrl: undefined,
    signing: DEFAULT_SIGNING,
    ...more,
  };
}

const configOf = (...callCenters: CallCenterConfig[]): Config => ({ callCenters, vdnLabelNames: [], warnings: [] });

async function start(
  config: Config,
  environment: Record<string, string> = {},
  storage: Storage = noStorage,
): Promise<void> {
  telemetry = createTelemetry('test');
  log = '';
  exporter = await Exporter.create(config, {
    clock,
    logger: createLogger('debug', 'logfmt', { write: (line) => (log += line) }),
    telemetry,
    storage,
    proxyEnvironment: environment,
    random: () => 0.5,
  });
  exporter.start();
}

async function change(config: Config): Promise<void> {
  await (await exporter.prepare(config)).commit();
}

const center = (name: string) => {
  const found = exporter.callCenters().find(({ config }) => config.name === name);
  if (found === undefined) throw new Error(`No call center ${name}`);
  return found;
};

const totals = (name: string) =>
  Object.fromEntries(
    center(name)
      .snapshot()
      .vdns.map(({ id, totals: { inbound, windows } }) => [id, { inbound, windows }]),
  );

/** Goes to the moment when the next window is polled, and waits until it was counted. */
async function nextWindow(name: string): Promise<number> {
  // A request under way would time out by the jump.
  await eventually(() => exporter.callCenters().every((each) => (each.status().nextPollAt ?? 0) > clock.now()));
  const start = windowAt(clock.now());
  clock.advance(start + WINDOW_MS + 11_000 - clock.now());
  await eventually(() =>
    center(name)
      .snapshot()
      .vdns.every(({ window }) => window?.start === start),
  );
  return start;
}

beforeEach(async () => {
  clock = new FakeClock(Date.now(), { sleeps: 'real', runs: true });
  // Away from the end of a window, so that none ends while a test looks.
  clock.advance(windowAt(clock.now()) + WINDOW_MS + 60_000 - clock.now());
  simulator = await startSimulator({ flat: true, now: () => clock.now() });
});

afterEach(async () => {
  await exporter.stop();
  await simulator.close();
});

describe('a change of the config', () => {
  it('keeps the counters of the VDNs that stay, and the data and the schedule of call centers that are the same', async () => {
    await start(configOf(callCenter('changed', [1, 2]), callCenter('same', [4])));
    await eventually(() => exporter.isReady());
    const first = await nextWindow('changed');
    await eventually(() => center('same').snapshot().vdns[0]?.totals.windows === 1);
    const inbound = (vdn: number, start: number) => simulator.truth(vdn, start).inbound;
    expect(totals('changed')).toEqual({
      1: { inbound: inbound(1, first), windows: 1 },
      2: { inbound: inbound(2, first), windows: 1 },
    });
    const same = { center: center('same'), status: center('same').status(), snapshot: center('same').snapshot() };

    await change(configOf(callCenter('same', [4]), callCenter('changed', [2, 3])));
    expect(totals('changed')).toEqual({ 2: { inbound: inbound(2, first), windows: 1 }, 3: { inbound: 0, windows: 0 } });
    expect(center('same')).toBe(same.center);
    expect(center('same').status()).toBe(same.status);
    expect(center('same').snapshot()).toBe(same.snapshot);
    expect(same.status.nextPollAt).toBeGreaterThan(clock.now());
    expect(exporter.isReady()).toBe(true);

    const closed: OpeningPlan = { timeZone: 'UTC', week: [], dates: new Map() };
    const targets: Targets = { ...DEFAULT_TARGETS, answer_ratio: { warning: 0.95, critical: undefined } };
    const lines = [vdnConfig(2), { ...vdnConfig(3), targets, openingHours: closed }];
    await change(configOf(callCenter('same', [4]), callCenter('changed', [2, 3], { vdns: lines })));
    expect(totals('changed')).toEqual({ 2: { inbound: inbound(2, first), windows: 1 }, 3: { inbound: 0, windows: 0 } });
    const shown = center('changed').snapshot().vdns;
    expect(shown.map(({ opening }) => opening.isOpen)).toEqual([true, false]);
    expect(shown.map((vdn) => vdn.targets)).toEqual([DEFAULT_TARGETS, targets]);
    expect(center('same')).toBe(same.center);

    const second = await nextWindow('changed');
    expect(totals('changed')).toEqual({
      2: { inbound: inbound(2, first) + inbound(2, second), windows: 2 },
      3: { inbound: inbound(3, second), windows: 1 },
    });
  });

  it('that cannot be set up changes nothing, and leaves no trace in the metrics', async () => {
    await start(configOf(callCenter('main', [1])));
    await eventually(() => exporter.isReady());
    const status = center('main').status();
    const folder = mkdtempSync(join(tmpdir(), 'aicc-tls-'));
    const certFile = join(folder, 'cert.pem');
    writeFileSync(certFile, '-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----\n');
    const gone = { ...DEFAULT_TLS, caFile: join(folder, 'gone.pem') };
    const bad = configOf(
      callCenter('new', [5]),
      callCenter('main', [1, 2], { tls: gone }),
      callCenter('other', [6], { tls: { ...DEFAULT_TLS, certFile, keyFile: certFile } }),
    );
    const failure: unknown = await exporter.prepare(bad).catch((error: unknown) => error);
    rmSync(folder, { recursive: true });
    expect(failure).toBeInstanceOf(OperationError);
    const lines = (failure as Error).message.split('\n');
    expect(lines).toEqual([
      'Call center main: Cannot read a file in tls: no such file',
      expect.stringMatching(/^Call center other: Cannot set up TLS or proxy \(ERR_/),
    ]);
    expect(String(failure)).not.toContain(folder);
    expect(center('main').status()).toBe(status);
    expect(await textOf(telemetry)).not.toMatch(/call_center="(new|other)"/);

    await nextWindow('main');
    expect(totals('main')[1]?.windows).toBe(1);
  });

  it('reads the ledger of a new call center once, before anything is changed', async () => {
    const loaded: string[] = [];
    const load = (name: string) => {
      loaded.push(name);
      return noStorage.load(name);
    };
    await start(configOf(callCenter('main', [1])), {}, { ...noStorage, load });
    const prepared = await exporter.prepare(configOf(callCenter('main', [1, 2]), callCenter('new', [5])));
    expect(loaded).toEqual(['main', 'new']);
    await prepared.commit();
    expect(loaded).toEqual(['main', 'new']);
    await eventually(() => exporter.isReady());
  });

  it('waits for the call center that it replaces', async () => {
    const saves: string[] = [];
    let isSlow = false;
    let finish = (): void => undefined;
    const save = async () => {
      saves.push('begins');
      if (isSlow) await new Promise<void>((resolve) => (finish = resolve));
      saves.push('ends');
    };
    await start(configOf(callCenter('main', [1])), {}, { ...noStorage, save });
    await eventually(() => exporter.isReady() && (center('main').status().nextPollAt ?? 0) > clock.now());
    saves.length = 0;
    isSlow = true;
    clock.advance(windowAt(clock.now()) + WINDOW_MS + 11_000 - clock.now());
    await eventually(() => saves.length > 0);
    isSlow = false;
    const changed = change(configOf(callCenter('main', [1, 2])));
    await delay(100);
    finish();
    await changed;
    // What the old one counted is stored before the new one continues from it.
    expect(saves.slice(0, 4)).toEqual(['begins', 'ends', 'begins', 'ends']);
    expect(totals('main')[1]?.windows).toBe(1);
  });

  it('that is given up leaves no trace either', async () => {
    await start(configOf(callCenter('main', [1])));
    await (await exporter.prepare(configOf(callCenter('new', [5])))).discard();
    expect(exporter.callCenters().map(({ config }) => config.name)).toEqual(['main']);
    expect(await textOf(telemetry)).not.toContain('"new"');
    await eventually(() => exporter.isReady());
    expect(log).not.toContain('new');
  });

  it('to a proxy of the environment that is no URL is refused', async () => {
    const plain = simulator.url;
    await start(configOf(callCenter('main', [1])), { https_proxy: 'http://[' });
    const https = callCenter('main', [1], { url: plain.replace('http:', 'https:') });
    await expect(exporter.prepare(configOf(https))).rejects.toThrow(OperationError);
    await eventually(() => exporter.isReady());
    expect(center('main').config.url).toBe(plain);
  });
});

describe('VDNs that do not exist', () => {
  it('cost nothing but their place in the regular polls, and are named once', async () => {
    await simulator.close();
    simulator = await startSimulator({ vdns: [199, 200], flat: true, now: () => clock.now() });
    await start(configOf(callCenter('main', [199, 200, 201, 202, 203, 204, 205])));
    const isAsleep = () => (center('main').status().nextPollAt ?? 0) > clock.now();
    for (let second = 0; second < 18 * 60; second += 5) {
      await eventually(isAsleep);
      clock.advance(5_000);
    }
    await eventually(isAsleep);
    expect(center('main').status()).toMatchObject({ isFailing: false, silentVdns: [201, 202, 203, 204, 205] });
    expect(simulator.counters.requests).toBeLessThanOrEqual(5);
    const warnings = log.split('\n').filter((line) => line.includes('No rows so far'));
    expect(warnings).toEqual([expect.stringContaining('No rows so far for VDN 201-205: check the ids and cc_id')]);

    // A changed call center keeps what it knows, for the ids that stay.
    await change(configOf(callCenter('main', [199, 204, 205])));
    await eventually(() => center('main').status().polls > 4);
    expect(center('main').status().silentVdns).toEqual([204, 205]);
    expect(log.split('\n').filter((line) => line.includes('No rows so far'))).toHaveLength(1);
  });
});
