import type { PollStatus } from '../scheduler.ts';
import type { CallCenterSnapshot } from '../store.ts';
import { REPOSITORY_URL } from '../version.ts';
import { WINDOW_MS } from '../window.ts';
import { Html, html } from './html.ts';
import { STYLE_ELEMENT } from './status-style.ts';
import { formatAge, hourAndMinute, isoSeconds, timeElement } from './times.ts';
import { vdnTable } from './vdn-table.ts';
import type { VdnQuery } from './vdn-list.ts';

export interface CallCenterView {
  readonly snapshot: CallCenterSnapshot;
  readonly status: PollStatus;
  /** Undefined with `vdns: all`. */
  readonly vdnsConfigured: number | undefined;
}

/** All that the page shows. Times are milliseconds since the epoch. */
export interface StatusPageData {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly telemetryPath: string;
  readonly callCenters: readonly CallCenterView[];
  readonly query: VdnQuery;
}

type State = 'up' | 'failing' | 'waiting' | 'stale';

const STATES: Readonly<Record<State, string>> = {
  up: '✔ Up',
  failing: '✖ Failing',
  waiting: '… Waiting for first poll',
  stale: '⚠ Stale',
};

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b5cad'/%3E%3Cpath d='M3 12V8m3.3 4V4m3.4 8V6M13 12V3' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

function stateOf({ polls, isFailing }: PollStatus, reporting: number): State {
  if (polls === 0) return 'waiting';
  if (isFailing) return 'failing';
  return reporting === 0 ? 'stale' : 'up';
}

function newestWindow({ vdns }: CallCenterSnapshot): number | undefined {
  let newest: number | undefined;
  for (const { window } of vdns) if (window !== undefined) newest = Math.max(newest ?? window.begin, window.begin);
  return newest;
}

function callCenterBox({ snapshot, status, vdnsConfigured }: CallCenterView, data: StatusPageData): Html {
  const { now, telemetryPath } = data;
  const reporting = snapshot.vdns.filter(({ window }) => window !== undefined).length;
  const state = stateOf(status, reporting);
  const newest = newestWindow(snapshot);
  const { lastFailure } = status;
  const at = (time: number | undefined): Html => (time === undefined ? html`never` : timeElement(time, now));

  const freshness =
    newest === undefined
      ? html`no data`
      : html`window ${hourAndMinute(newest)}–${hourAndMinute(newest + WINDOW_MS)} UTC, ended
        ${formatAge(now - newest - WINDOW_MS)} ago`;
  const { nextPollAt } = status;
  const next = nextPollAt === undefined || nextPollAt <= now ? html`under way` : timeElement(nextPollAt, now);
  const failure =
    lastFailure &&
    html`<dt>Last error</dt><dd>${timeElement(lastFailure.at, now)}<br>
<span${status.isFailing && html` class="error"`}>${lastFailure.message}</span> <span class="age">(${lastFailure.reason})</span></dd>
<dt>What to check</dt><dd>${lastFailure.hint}</dd>`;
  const metrics = `${telemetryPath}?${new URLSearchParams({ call_center: snapshot.callCenter }).toString()}`;
  return html`<article class="${state}">
    <div>
      <h3><bdi>${snapshot.callCenter}</bdi></h3>
      <span class="state">${STATES[state]}</span>
    </div>
    <dl>
      <dt>VDNs</dt>
      <dd>${reporting} reporting${vdnsConfigured !== undefined && ` of ${vdnsConfigured} configured`}</dd>
      <dt>Data</dt>
      <dd>${freshness}</dd>
      <dt>Last poll</dt>
      <dd>${at(status.lastPollAt)}</dd>
      <dt>Last success</dt>
      <dd>${at(status.lastSuccessAt)}</dd>
      <dt>Next poll</dt>
      <dd>${next}</dd>
      ${failure}
    </dl>
    <p><a href="${metrics}">Metrics of this call center</a></p>
  </article> `;
}

/** The page at `/`: works without scripts, sorted and filtered by its query parameters. */
export function renderStatusPage(data: StatusPageData): string {
  const { version, startedAt, now, telemetryPath, callCenters, query } = data;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>AICC CTI exporter</title>
        <link rel="icon" href="${ICON}" />
        ${new Html(STYLE_ELEMENT)}
      </head>
      <body>
        <header>
          <h1>AICC CTI exporter</h1>
          <p>Version ${version}, up ${formatAge(now - startedAt)}, started ${isoSeconds(startedAt)}</p>
          <nav aria-label="Links">
            <ul>
              <li><a href="${telemetryPath}">Metrics</a></li>
              <li><a href="/config">Configuration</a></li>
              <li><a href="#vdns">VDNs</a></li>
              <li><a href="/sd">Service discovery</a></li>
              <li><a href="${REPOSITORY_URL}#readme" rel="noreferrer">Documentation</a></li>
              <li><a href="${REPOSITORY_URL}/blob/main/docs/runbooks.md" rel="noreferrer">Runbooks</a></li>
            </ul>
          </nav>
        </header>
        <main>
          <h2>Call centers</h2>
          <div class="centers">${callCenters.map((view) => callCenterBox(view, data))}</div>
          ${vdnTable(
            callCenters.map(({ snapshot }) => snapshot),
            query,
          )}
        </main>
        <footer>Values are those of each VDN's newest 5-minute window. As of ${isoSeconds(now)}</footer>
      </body>
    </html> `;
  return page.text;
}
