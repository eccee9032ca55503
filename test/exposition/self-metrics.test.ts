import { describe, expect, it } from 'vitest';
import { SELF_METRICS } from '../../src/exposition/self-metric-table.ts';
import { createTelemetry, familiesOf } from '../../src/exposition/self-metrics.ts';
import { textOf } from '../support/self-metrics.ts';

const REPORT = { durationMs: 120, failure: undefined, resultCode: undefined, skewMs: undefined };

describe('the metrics of the exporter', () => {
  it('are those of the metric table, by name, type, help and labels', async () => {
    const { collect, callCenter, configLoaded } = createTelemetry('1.2.3');
    callCenter('hq').vdnsConfigured(1);
    configLoaded(true, 0);
    const described = familiesOf(await collect()).map(({ name, type, help }) => ({ name, type, help }));
    const table = Object.values(SELF_METRICS).map(({ name, type, help }) => ({ name, type, help }));
    const byName = (a: { name: string }, b: { name: string }) => a.name.localeCompare(b.name);
    expect(described.sort(byName)).toEqual(table.sort(byName));
  });

  it('exist from the start, at 0 where nothing has happened', async () => {
    const telemetry = createTelemetry('1.2.3');
    telemetry.callCenter('hq');
    const text = await textOf(telemetry);
    expect(text).toContain('aicc_cti_up{call_center="hq"} 0');
    for (const reason of ['auth', 'http', 'api', 'network', 'timeout', 'tls', 'invalid', 'incomplete']) {
      expect(text).toContain(`aicc_cti_poll_failures_total{call_center="hq",reason="${reason}"} 0`);
    }
    // What is not known yet is not there.
    expect(text).not.toMatch(/^aicc_cti_(last_success|clock_skew|tls_peer|vdns_configured)\w*\{/m);
  });

  it.each([
    ['0100002', '0100002'],
    ['4711', 'other'],
  ])('count the failure that the CMS reports with code %s as %s', async (resultCode, label) => {
    const telemetry = createTelemetry('1.2.3');
    telemetry.callCenter('hq').request({ ...REPORT, failure: 'api', resultCode });
    expect(await textOf(telemetry)).toContain(`aicc_cti_api_errors_total{call_center="hq",code="${label}"} 1`);
  });

  it('of a call center that leaves vanish without a trace', async () => {
    const telemetry = createTelemetry('1.2.3');
    const left = telemetry.callCenter('left');
    left.vdnsConfigured(3);
    left.vdnsReporting(() => 3);
    left.certificate(1);
    left.request({ ...REPORT, skewMs: 5, failure: 'api', resultCode: '0100002' });
    left.poll({ durationSeconds: 1, endedAt: 1, failure: undefined });
    left.settled(12);
    left.rejected('negative');
    telemetry.callCenter('stays');
    left.remove();
    const text = await textOf(telemetry);
    expect(text).not.toContain('left');
    expect(text).toContain('call_center="stays"');
  });
});
