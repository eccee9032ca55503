import { REPOSITORY_URL } from '../../core/version.ts';
import { callCenterBox, type CallCenterView, summary, troublesOf } from './call-center-card.ts';
import { Html, html } from './html.ts';
import { STYLE_ELEMENT } from './style.ts';
import { formatAge, isoSeconds } from './relative-time.ts';
import { vdnTable } from './vdn-table.ts';
import type { VdnQuery } from './vdn-list.ts';

/** All that the page shows. Times are milliseconds since the epoch. */
export interface StatusPageData {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly telemetryPath: string;
  readonly callCenters: readonly CallCenterView[];
  readonly query: VdnQuery;
}

const ICON =
  "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 16 16'%3E%3Crect width='16' height='16' rx='3' fill='%230b5cad'/%3E%3Cpath d='M3 12V8m3.3 4V4m3.4 8V6M13 12V3' stroke='%23fff' stroke-width='2'/%3E%3C/svg%3E";

function title(callCenters: readonly CallCenterView[]): string {
  const [worst] = troublesOf(callCenters);
  return `${worst === undefined ? '' : `${worst.places.length} ${worst.problem}: `}AICC CTI exporter`;
}

/** The page at `/`: works without scripts, sorted and filtered by its query parameters. */
export function renderStatusPage(data: StatusPageData): string {
  const { version, startedAt, now, telemetryPath, callCenters, query } = data;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${title(callCenters)}</title>
        <link rel="icon" href="${ICON}" />
        ${new Html(STYLE_ELEMENT)}
      </head>
      <body>
        <header>
          <h1>AICC CTI exporter</h1>
          <p>
            As of <strong>${isoSeconds(now)}</strong>. Version ${version}, up ${formatAge(now - startedAt)}, started
            ${isoSeconds(startedAt)}
          </p>
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
          ${callCenters.length > 1 && summary(callCenters)}
          <div class="centers">${callCenters.map((view, place) => callCenterBox(view, place, data))}</div>
          ${vdnTable(
            callCenters.map(({ snapshot }) => snapshot),
            query,
          )}
        </main>
        <footer>Values are those of each VDN's newest 5-minute window.</footer>
      </body>
    </html> `;
  return page.text;
}
