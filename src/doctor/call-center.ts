import type { QueryResult } from '../cms/client.ts';
import { rangeUpTo } from '../cms/client.ts';
import { createClientFor } from '../cms/create-client.ts';
import { proxyFromEnvironment, type ProxyEnvironment } from '../cms/proxy.ts';
import { planQueries } from '../cms/query-plan.ts';
import { isOpen } from '../config/opening-plan.ts';
import type { CallCenterConfig } from '../config/schema.ts';
import type { Clock } from '../core/clock.ts';
import { OperationError } from '../core/errors.ts';
import { count, formatIds } from '../core/format.ts';
import { latestEnded } from '../core/window.ts';
import { type Attempt, connectionFindings } from './connection.ts';
import type { Finding, Section } from './findings.ts';
import { examineQueues } from './queues.ts';

/** A VDN that works has rows within the last hour. */
const WINDOWS = 12;

export interface DoctorContext {
  readonly clock: Clock;
  readonly environment: ProxyEnvironment;
  readonly signal: AbortSignal;
}

/** Fetches the last hour of every VDN. Stops at the first failure that leaves no rows to judge. */
async function attempt(config: CallCenterConfig, { clock, environment, signal }: DoctorContext) {
  let certificateEndsAt: number | undefined;
  let skewMs: number | undefined;
  const client = createClientFor(config, {
    clock,
    environment,
    connections: 1,
    onCertificate: (notAfterMs) => {
      certificateEndsAt = notAfterMs;
    },
    onRequest: (report) => {
      skewMs = report.skewMs ?? skewMs;
    },
  });
  const now = clock.now();
  const range = rangeUpTo(latestEnded(now), WINDOWS);
  const queries =
    config.vdns === 'all'
      ? [{ vdns: config.vdns, range }]
      : planQueries(
          config.vdns.map(({ id }) => id),
          range,
        );
  const results: QueryResult[] = [];
  try {
    for (const query of queries) {
      const result = await client.query(query, signal);
      results.push(result);
      if (result.failure !== undefined && result.failure.reason !== 'incomplete') break;
    }
  } finally {
    await client.close();
  }
  const failure = results.at(-1)?.failure;
  const proxyUrl = config.proxyUrl ?? proxyFromEnvironment(config.url, environment);
  const proxy = proxyUrl === undefined ? undefined : new URL(proxyUrl).host;
  return { results, outcome: { config, proxy, failure, certificateEndsAt, skewMs, now } satisfies Attempt };
}

/** Which VDNs have rows. A closed line may have none. */
function rowFindings({ vdns }: CallCenterConfig, results: readonly QueryResult[], now: number): Finding[] {
  const seen = new Set(results.flatMap(({ windows }) => windows.map(({ vdn }) => vdn)));
  const step = 'rows';
  if (vdns === 'all') {
    if (seen.size > 0) return [{ step, status: 'ok', detail: `${count(seen.size, 'VDN')} reported in the last hour` }];
    const remedy = 'Check cc_id, and that the CMS has statistics of the last hour';
    return [{ step, status: 'failed', detail: 'No VDN reported in the last hour', remedy }];
  }
  const silent = vdns.filter(({ id }) => !seen.has(id));
  const isClosed = ({ openingHours }: (typeof vdns)[number]) =>
    openingHours !== undefined && !isOpen(openingHours, now);
  const missing = silent.filter((vdn) => !isClosed(vdn)).map(({ id }) => id);
  const closed = silent.filter(isClosed).map(({ id }) => id);
  const detail = `${vdns.length - silent.length} of ${count(vdns.length, 'VDN')} reported in the last hour`;
  const findings: Finding[] = [];
  if (missing.length > 0) {
    const remedy = `Check the ids and cc_id; no rows of VDN ${formatIds(missing, 200)}`;
    findings.push({ step, status: 'failed', detail, remedy });
  }
  if (closed.length > 0) {
    const remedy = `Try again during opening hours; no rows of VDN ${formatIds(closed, 200)}, closed now`;
    findings.push({ step, status: 'warning', detail, remedy });
  }
  return findings.length > 0 ? findings : [{ step, status: 'ok', detail }];
}

/** Rows that the exporter would not use. */
function rejectedFindings(results: readonly QueryResult[]): Finding[] {
  const rejected = results.flatMap((result) => result.rejected);
  const [example] = rejected;
  if (example === undefined) return [];
  const detail = `${count(rejected.length, 'row')} not used (${example.reason}): ${example.detail}`;
  return [{ step: 'rows', status: 'warning', detail, remedy: 'See docs/api.md: which rows are rejected, and why' }];
}

/** Tests every step from the host name to the rows of each VDN. */
export async function examineCallCenter(config: CallCenterConfig, context: DoctorContext): Promise<Section> {
  const name = `${config.name} (${config.url})`;
  try {
    const { results, outcome } = await attempt(config, context);
    const { failure, now } = outcome;
    const findings = connectionFindings(outcome);
    const reason = failure?.reason ?? 'incomplete';
    // A permission for sysindex says nothing about the queues.
    const queues = reason === 'incomplete' || reason === 'api' ? await examineQueues(config, context) : [];
    const rows: Finding[] =
      reason === 'incomplete'
        ? [...rowFindings(config, results, now), ...rejectedFindings(results)]
        : [{ step: 'rows', status: 'skipped', detail: 'Needs all steps before' }];
    return { name, findings: [...findings, ...rows, ...queues] };
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    const remedy = 'Correct the tls section or the proxy of this call center';
    return { name, findings: [{ step: 'setup', status: 'failed', detail: error.message, remedy }] };
  }
}
