import fc from 'fast-check';
import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import type { WindowField } from '../../src/cms/rows.ts';
import { INDICATORS, SEVERITIES } from '../../src/config/targets.ts';
import {
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
} from '../../src/exposition/metrics.ts';
import { collectFamilies } from '../../src/exposition/self-metrics.ts';
import type { CallCenterSnapshot, VdnState } from '../../src/exposition/snapshot-store.ts';
import { selfMetricsText, windowText, type Format } from '../../src/exposition/text-format.ts';
import { parseExposition, type Sample } from '../support/parse-exposition.ts';
import { snapshot, vdnState } from '../support/snapshots.ts';

const FORMATS = ['text', 'openmetrics'] as const;

function render(snapshots: readonly CallCenterSnapshot[], labelNames: readonly string[] = [], format: Format = 'text') {
  return [...windowText(snapshots, labelNames, format)].join('');
}

function samplesOf(text: string, format: Format): Sample[] {
  const families = parseExposition(format === 'openmetrics' ? `${text}# EOF\n` : text, format);
  return [...families.values()].flatMap(({ samples }) => samples);
}

/** What the metric table promises for the snapshots, made without the renderer. */
function expected(snapshots: readonly CallCenterSnapshot[], labelNames: readonly string[]): Sample[] {
  return snapshots.flatMap(({ callCenter, vdns }) =>
    vdns.flatMap(({ id, name, labels, ccId, window, totals, targets, opening }) => {
      const common = { call_center: callCenter, vdn: String(id) };
      const samples: Sample[] = [];
      for (const metric of window === undefined ? [] : WINDOW_METRICS) {
        for (const { field, extra } of metric.samples) {
          const raw = window?.[field];
          if (raw === undefined) continue;
          const value = metric.scale === undefined ? raw : Number(`${raw}e-2`);
          const more = extra === undefined ? {} : { [extra[0]]: extra[1] };
          samples.push({ name: metric.name, labels: { ...common, ...more }, value });
        }
      }
      if (window !== undefined) {
        samples.push({ name: WINDOW_START.name, labels: common, value: window.start / 1000 });
      }
      for (const { name: metricName, field } of TOTAL_METRICS) {
        samples.push({ name: metricName, labels: common, value: totals[field] });
      }
      const own = Object.fromEntries(labelNames.map((label) => [label, labels[label] ?? '']));
      const texts = { ...common, cc_id: String(ccId ?? ''), name, ...own };
      samples.push({ name: VDN_INFO.name, labels: texts, value: 1 });
      samples.push({ name: VDN_OPEN.name, labels: common, value: opening.isOpen ? 1 : 0 });
      for (const indicator of INDICATORS) {
        for (const severity of SEVERITIES) {
          const value = targets[indicator][severity];
          const own = { ...common, indicator, severity };
          if (value !== undefined) samples.push({ name: VDN_THRESHOLD.name, labels: own, value });
        }
      }
      return samples;
    }),
  );
}

function sorted(samples: readonly Sample[]): string[] {
  return samples.map(({ name, labels, value }) => JSON.stringify([name, Object.entries(labels).sort(), value])).sort();
}

const count = fc.nat(2 ** 31 - 1);
const nasty = fc.string({ unit: fc.constantFrom('"', '\\', '\n', '{', '}', ',', '=', 'n', 'ü', '客', '🎧', ' ') });
// Rates as an API writes them: up to three decimals.
const rate = fc.nat(100_000).map((thousandths) => thousandths / 1000);
const fields: WindowField[] = ['agentsOnline', 'talking', 'idle', 'busy', 'resting', 'inbound', 'answered', 'outbound'];
const windowOf = (id: number) =>
  fc
    .record({ ...Object.fromEntries(fields.map((field) => [field, count])), answerRate: rate }, { requiredKeys: [] })
    .map((values) => ({ vdn: id, start: 1_763_460_000_000, ...values }));
const totalsOf = fc.record({
  ...{ inbound: fc.maxSafeNat(), answered: count, outbound: count, windows: count, revised: count, missing: count },
});
const ratioOf = fc.option(fc.double({ min: 0, max: 1, noNaN: true }), { nil: undefined });
const thresholdOf = fc.record({ warning: ratioOf, critical: ratioOf });
const targetsOf = fc.record({
  ...{ answer_ratio: thresholdOf, occupancy_ratio: thresholdOf, unavailable_ratio: thresholdOf },
  ...{ service_level: thresholdOf, wait_seconds: thresholdOf },
});
const stateOf = (id: number): fc.Arbitrary<VdnState> =>
  fc.record({
    id: fc.constant(id),
    name: nasty,
    labels: fc.record({ team: nasty }, { requiredKeys: [] }),
    ccId: fc.option(count, { nil: undefined }),
    window: fc.option(windowOf(id), { nil: undefined }),
    totals: totalsOf,
    targets: targetsOf,
    opening: fc.boolean().map((isOpen) => ({ isOpen, nextChangeAt: Infinity })),
  });
const centerOf = (name: string): fc.Arbitrary<CallCenterSnapshot> =>
  fc
    .uniqueArray(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { maxLength: 4 })
    .chain((ids) => fc.tuple(...ids.map(stateOf)))
    .map((vdns) => snapshot(name, vdns));
const centers = fc.uniqueArray(nasty, { maxLength: 3 }).chain((names) => fc.tuple(...names.map(centerOf)));

describe('the text of the window data', () => {
  it.each(FORMATS)('holds exactly what the snapshots hold (%s)', (format) => {
    fc.assert(
      fc.property(centers, (snapshots) => {
        const samples = samplesOf(render(snapshots, ['team'], format), format);
        expect(sorted(samples)).toEqual(sorted(expected(snapshots, ['team'])));
      }),
    );
  });

  it('has the same samples in the same order in both formats', () => {
    const snapshots = [snapshot('a', 3), snapshot('b', 700)];
    const lines = (format: Format) =>
      render(snapshots, [], format)
        .split('\n')
        .filter((line) => !line.startsWith('#'));
    expect(lines('openmetrics')).toEqual(lines('text'));
  });

  it('names a counter without _total in the headers of OpenMetrics only', () => {
    expect(render([snapshot('a', 1)])).toContain('# TYPE aicc_cti_inbound_calls_total counter\n');
    const openMetrics = render([snapshot('a', 1)], [], 'openmetrics');
    expect(openMetrics).toContain('# TYPE aicc_cti_inbound_calls counter\n');
    expect(openMetrics).not.toMatch(/^#.*_total (counter|gauge)$/m);
  });

  it('leaves out families without samples, and shows no value that is unknown', () => {
    const text = render([snapshot('a', [vdnState(1, { window: undefined })])]);
    expect(text).not.toContain('aicc_cti_agents');
    expect(text).toContain('aicc_cti_inbound_calls_total{call_center="a",vdn="1"} 1001\n');
    expect(render([])).toBe('');
    expect(render([snapshot('a', 0)])).toBe('');
  });

  it('writes ratios without the noise of binary fractions', () => {
    const percents = Array.from({ length: 101 }, (_, percent) => percent);
    const vdns = percents.map((answerRate, index) =>
      vdnState(index + 1, { window: { vdn: index + 1, start: 0, answerRate } }),
    );
    const values = [...render([snapshot('a', vdns)]).matchAll(/^aicc_cti_window_inbound_answer_ratio\{.*\} (.*)$/gm)];
    expect(values.map(([, value]) => value)).toEqual(percents.map((percent) => String(Number(`${percent}e-2`))));
    expect(values[29]?.[1]).toBe('0.29');
  });

  it('writes large whole numbers in full', () => {
    const totals = { inbound: Number.MAX_SAFE_INTEGER, answered: 0, outbound: 0, windows: 0, revised: 0, missing: 0 };
    expect(render([snapshot('a', [vdnState(1, { totals })])])).toContain(' 9007199254740991\n');
  });

  it('escapes backslash, quote and line feed, and nothing else', () => {
    const text = render([snapshot('a', [vdnState(1, { name: 'a\\b"c\nd\tü🎧', ccId: undefined })])]);
    expect(text).toContain('cc_id="",name="a\\\\b\\"c\\nd\tü🎧"} 1\n');
  });

  it('comes in small pieces, so that rendering can pause', () => {
    const pieces = [...windowText([snapshot('a', 5000)], [], 'text')];
    expect(Math.max(...pieces.map((piece) => piece.length))).toBeLessThan(250_000);
  });
});

/** The metrics of one call center, and those of a process. */
function registries(): Registry[] {
  const ofCallCenter = (call_center: string, count: number): Registry => {
    const registers = [new Registry()];
    const failures = new Counter({
      ...{ name: 'x_failures_total', help: 'Failures "of" \\ all\nkinds', labelNames: ['call_center', 'reason'] },
      registers,
    });
    failures.inc({ call_center, reason: 'tls' }, count);
    const seconds = new Histogram({
      ...{ name: 'x_seconds', help: 'Time', labelNames: ['call_center'], buckets: [0.005, 1, 10], registers },
    });
    seconds.observe({ call_center }, 0.5);
    return registers[0] ?? new Registry();
  };
  const registry = new Registry();
  const registers = [registry];
  new Gauge({ name: 'x_unknown', help: 'Not a number', registers }).set(NaN);
  new Gauge({ name: 'x_large', help: 'Infinity', labelNames: ['sign'], registers }).set({ sign: '-' }, -Infinity);
  new Gauge({ name: 'x_empty', help: 'No samples', labelNames: ['call_center'], registers });
  new Counter({ name: 'x_misnamed', help: 'No suffix', registers }).inc();
  return [ofCallCenter('a', 2), ofCallCenter('b"\\\n,call_center="a', 3), registry];
}

describe('the text of the self-metrics', () => {
  const render = async (format: Format) =>
    selfMetricsText((await Promise.all(registries().map(collectFamilies))).flat(), format);

  it.each(FORMATS)('joins the families of several registries and is well-formed (%s)', async (format) => {
    const families = parseExposition(await render(format), format);
    const failures = families.get(format === 'text' ? 'x_failures_total' : 'x_failures');
    expect(failures?.help).toBe('Failures "of" \\ all\nkinds');
    expect(failures?.samples).toEqual([
      { name: 'x_failures_total', labels: { call_center: 'a', reason: 'tls' }, value: 2 },
      { name: 'x_failures_total', labels: { call_center: 'b"\\\n,call_center="a', reason: 'tls' }, value: 3 },
    ]);
    expect(families.get('x_seconds')?.samples.map(({ name }) => name)).toHaveLength(2 * 6);
    expect(families.get('x_unknown')?.samples[0]?.value).toBeNaN();
    expect(families.get('x_large')?.samples[0]?.value).toBe(-Infinity);
    expect(families.has('x_empty')).toBe(false);
    expect(families.get('x_misnamed')?.type).toBe(format === 'text' ? 'counter' : 'unknown');
  });

  it('has the same samples in both formats, with histogram bounds as OpenMetrics wants them', async () => {
    const [text, openMetrics] = await Promise.all([render('text'), render('openmetrics')]);
    const samples = (page: string) => page.split('\n').filter((line) => !line.startsWith('#'));
    expect(samples(openMetrics)).toEqual(samples(text));
    const bounds = [...text.matchAll(/le="([^"]*)",call_center="a"/g)].map(([, bound]) => bound);
    expect(bounds).toEqual(['0.005', '1.0', '10.0', '+Inf']);
  });
});
