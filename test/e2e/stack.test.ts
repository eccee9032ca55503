import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import type { Alert } from '../../src/monitoring/alert.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { ruleGroups } from '../../src/monitoring/rules.ts';
import { COMMITTED, panelsOf } from '../support/dashboards.ts';
import { installed } from '../support/installed.ts';
import { selectorsOf, substitute } from '../support/promql.ts';
import { startStack, type Stack } from '../support/stack.ts';

interface ApiResponse {
  readonly status: string;
  readonly error?: string;
  readonly warnings?: readonly string[];
  readonly infos?: readonly string[];
  readonly data: { readonly result: readonly Series[] };
}
interface Series {
  readonly metric: Readonly<Record<string, string>>;
  readonly value?: readonly [number, string];
  readonly values?: readonly (readonly [number, string])[];
}
interface AlertState {
  readonly labels: Readonly<Record<string, string>>;
  readonly status: { readonly state: string; readonly inhibitedBy: readonly string[] };
  readonly fingerprint: string;
}
const RULES = ruleGroups(DEFAULT_OPTIONS).flatMap(({ rules }) => rules);
const MINUTE = 60_000;

/** What has no series while all is well, or while all lines are open. */
const mayBeEmpty = (title: string, legend: string): boolean =>
  title === 'Lines that need somebody' || ['closed', 'service level'].includes(legend);

/** Repeats a check until it passes; after the timeout, its last failure is the test's. */
const eventually = (check: () => Promise<void> | void) => vi.waitFor(check, { timeout: 45_000, interval: 500 });

const CAN_RUN = installed('prometheus') && installed('prometheus-alertmanager', 'alertmanager');

describe.runIf(CAN_RUN)('the whole stack', () => {
  let stack: Stack;

  // Busy lines, so that 20 calls are all but certain in any window. Since 40 minutes: nobody takes the calls of VDN 18, and
  // a third of those of VDN 17 is answered. Since 20 minutes: VDN 5 has no rows.
  const minutesAgo = (minutes: number) => Date.now() - minutes * MINUTE;
  const faults = [
    { kind: 'noAgents', vdns: [18], from: minutesAgo(40) },
    { kind: 'lowAnswer', vdns: [17], from: minutesAgo(40), ratio: 0.3 },
    { kind: 'silent', vdns: [5], from: minutesAgo(20) },
  ];

  beforeAll(async () => {
    stack = await startStack(faults);
  }, MINUTE);
  afterAll(() => stack.stop());

  async function callApi(path: string, parameters: Readonly<Record<string, string>>): Promise<readonly Series[]> {
    const body = new URLSearchParams(parameters);
    const response = (await (
      await fetch(`http://${stack.prometheus}/api/v1/${path}`, { method: 'POST', body })
    ).json()) as ApiResponse;
    expect(response.error, parameters['query']).toBeUndefined();
    expect([...(response.warnings ?? []), ...(response.infos ?? [])], parameters['query']).toEqual([]);
    return response.data.result;
  }

  function expectFigures(series: readonly Series[], query: string): void {
    expect(series.length, `series of ${query}`).toBeGreaterThan(0);
    for (const { value, values } of series)
      for (const [, figure] of values ?? (value === undefined ? [] : [value]))
        expect(Number.isFinite(Number(figure)), `${figure} from ${query}`).toBe(true);
  }

  const alerts = async (): Promise<readonly AlertState[]> =>
    (await (await fetch(`http://${stack.alertmanager}/api/v2/alerts`)).json()) as readonly AlertState[];
  const reached = (receiver: string, text: string): boolean =>
    stack.printed.some((line) => line.includes(`alert for ${receiver}: firing`) && line.includes(text));

  /** An alert is there, held back by another one of that name, and was never sent. */
  async function expectHeldBack(name: string, vdn: string | undefined, by: string, center = 'hq'): Promise<void> {
    const all = await alerts();
    const held = all.find(
      ({ labels }) =>
        labels['alertname'] === name && labels['vdn'] === vdn && (labels['call_center'] ?? 'hq') === center,
    );
    expect(held?.status.state, `${name} of VDN ${String(vdn)}`).toBe('suppressed');
    const sources = all.filter(({ fingerprint }) => held?.status.inhibitedBy.includes(fingerprint));
    expect(sources.map(({ labels }) => labels['alertname'])).toContain(by);
  }

  it.each(COMMITTED)(
    'has figures for every panel query of $name, now and over six hours',
    async ({ dashboard }) => {
      await eventually(async () => {
        for (const { title, interval, type, targets } of panelsOf(dashboard)) {
          const legends: string[] = [];
          for (const { expr, legendFormat } of targets) {
            const query = substitute(expr, { __interval: interval });
            const now = Math.floor(Date.now() / 1000);
            const instant = await callApi('query', { query });
            const isEmpty = mayBeEmpty(title, legendFormat);
            if (!isEmpty) expectFigures(instant, `${title}: ${query}`);
            const range = { start: String(now - 6 * 3600), end: String(now), step: interval };
            const values = await callApi('query_range', { query, ...range });
            if (!isEmpty) expectFigures(values, `${title}: ${query}`);
            if (type === 'table') continue;
            for (const { metric } of instant)
              legends.push(legendFormat.replace(/\{\{(\w+)\}\}/g, (_, label: string) => metric[label] ?? ''));
          }
          expect(new Set(legends).size, `legends of ${title}: ${legends.join(', ')}`).toBe(legends.length);
        }
      });
    },
    MINUTE,
  );

  it(
    'evaluates every rule, and every series that a rule reads is there',
    async () => {
      await eventually(async () => {
        const url = `http://${stack.prometheus}/api/v1/rules`;
        const state = (await (await fetch(url)).json()) as {
          data: { groups: readonly { rules: readonly { name: string; health: string; lastError?: string }[] }[] };
        };
        const evaluated = state.data.groups.flatMap(({ rules }) => rules);
        expect(evaluated.length).toBe(RULES.length);
        for (const { name, health, lastError } of evaluated)
          expect([name, health, lastError]).toEqual([name, 'ok', undefined]);
        for (const rule of RULES) {
          await callApi('query', { query: rule.expr });
          // Whether a line is beyond a target when the test looks is another matter.
          if ('record' in rule && !rule.record.includes('targets_missed'))
            expectFigures(await callApi('query', { query: rule.record }), rule.record);
          for (const { metric, text } of selectorsOf(rule.expr))
            if (!metric.includes(':')) expectFigures(await callApi('query', { query: text }), text);
        }
      });
    },
    MINUTE,
  );

  it(
    'carries what happens in the contact center to its lead, and holds back what follows from it',
    async () => {
      await eventually(async () => {
        expect(
          reached(
            'contact-center-lead-page',
            'AiccCtiNoAgentForCalls: Calls come in and no agent can take them: VDN 18 (Sales hotline)',
          ),
        ).toBe(true);
        expect(
          reached('contact-center-lead-page', 'AiccCtiAnsweredShareLow: Few calls are answered: VDN 17 (Orders)'),
        ).toBe(true);
        expect(reached('platform-team', 'AiccCtiWindowStale: No current data: VDN 5')).toBe(true);
        await expectHeldBack('AiccCtiAnsweredShareLow', '18', 'AiccCtiNoAgentForCalls');
      });
    },
    MINUTE,
  );

  it(
    'carries what happens in a skill queue to the lead, but not that a line without agents has queues without agents',
    async () => {
      await eventually(async () => {
        const long = /AiccCtiQueueWaitLong: A caller waits too long: queue 170\d \(\w+\) of VDN 17 \(Orders\)/;
        expect(stack.printed.some((line) => line.includes('alert for contact-center-lead') && long.test(line))).toBe(
          true,
        );
        // Nobody is on the line at all, and the lead knows.
        await expectHeldBack('AiccCtiQueueNobodySignedIn', '18', 'AiccCtiNoAgentForCalls');
      });
    },
    MINUTE,
  );

  it(
    'carries a refused signature to the platform team, once, while the failing polls are held back',
    async () => {
      await stack.setFaults([...faults, { kind: 'unauthorized' }]);
      await stack.pollNow();
      await eventually(async () => {
        expect(reached('platform-team-page', 'AiccCtiCredentialsRefused')).toBe(true);
        await expectHeldBack('AiccCtiPollFailing', undefined, 'AiccCtiCredentialsRefused');
        await expectHeldBack('AiccCtiAnsweredShareLow', '17', 'AiccCtiPollFailing');
      });
      expect(stack.printed.filter((line) => line.includes('firing critical AiccCtiPollFailing'))).toEqual([]);
    },
    MINUTE,
  );

  it(
    'mutes a call center in an outage of its polls, and only the VDNs without data when a part of it comes',
    async () => {
      const known = RULES.filter((rule): rule is Alert => 'alert' in rule);
      const firing = (call_center: string, alertname: string, vdn?: string) => {
        const rule = known.find(({ alert }) => alert === alertname);
        if (rule === undefined) throw new Error(`There is no alert ${alertname}`);
        const labels = {
          ...rule.labels,
          alertname,
          job: 'elsewhere',
          call_center,
          ...(vdn === undefined ? {} : { vdn }),
        };
        return { labels, annotations: { summary: `${call_center} ${vdn ?? ''}.` } };
      };
      const url = `http://${stack.alertmanager}/api/v2/alerts`;
      const body = JSON.stringify([
        ...['part', 'outage'].map((center) => firing(center, 'AiccCtiNoAgentForCalls', '1')),
        firing('part', 'AiccCtiNoAgentForCalls', '2'),
        firing('part', 'AiccCtiWindowStale', '2'),
        firing('part', 'AiccCtiPollIncomplete'),
        firing('outage', 'AiccCtiPollFailing'),
        firing('refused', 'AiccCtiCredentialsRefused'),
        firing('refused', 'AiccCtiPollIncomplete'),
      ]);
      const headers = { 'content-type': 'application/json' };
      expect((await fetch(url, { method: 'POST', headers, body })).status).toBe(200);
      await eventually(async () => {
        expect(reached('platform-team', 'AiccCtiPollIncomplete: part .')).toBe(true);
        expect(reached('platform-team-page', 'AiccCtiPollFailing: outage .')).toBe(true);
        expect(reached('platform-team', 'AiccCtiWindowStale: part 2.')).toBe(true);
        expect(reached('contact-center-lead-page', 'AiccCtiNoAgentForCalls: part 1.')).toBe(true);
        await expectHeldBack('AiccCtiNoAgentForCalls', '2', 'AiccCtiWindowStale', 'part');
        await expectHeldBack('AiccCtiNoAgentForCalls', '1', 'AiccCtiPollFailing', 'outage');
        await expectHeldBack('AiccCtiPollIncomplete', undefined, 'AiccCtiCredentialsRefused', 'refused');
      });
      for (const text of ['NoAgentForCalls: part 2.', 'NoAgentForCalls: outage 1.', 'PollIncomplete: refused .'])
        expect(stack.printed.filter((line) => line.includes(text))).toEqual([]);
    },
    MINUTE,
  );

  it(
    'says that the exporter is down, and nothing else about its job',
    async () => {
      process.kill(stack.exporterPid, 'SIGKILL');
      await eventually(async () => {
        expect(reached('platform-team-page', 'AiccCtiExporterDown')).toBe(true);
        await expectHeldBack('AiccCtiAnsweredShareLow', '17', 'AiccCtiExporterDown');
      });
      expect(reached('platform-team', 'AiccCtiExporterInstanceDown')).toBe(false);
    },
    MINUTE,
  );
});
