import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { audit } from '../../src/commands/audit.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { configFlag, type Ran, run, workFolder } from '../support/command.ts';
import { fixedClock } from '../support/fake-clock.ts';
import { installed } from '../support/installed.ts';
import { type MonitoringServer, startPrometheusOn } from '../support/monitoring.ts';

const WINDOW = 300_000;
const SECOND = 1000;
const FROM = Date.UTC(2026, 0, 5, 9);
/** Windows of the range that is audited; counting begins two windows before it and goes on for two behind it. */
const WINDOWS = 60;
const TO = FROM + WINDOWS * WINDOW;
const clock = fixedClock(TO + 3 * WINDOW);

interface Window {
  readonly inbound: number;
  readonly answered: number;
  readonly outbound: number;
}

type Counts = Window & { readonly windows: number };

const ZERO: Counts = { inbound: 0, answered: 0, outbound: 0, windows: 0 };
const METRICS = {
  inbound: 'aicc_cti_inbound_calls_total',
  answered: 'aicc_cti_inbound_calls_answered_total',
  outbound: 'aicc_cti_outbound_calls_total',
  windows: 'aicc_cti_windows_total',
} as const;

const work = workFolder();
let simulator: Simulator;
let server: MonitoringServer | undefined;

/** Windows are numbered from FROM on. */
const windowAt = (index: number): Window => simulator.truth(1, FROM + index * WINDOW);
const grown = (to: Counts, by: Window): Counts => ({
  inbound: to.inbound + by.inbound,
  answered: to.answered + by.answered,
  outbound: to.outbound + by.outbound,
  windows: to.windows + 1,
});

interface Life {
  /** First and last window that is counted. */
  readonly from?: number;
  readonly to?: number;
  readonly start?: Counts;
  readonly interval?: number;
  readonly labels?: string;
  /** Windows until a window is counted, besides 12 seconds; never when undefined. */
  readonly delay?: (index: number) => number | undefined;
  readonly value?: (index: number) => Window;
  /** Whether a scrape at that place, in windows from FROM, succeeded. */
  readonly isScraped?: (place: number) => boolean;
}

type Sample = readonly [ms: number, counts: Counts];

/** What scrapes of an exporter show that counts each window 12 seconds after its end, or later. */
function scrapes({
  from = -2,
  to = WINDOWS + 1,
  start = ZERO,
  interval = 15,
  delay,
  value,
  isScraped,
}: Life): Sample[] {
  const due: [at: number, index: number][] = [];
  for (let index = from; index <= to; index++) {
    const windows = delay === undefined ? 0 : delay(index);
    if (windows !== undefined) due.push([FROM + (index + 1 + windows) * WINDOW + 12 * SECOND, index]);
  }
  due.sort(([a], [b]) => a - b);
  const samples: Sample[] = [];
  let counts = start;
  for (let at = FROM + from * WINDOW + 7 * SECOND; at < FROM + (to + 2) * WINDOW; at += interval * SECOND) {
    while ((due[0]?.[0] ?? Infinity) <= at) counts = grown(counts, (value ?? windowAt)(due.shift()?.[1] ?? 0));
    if (isScraped?.((at - FROM) / WINDOW) ?? true) samples.push([at, counts]);
  }
  return samples;
}

/** The samples that a backfill writes. */
function history(from: number, to: number): Sample[] {
  const samples: Sample[] = [[FROM + from * WINDOW, ZERO]];
  for (let index = from; index < to; index++) {
    samples.push([FROM + (index + 1) * WINDOW, grown(samples.at(-1)?.[1] ?? ZERO, windowAt(index))]);
  }
  return samples;
}

const last = (samples: readonly Sample[]): Counts => samples.at(-1)?.[1] ?? ZERO;

/** Scenarios in which every window is counted once, whatever happened to the counters. */
const MATCHING: Readonly<Record<string, () => readonly (readonly Sample[])[]>> = {
  every_15s: () => [scrapes({})],
  every_60s: () => [scrapes({ interval: 60 })],
  reset: () => [[...scrapes({ to: 19, start: { ...ZERO, inbound: 700 } }).slice(0, -15), ...scrapes({ from: 20 })]],
  an_hour_late: () => [scrapes({ delay: (index) => (index === 25 ? 12 : 0) })],
  caught_up: () => [scrapes({ delay: (index) => (index >= 30 && index < 42 ? 42 - index : 0) })],
  not_scraped_for_an_hour: () => [scrapes({ isScraped: (place) => place < 30 || place > 42 })],
  replica_without_an_hour: () => [
    scrapes({}),
    scrapes({ delay: (index) => (index >= 30 && index < 42 ? undefined : 0) }),
  ],
  new_container_every_two_hours: () => {
    const runs: Sample[][] = [];
    for (let from = -2; from < WINDOWS; from += 24) {
      const run = scrapes({ from, to: from + 23, start: last(runs.at(-1) ?? []) });
      // The next one starts when the windows of this one have been counted and scraped.
      runs.push(
        run.filter(
          ([at]) => at >= FROM + (from === -2 ? -2 : from + 0.5) * WINDOW && at < FROM + (from + 24.4) * WINDOW,
        ),
      );
    }
    return runs;
  },
  history_then_scraped: () => [history(-2, 24), scrapes({ from: 24 }).map(([at, counts]) => [at + 8 * SECOND, counts])],
};

const hour = (from: number, to: number): string =>
  [from, to].map((index) => new Date(FROM + index * WINDOW).toISOString().replace('.000Z', 'Z')).join(' to ');

/** Scenarios with a difference, and what the report must say of it. */
const DIFFERING: Readonly<Record<string, { runs: () => readonly (readonly Sample[])[]; reports: readonly RegExp[] }>> =
  {
    down_without_storage: {
      runs: () => [[...scrapes({ to: 29 }).slice(0, -10), ...scrapes({ from: 42 })]],
      reports: [
        /windows_total: API 60, Prometheus 48 \(-12\)/,
        /Prometheus has fewer windows/,
        new RegExp(hour(30, 42)),
      ],
    },
    started_later: {
      runs: () => [scrapes({ from: 12 })],
      reports: [
        /windows_total: API 60, Prometheus 48 \(-12\)/,
        /Prometheus has fewer windows/,
        new RegExp(hour(0, 12)),
      ],
    },
    not_scraped_at_the_start: {
      runs: () => [scrapes({ isScraped: (place) => place > 2.5 })],
      reports: [/windows_total: API 60, Prometheus 58 \(-2\)/, new RegExp(hour(0, 2))],
    },
    late_at_the_end: {
      runs: () => [scrapes({ delay: (index) => (index === WINDOWS - 1 ? 2 : 0) })],
      reports: [/windows_total: API 60, Prometheus 59 \(-1\)/, new RegExp(hour(58, 60))],
    },
    counted_twice: {
      runs: () => {
        const twice = (index: number): Window => {
          const { inbound, answered, outbound } = windowAt(index);
          return index === 20
            ? { inbound: 2 * inbound, answered: 2 * answered, outbound: 2 * outbound }
            : windowAt(index);
        };
        return [scrapes({ value: twice })];
      },
      reports: [
        /inbound_calls_total: API (\d+), Prometheus \d+ \(\+\d+\)/,
        /As many windows with other values/,
        new RegExp(hour(20, 22)),
      ],
    },
    imported_over_scrapes: {
      runs: () => [[...history(20, 40), ...scrapes({})].sort(([a], [b]) => a - b)],
      reports: [/windows_total: API 60, Prometheus \d{3,} \(\+\d+\)/, /Prometheus has more windows/],
    },
    never_scraped: {
      runs: () => [],
      reports: [/windows_total: API 60, Prometheus no series \(-60\)/, /Prometheus has no series/],
    },
  };

function text(): string {
  let lines = '';
  const runs = {
    ...MATCHING,
    ...Object.fromEntries(Object.entries(DIFFERING).map(([name, differing]) => [name, differing.runs])),
  };
  for (const [name, make] of Object.entries(runs)) {
    for (const [index, samples] of make().entries()) {
      for (const [field, metric] of Object.entries(METRICS)) {
        const labels = `{call_center="${name}",vdn="1",instance="${index}"}`;
        const series = samples.map(
          ([at, counts]) => `${metric}${labels} ${counts[field as keyof Counts]} ${at / 1000}\n`,
        );
        lines += series.join('');
      }
    }
  }
  return `${lines}# EOF\n`;
}

function audited(name: string): Promise<Ran> {
  const config = configFlag(work.path(`${name}.yaml`), [{ name, simulator, more: 'vdns: [1]' }]);
  const range = [FROM, TO].map((ms) => new Date(ms).toISOString());
  const args = [config, `--prometheus.url=${server?.url ?? ''}`, `--from=${range[0] ?? ''}`, `--to=${range[1] ?? ''}`];
  return run(audit, args, { clock });
}

describe.runIf(installed('prometheus') && installed('promtool'))('the audit of a real Prometheus', () => {
  beforeAll(async () => {
    simulator = await startSimulator({ vdns: [1], flat: true, now: () => clock.now() });
    writeFileSync(work.path('samples'), text());
    const blocks = work.path('blocks');
    const args = ['tsdb', 'create-blocks-from', 'openmetrics', '--quiet', '--max-block-duration=744h'];
    execFileSync('promtool', [...args, work.path('samples'), blocks], { stdio: ['ignore', 'ignore', 'inherit'] });
    server = await startPrometheusOn(blocks);
    await server.until('vector(1)');
  });
  afterAll(async () => {
    await server?.stop();
    await simulator.close();
    work.remove();
  });

  test.each(Object.keys(MATCHING))('has nothing to say of %s', async (name) => {
    const { code, stdout } = await audited(name);
    expect(stdout).toMatch(/^OK: .*, 1 VDN, .*windows 60\n$/);
    expect(code).toBe(0);
  });

  test.each(Object.keys(DIFFERING))('reports %s', async (name) => {
    const { code, stdout } = await audited(name);
    for (const line of DIFFERING[name]?.reports ?? []) expect(stdout).toMatch(line);
    expect(stdout).toContain('1 of 1 VDN differs: ');
    expect(code).toBe(1);
  });
});
