import {
  byUrgency,
  callCenterBox,
  type CallCenterView,
  groupByProblem,
  summary,
  withoutData,
} from './call-center-card.ts';
import { html } from '../html.ts';
import { renderPage } from '../layout.ts';
import { STATUS_STYLE } from './style.ts';
import { formatAge, isoSeconds, localTimes } from './relative-time.ts';
import { type ExporterState, problemsOf, problemStrip } from './problems.ts';
import { queueTable } from './queue-table.ts';
import { vdnTable } from './vdn-table.ts';
import { type VdnQuery, vdnQueryLink } from './vdn-list.ts';

/** All that the page shows. Times are milliseconds since the epoch. */
export interface StatusPageData {
  readonly version: string;
  readonly startedAt: number;
  readonly now: number;
  readonly telemetryPath: string;
  readonly docsUrl: string;
  readonly callCenters: readonly CallCenterView[];
  readonly exporter: ExporterState;
  readonly query: VdnQuery;
}

/** The page loads itself again after this, with the same query. */
const REFRESH_SECONDS = 60;

function title(callCenters: readonly CallCenterView[], problems: number): string {
  const [worst] = groupByProblem(callCenters);
  const ofExporter = problems === 0 ? '' : `${problems} ${problems === 1 ? 'problem' : 'problems'}: `;
  return `${worst === undefined ? ofExporter : `${worst.places.length} ${worst.problem}: `}AICC CTI exporter`;
}

/** The page at `/`: works without scripts, sorted and filtered by its query parameters. */
export function renderStatusPage(data: StatusPageData): string {
  const { version, startedAt, now, telemetryPath, docsUrl, callCenters, query } = data;
  const problems = problemsOf(data.exporter, now);
  const zones = localTimes(
    now,
    callCenters.map(({ timeZone }) => timeZone),
  );
  return renderPage({
    title: title(callCenters, problems.length),
    style: STATUS_STYLE,
    path: '/',
    telemetryPath,
    docsUrl,
    intro: html`<p>
      As of <strong>${isoSeconds(now)}</strong>${zones}. Version ${version}, up ${formatAge(now - startedAt)}, started
      ${isoSeconds(startedAt)}.
      <a href="${vdnQueryLink(query, { isPaused: !query.isPaused, page: query.page }).replace('#vdns', '')}"
        >${query.isPaused ? 'Refresh every minute' : 'Pause the refresh'}</a
      >
    </p>`,
    head: query.isPaused ? undefined : html`<meta http-equiv="refresh" content="${REFRESH_SECONDS}" />`,
    main: html`${problemStrip(problems)}
      <h2>Call centers</h2>
      ${callCenters.length > 1 && summary(callCenters)}
      <div class="centers">${byUrgency(callCenters).map(({ view, place }) => callCenterBox(view, place, data))}</div>
      ${queueTable(callCenters, query)}
      ${vdnTable(
        callCenters.map(({ snapshot }) => snapshot),
        query,
        { now, failing: withoutData(callCenters) },
      )}`,
    footer: html`Values are those of each VDN's newest 5-minute window.`,
  });
}
