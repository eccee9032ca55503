import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { installed } from '../support/installed.ts';
import { freePort } from '../support/monitoring.ts';

const WAIT = { timeout: 20_000, interval: 100 };

type Labels = Readonly<Record<string, string>>;

const of = (alertname: string, labels: Labels = {}): Labels => ({
  ...{ alertname, job: 'aicc-cti', severity: 'critical' },
  ...{ component: /Exporter|CallCenter|Poll|NoData|WindowStale/.test(alertname) ? 'aicc-cti-exporter' : 'aicc-cti' },
  ...labels,
});
const VDN = { vdn: '7' };
const QUEUE = { ...VDN, queue: '701' };

/** A cause, what it mutes, and what it does not mute. Each has a call center of its own. */
const CASES: readonly (readonly [cause: Labels, muted: readonly Labels[], heard: readonly Labels[]])[] = [
  [of('AiccCtiCallCenterMissing'), [of('AiccCtiAnsweredShareLow', VDN), of('AiccCtiQueueWaitLong', QUEUE)], []],
  [
    of('AiccCtiPollFailing'),
    [of('AiccCtiAnsweredShareLow', VDN), of('AiccCtiWindowStale', VDN)],
    [of('AiccCtiQueueWaitLong', QUEUE), of('Other', { ...VDN, component: 'other' })],
  ],
  [of('AiccCtiNoData'), [of('AiccCtiNoAgentForCalls', VDN)], [of('AiccCtiQueueNearlyFull', QUEUE)]],
  [
    of('AiccCtiWindowStale', VDN),
    [of('AiccCtiOccupancySaturated', VDN)],
    [of('AiccCtiOccupancySaturated', { vdn: '8' }), of('AiccCtiQueueWaitLong', QUEUE)],
  ],
  [
    of('AiccCtiNoAgentForCalls', VDN),
    [of('AiccCtiAnsweredShareLow', VDN), of('AiccCtiQueueNobodySignedIn', QUEUE)],
    [of('AiccCtiQueueNobodySignedIn', { vdn: '8', queue: '801' })],
  ],
  [
    of('AiccCtiQueueNobodySignedIn', QUEUE),
    [of('AiccCtiQueueWaitLong', QUEUE), of('AiccCtiQueueServiceLevelLow', QUEUE)],
    [of('AiccCtiQueueWaitLong', { ...VDN, queue: '702' }), of('AiccCtiQueueNearlyFull', QUEUE)],
  ],
];

describe.skipIf(!installed('prometheus-alertmanager'))('the inhibition of the Alertmanager example', () => {
  const folder = mkdtempSync(join(tmpdir(), 'aicc-inhibition-'));
  let alertmanager: ChildProcess;
  let url: string;

  beforeAll(async () => {
    const port = await freePort();
    url = `http://127.0.0.1:${port}/api/v2/alerts`;
    alertmanager = spawn(
      'prometheus-alertmanager',
      [
        ...['--config.file=prometheus/alertmanager.yml', `--storage.path=${folder}`],
        ...[`--web.listen-address=127.0.0.1:${port}`, '--cluster.listen-address='],
      ],
      { stdio: 'ignore' },
    );
    await vi.waitFor(() => fetch(url), WAIT);
    const alerts = CASES.flatMap(([cause, muted, heard], index) =>
      [cause, ...muted, ...heard].map((labels) => ({ labels: { ...labels, call_center: `c${index}` } })),
    );
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/json' },
      body: JSON.stringify(alerts),
    });
    expect(response.status).toBe(200);
  }, 60_000);

  afterAll(async () => {
    const ended = once(alertmanager, 'exit');
    alertmanager.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  });

  it.each(CASES.map(([cause, ...rest], index) => [cause['alertname'], index, ...rest] as const))(
    'by %s mutes what follows from it, and nothing else',
    async (cause, index, muted, heard) => {
      const filter = new URLSearchParams({ filter: `call_center="c${index}"` }).toString();
      await vi.waitFor(async () => {
        const alerts = (await (await fetch(`${url}?${filter}`)).json()) as readonly {
          readonly labels: Labels;
          readonly status: { readonly state: string };
        }[];
        const stateOf = (wanted: Labels): string | undefined =>
          alerts.find(({ labels }) => Object.entries(wanted).every(([name, value]) => labels[name] === value))?.status
            .state;
        expect([cause, stateOf(of(String(cause)))]).toEqual([cause, 'active']);
        for (const labels of muted) expect([labels, stateOf(labels)]).toEqual([labels, 'suppressed']);
        for (const labels of heard) expect([labels, stateOf(labels)]).toEqual([labels, 'active']);
      }, WAIT);
    },
    60_000,
  );
});
