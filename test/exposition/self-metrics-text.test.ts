import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';
import { selfMetricsText } from '../../src/exposition/self-metrics-text.ts';
import { escapeLabel } from '../../src/exposition/text-format.ts';
import { parseExposition } from '../support/parse-exposition.ts';

function registry(): Registry {
  const registers = [new Registry()];
  const failures = new Counter({
    ...{ name: 'x_failures_total', help: 'Failures "of" \\ all\nkinds', labelNames: ['call_center', 'reason'] },
    registers,
  });
  failures.inc({ call_center: 'a', reason: 'tls' }, 2);
  failures.inc({ call_center: 'b"\\\n,call_center="a', reason: 'tls' }, 3);
  const seconds = new Histogram({
    ...{ name: 'x_seconds', help: 'Time', labelNames: ['call_center'], buckets: [0.005, 1, 10], registers },
  });
  seconds.observe({ call_center: 'a' }, 0.5);
  new Gauge({ name: 'x_unknown', help: 'Not a number', registers }).set(NaN);
  new Gauge({ name: 'x_empty', help: 'No samples', labelNames: ['call_center'], registers });
  new Gauge({ name: 'x_other', help: 'Another label', labelNames: ['old_call_center'], registers }).set(
    { old_call_center: 'z' },
    7,
  );
  new Counter({ name: 'x_misnamed', help: 'No suffix', registers }).inc();
  const [first] = registers;
  if (first === undefined) throw new Error('no registry');
  return first;
}

describe("the exporter's own metrics", () => {
  it.each(['text', 'openmetrics'] as const)('are well-formed, scrape after scrape (%s)', async (format) => {
    const metrics = registry();
    for (let scrape = 0; scrape < 3; scrape++) {
      const families = parseExposition(selfMetricsText(await metrics.metrics(), format, undefined), format);
      const failures = families.get(format === 'text' ? 'x_failures_total' : 'x_failures');
      expect(failures?.help).toBe('Failures "of" \\ all\nkinds');
      expect(failures?.samples.map(({ name, value }) => [name, value])).toEqual([
        ['x_failures_total', 2],
        ['x_failures_total', 3],
      ]);
      expect(families.get('x_unknown')?.samples[0]?.value).toBeNaN();
      expect(families.has('x_empty')).toBe(false);
      expect(families.get('x_misnamed')?.type).toBe(format === 'text' ? 'counter' : 'unknown');
    }
  });

  it('have the same samples in both formats, histogram bounds being written as OpenMetrics wants them', async () => {
    const text = await registry().metrics();
    const samples = (format: 'text' | 'openmetrics') =>
      selfMetricsText(text, format, undefined)
        .split('\n')
        .filter((line) => !line.startsWith('#'));
    expect(samples('openmetrics')).toEqual(samples('text'));
    const bounds = [...selfMetricsText(text, 'text', undefined).matchAll(/le="([^"]*)"/g)].map(([, bound]) => bound);
    expect(bounds).toEqual(['0.005', '1.0', '10.0', '+Inf']);
  });

  it('are limited to the call centers that were asked for, and to what has no call center', async () => {
    const text = await registry().metrics();
    const shown = (name: string) =>
      [...parseExposition(selfMetricsText(text, 'text', new Set([escapeLabel(name)])), 'text').values()]
        .flatMap(({ samples }) => samples)
        .map((sample) => `${sample.name} ${sample.value}`);
    expect(shown('b"\\\n,call_center="a')).toEqual([
      'x_failures_total 3',
      'x_unknown NaN',
      'x_other 7',
      'x_misnamed 1',
    ]);
    expect(shown('a')).toContain('x_seconds_count 1');
    expect(shown('a')).not.toContain('x_failures_total 3');
  });
});
