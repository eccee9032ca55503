import type { PollStatus } from '../../exporter/scheduler.ts';
import type { CallCenterSnapshot } from '../../exposition/snapshot-store.ts';
import { WINDOW_MS } from '../../core/window.ts';
import { formatIds } from '../../core/format.ts';
import { type Html, html } from '../html.ts';
import type { QueueSource } from './queue-table.ts';
import { formatAge, hourAndMinute, localTimes, timeElement } from './relative-time.ts';

export interface CallCenterView extends QueueSource {
  readonly status: PollStatus;
  /** Undefined with `vdns: all`. */
  readonly vdnsConfigured: number | undefined;
  /** IANA name of the zone in which people there tell the time. */
  readonly timeZone?: string | undefined;
}

type State = 'up' | 'partial' | 'failing' | 'waiting' | 'stale';

const STATES: Readonly<Record<State, string>> = {
  up: '✔ Up',
  partial: '⚠ Partial',
  failing: '✖ Failing',
  waiting: '… Waiting for first poll',
  stale: '⚠ Stale',
};

/** States that need attention, the worst first. */
const PROBLEMS = ['failing', 'stale', 'partial', 'waiting'] as const;

function reportingIn({ vdns }: CallCenterSnapshot): number {
  return vdns.filter(({ window }) => window !== undefined).length;
}

function stateOf({ snapshot, status }: CallCenterView): State {
  if (status.polls === 0) return 'waiting';
  if (status.isFailing) return 'failing';
  if (reportingIn(snapshot) === 0) return 'stale';
  // A closed line has no data.
  const isMissing = snapshot.vdns.some(({ window, opening }) => window === undefined && opening.isOpen);
  return isMissing || status.silentVdns.length > 0 ? 'partial' : 'up';
}

/** The call centers that need attention, by state: for the summary, and for the title of the browser's tab. */
export function groupByProblem(callCenters: readonly CallCenterView[]) {
  const states = callCenters.map(stateOf);
  return PROBLEMS.map((problem) => ({
    problem,
    places: states.flatMap((state, index) => (state === problem ? [index] : [])),
  })).filter(({ places }) => places.length > 0);
}

/** Names of the call centers that are failing, stale or not polled yet: their VDNs may have no data. */
export function withoutData(callCenters: readonly CallCenterView[]): ReadonlySet<string> {
  const failing = callCenters.filter((view) => !['up', 'partial'].includes(stateOf(view)));
  return new Set(failing.map(({ snapshot }) => snapshot.callCenter));
}

/** The call centers, the most urgent first, each with its place in the config. */
export function byUrgency(
  callCenters: readonly CallCenterView[],
): readonly { readonly view: CallCenterView; readonly place: number }[] {
  const order: readonly State[] = [...PROBLEMS, 'up'];
  return callCenters
    .map((view, place) => ({ view, place }))
    .sort((a, b) => order.indexOf(stateOf(a.view)) - order.indexOf(stateOf(b.view)));
}

const SUMS = [
  ['Idle', 'idle'],
  ['Talking', 'talking'],
  ['Busy', 'busy'],
  ['Resting', 'resting'],
  ['Online', 'agentsOnline'],
  ['Inbound', 'inbound'],
  ['Answered', 'answered'],
  ['Outbound', 'outbound'],
] as const;

/** Sums over the VDNs of a call center: agents now, and calls of the newest window of each VDN. */
function sums({ vdns }: CallCenterSnapshot): Html {
  const figures = SUMS.map(([title, field]) => {
    const values = vdns.flatMap(({ window }) => window?.[field] ?? []);
    const sum = values.length === 0 ? '–' : values.reduce((a, b) => a + b, 0);
    return html`<li><strong>${sum}</strong> ${title}</li>`;
  });
  return html`<ul class="sums" aria-label="Sums of this call center">
    ${figures}
  </ul>`;
}

/** A line above the boxes, with links to those that are not up. */
export function summary(callCenters: readonly CallCenterView[]): Html {
  const problems = groupByProblem(callCenters);
  const parts = problems.map(({ problem, places }) => {
    const names = places.map(
      (place, index) =>
        html`${index > 0 && ', '}<a href="#center-${place + 1}"
            ><bdi>${callCenters[place]?.snapshot.callCenter}</bdi></a
          >`,
    );
    return html`<strong class="state ${problem}">${places.length} ${problem}:</strong> ${names}. `;
  });
  const up = callCenters.length - problems.reduce((sum, { places }) => sum + places.length, 0);
  return html`<p>${parts}${up === callCenters.length ? `All ${up} up.` : `${up} up.`}</p>`;
}

function newestWindow({ vdns }: CallCenterSnapshot): number | undefined {
  let newest: number | undefined;
  for (const { window } of vdns) if (window !== undefined) newest = Math.max(newest ?? window.start, window.start);
  return newest;
}

function freshness({ snapshot, timeZone }: CallCenterView, now: number): Html {
  const newest = newestWindow(snapshot);
  if (newest === undefined) return html`no data`;
  return html`window ${hourAndMinute(newest)}–${hourAndMinute(newest + WINDOW_MS)}
  UTC${localTimes(newest + WINDOW_MS, [timeZone])}, ended ${formatAge(now - newest - WINDOW_MS)} ago`;
}

function failureRows({ lastFailure, isFailing }: PollStatus, now: number): Html | undefined {
  if (lastFailure === undefined) return undefined;
  return html`<dt>Last error</dt>
    <dd>
      ${timeElement(lastFailure.at, now)}<br />
      <span${isFailing && html` class="error"`}>${lastFailure.message}</span>
      <span class="age">(${lastFailure.reason})</span>
    </dd>
    <dt>What to check</dt>
    <dd>${lastFailure.hint}</dd>`;
}

/** The definition list of a box. */
function details(view: CallCenterView, now: number): Html {
  const { snapshot, status, vdnsConfigured } = view;
  const { nextPollAt, silentVdns } = status;
  const at = (time: number | undefined): Html => (time === undefined ? html`never` : timeElement(time, now));
  const next = nextPollAt === undefined || nextPollAt <= now ? html`under way` : timeElement(nextPollAt, now);
  return html`<dl>
    <dt>VDNs</dt>
    <dd>${reportingIn(snapshot)} reporting${vdnsConfigured !== undefined && ` of ${vdnsConfigured} configured`}</dd>
    ${
      silentVdns.length > 0 &&
      html`<dt>Without rows</dt>
        <dd class="partial state">VDN ${formatIds(silentVdns)}: check the ids and cc_id</dd>`
    }
    <dt>Data</dt>
    <dd>${freshness(view, now)}</dd>
    <dt>Last poll</dt>
    <dd>${at(status.lastPollAt)}</dd>
    <dt>Last success</dt>
    <dd>${at(status.lastSuccessAt)}</dd>
    <dt>Next poll</dt>
    <dd>${next}</dd>
    ${failureRows(status, now)}
  </dl>`;
}

/** @param place of the call center in the config, from 0 */
export function callCenterBox(
  view: CallCenterView,
  place: number,
  { now, telemetryPath }: { readonly now: number; readonly telemetryPath: string },
): Html {
  const { snapshot } = view;
  const state = stateOf(view);
  const metrics = `${telemetryPath}?${new URLSearchParams({ call_center: snapshot.callCenter }).toString()}`;
  return html`<article class="${state}" id="center-${place + 1}" aria-labelledby="center-${place + 1}-name">
    <div>
      <h3 id="center-${place + 1}-name"><bdi>${snapshot.callCenter}</bdi></h3>
      <span class="state">${STATES[state]}</span>
    </div>
    ${sums(snapshot)} ${details(view, now)}
    <p><a href="${metrics}">Metrics of this call center</a></p>
  </article> `;
}
