import { describe, expect, it } from 'vitest';
import { createRuntimeMetrics } from '../src/runtime-metrics.ts';

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
