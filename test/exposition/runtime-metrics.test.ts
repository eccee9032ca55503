import { describe, expect, it } from 'vitest';
import { createRuntimeMetrics, createSelfMetrics } from '../../src/exposition/runtime-metrics.ts';
import { createTelemetry, familiesOf } from '../../src/exposition/self-metrics.ts';
import { selfMetricsText } from '../../src/exposition/text-format.ts';

describe('the metrics of the process', () => {
  it('are collected at most once a second', async () => {
    let now = 5;
    const metrics = createRuntimeMetrics({ now: () => now });
    const first = metrics();
    expect(selfMetricsText(await first, 'text')).toMatch(/^process_cpu_seconds_total \d/m);
    now += 999;
    expect(metrics()).toBe(first);
    now += 1;
    expect(metrics()).not.toBe(first);
    expect(selfMetricsText(await metrics(), 'text')).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  });

  it('are collected again when the clock was set back', () => {
    let now = 100_000;
    const metrics = createRuntimeMetrics({ now: () => now });
    const first = metrics();
    now -= 50_000;
    expect(metrics()).not.toBe(first);
  });

  it('hold no gauge that is named like a counter', async () => {
    const families = await createRuntimeMetrics({ now: () => 0 })();
    const gauges = families.filter(({ type }) => type === 'gauge').map(({ name }) => name);
    expect(gauges.length).toBeGreaterThan(5);
    expect(gauges.filter((name) => name.endsWith('_total'))).toEqual([]);
  });
});

describe('the self-metrics', () => {
  it('are the same object until something is reported, or for a second', async () => {
    let now = 0;
    const telemetry = createTelemetry('0');
    const metrics = createSelfMetrics(telemetry, { now: () => now });
    const text = async () => selfMetricsText(familiesOf(await metrics()), 'text');
    const callCenter = telemetry.callCenter('hq');
    const first = await metrics();
    expect(await text()).toContain('aicc_cti_up{call_center="hq"} 0');
    expect(await text()).toContain('process_cpu_seconds_total');
    expect(await metrics()).toBe(first);
    callCenter.poll({ durationSeconds: 1, endedAt: 1, failure: undefined });
    expect(await text()).toContain('aicc_cti_up{call_center="hq"} 1');
    let reporting = 3;
    callCenter.vdnsReporting(() => reporting);
    expect(await text()).toContain('aicc_cti_vdns_reporting{call_center="hq"} 3');
    reporting = 2; // A VDN went stale: time passed, nothing was reported.
    now += 1000;
    expect(await text()).toContain('aicc_cti_vdns_reporting{call_center="hq"} 2');
  });
});
