import { describe, expect, it } from 'vitest';
import { createSelfMetricsText, createRuntimeMetrics } from '../../src/exposition/runtime-metrics.ts';
import { createTelemetry } from '../../src/exposition/self-metrics.ts';

describe('the metrics of the process', () => {
  it('are collected at most once a second', async () => {
    let now = 5;
    const metrics = createRuntimeMetrics({ monotonic: () => now });
    const first = metrics();
    expect(await first).toMatch(/^process_cpu_seconds_total \d/m);
    now += 999;
    expect(metrics()).toBe(first);
    now += 1;
    expect(metrics()).not.toBe(first);
    expect(await metrics()).toMatch(/^nodejs_eventloop_lag_p99_seconds \d/m);
  });

  it('hold no gauge that is named like a counter', async () => {
    const text = await createRuntimeMetrics({ monotonic: () => 0 })();
    const gauges = [...text.matchAll(/^# TYPE (\S+) gauge$/gm)].map(([, name]) => name);
    expect(gauges.length).toBeGreaterThan(5);
    expect(gauges.filter((name) => name?.endsWith('_total'))).toEqual([]);
  });
});

describe("the exporter's own metrics", () => {
  it('are the same text until something is reported, or for a second', async () => {
    let now = 0;
    const telemetry = createTelemetry('0');
    const metrics = createSelfMetricsText(telemetry, { monotonic: () => now });
    const callCenter = telemetry.callCenter('hq');
    const first = await metrics();
    expect(first).toContain('aicc_cti_up{call_center="hq"} 0');
    expect(first).toContain('process_cpu_seconds_total');
    expect(await metrics()).toBe(first);
    callCenter.poll({ durationSeconds: 1, endedAt: 1, failure: undefined });
    const second = await metrics();
    expect(second).toContain('aicc_cti_up{call_center="hq"} 1');
    let reporting = 3;
    callCenter.vdnsReporting(() => reporting);
    expect(await metrics()).toContain('aicc_cti_vdns_reporting{call_center="hq"} 3');
    reporting = 2; // A VDN went stale: time passed, nothing was reported.
    now += 1000;
    expect(await metrics()).toContain('aicc_cti_vdns_reporting{call_center="hq"} 2');
  });
});
