import type { PollStatus } from '../scheduler.ts';
import type { CallCenterSnapshot } from '../store.ts';

export interface StatusPageData {
  readonly version: string;
  readonly telemetryPath: string;
  readonly callCenters: readonly { readonly snapshot: CallCenterSnapshot; readonly status: PollStatus }[];
}

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('"', '&quot;');
}

function time(ms: number | undefined): string {
  return ms === undefined ? 'never' : new Date(ms).toISOString();
}

/** The page at `/`. */
export function renderStatusPage({ version, telemetryPath, callCenters }: StatusPageData): string {
  const rows = callCenters.map(({ snapshot, status }) => {
    const failure =
      status.isFailing && status.lastFailure ? `${status.lastFailure.message}. ${status.lastFailure.hint}` : 'ok';
    return `<tr><td>${escape(snapshot.callCenter)}<td>${snapshot.vdns.length}<td>${time(status.lastPollAt)}<td>${escape(failure)}`;
  });
  return `<!doctype html><html lang="en"><meta charset="utf-8"><title>AICC CTI exporter</title>
<h1>AICC CTI exporter ${escape(version)}</h1>
<p><a href="${escape(telemetryPath)}">Metrics</a> <a href="/config">Config</a></p>
<table><tr><th>Call center<th>VDNs<th>Last poll<th>State
${rows.join('\n')}
</table></html>
`;
}
