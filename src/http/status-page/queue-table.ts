import type { ShownQueue } from '../../queues/board.ts';
import type { QueueView } from '../../queues/monitor.ts';
import { type Html, html } from '../html.ts';
import { listVdns, type VdnQuery } from './vdn-list.ts';
import { verdictOfWait } from './verdicts.ts';
import type { CallCenterSnapshot } from '../../exposition/snapshot-store.ts';

export interface QueueSource {
  readonly snapshot: CallCenterSnapshot;
  /** Undefined when the queues of the call center are not asked for. */
  readonly queues?: QueueView | undefined;
}

interface QueueRow extends ShownQueue {
  readonly callCenter: string;
  readonly vdnName: string;
  readonly isOpen: boolean;
}

/** The worst of them are enough to act on. */
const MAX_ROWS = 50;

const NONE = html`<span class="none">–</span>`;

/** The queues of the VDNs that the query shows: who waits longest comes first, then where most wait. */
function worstFirst(sources: readonly QueueSource[], query: VdnQuery): readonly QueueRow[] {
  const { rows } = listVdns(
    sources.map(({ snapshot }) => snapshot),
    query,
  );
  const vdns = new Map(rows.map(({ callCenter, vdn }) => [JSON.stringify([callCenter, vdn.id]), vdn]));
  const found = sources.flatMap(({ snapshot: { callCenter }, queues }) =>
    (queues?.queues ?? []).flatMap((queue): QueueRow[] => {
      const vdn = vdns.get(JSON.stringify([callCenter, queue.vdn]));
      return vdn === undefined ? [] : [{ ...queue, callCenter, vdnName: vdn.name, isOpen: vdn.opening.isOpen }];
    }),
  );
  const wait = ({ status }: QueueRow) => status?.longestWait ?? -1;
  const waiting = ({ status }: QueueRow) => status?.waiting ?? -1;
  return found.sort((a, b) => wait(b) - wait(a) || waiting(b) - waiting(a));
}

/** What does not work, one line for each interface. */
function failures(sources: readonly QueueSource[]): readonly Html[] {
  return sources.flatMap(({ snapshot, queues }) =>
    (queues?.interfaces ?? []).flatMap(([name, { isUp, isRefused, lastFailure }]) =>
      isUp || lastFailure === undefined
        ? []
        : [
            html`<p>
              <strong class="error">⚠ <bdi>${snapshot.callCenter}</bdi>, ${name}:</strong>
              ${isRefused ? 'refused, tried once an hour: ' : ''}${lastFailure.message}. ${lastFailure.hint}
            </p>`,
          ],
    ),
  );
}

/** `1:05`, minutes and seconds. */
function duration(seconds: number | undefined): string | Html {
  if (seconds === undefined) return NONE;
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

function tableRow(row: QueueRow, hasCenters: boolean): Html {
  const { callCenter, vdn, vdnName, id, queue, status } = row;
  const verdict = row.isOpen ? verdictOfWait(status?.longestWait, row.targets.wait_seconds) : undefined;
  const judged = verdict && html` ${verdict.severity}" title="${verdict.target}`;
  const number = (key: string, value: string | number | Html | undefined): Html =>
    html`<td class="${key} number">${value ?? NONE}</td>`;
  return html`<tr>
    ${hasCenters && html`<td class="center"><bdi>${callCenter}</bdi></td>`}
    <td class="q-vdn">${vdn}${vdnName !== '' && html` <bdi class="labels">${vdnName}</bdi>`}</td>
    <td class="q-queue">${id}${queue !== undefined && html` <bdi class="labels">${queue.name}</bdi>`}</td>
    ${number('q-waiting', status?.waiting)}
    <td class="q-wait number${judged}">${duration(status?.longestWait)}</td>
    ${number('q-available', status?.available)} ${number('q-signed-in', status?.signedIn)}
    ${number('q-capacity', status?.capacity)}
  </tr>`;
}

/** The skill queues now, the worst first; nothing when no call center asks for queues. */
export function queueTable(sources: readonly QueueSource[], query: VdnQuery): Html | false {
  if (sources.every(({ queues }) => queues === undefined)) return false;
  const rows = worstFirst(sources, query);
  const hasCenters = sources.length > 1;
  const titles = ['Waiting', 'Longest wait', 'Available', 'Signed in', 'Capacity'];
  const shown = rows.length > MAX_ROWS ? `The worst ${MAX_ROWS} of ${rows.length} queues` : `${rows.length} queues`;
  const table = html`<div class="scroll">
    <table>
      <thead>
        <tr>
          ${hasCenters && html`<th scope="col">Call center</th>`}
          <th scope="col">VDN</th>
          <th scope="col">Queue</th>
          ${titles.map((title) => html`<th scope="col" class="number">${title}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows.slice(0, MAX_ROWS).map((row) => tableRow(row, hasCenters))}
      </tbody>
    </table>
  </div>`;
  return html`<section aria-labelledby="queues">
    <h2 id="queues">Queues now</h2>
    ${failures(sources)}
    <p>${shown} of the VDNs below, the longest wait first.</p>
    ${rows.length > 0 && table}
  </section>`;
}
