import { type Html, html } from '../html.ts';
import { formatAge } from './relative-time.ts';

/** What is wrong with the exporter itself, whatever the call centers report. Times are milliseconds since the epoch. */
export interface ExporterState {
  /** The last reload was refused. */
  readonly refusedReload: { readonly at: number; readonly reason: string } | undefined;
  /** When the ledgers could not be read or written the last time. */
  readonly storageFailedAt: number | undefined;
  /** The warnings of the configuration, such as `insecure_skip_verify`. */
  readonly warnings: readonly string[];
  /** Clock of the CMS minus ours, by call center. */
  readonly skews: readonly { readonly callCenter: string; readonly skewMs: number }[];
}

export interface ExporterProblem {
  readonly title: string;
  readonly detail: string;
}

/** Ledgers are written after each poll, so a failure that lasts is younger than this. */
const STORAGE_FAILURE_SHOWN_MS = 900_000;

/** The CMS may refuse signatures beyond this skew. */
const NOTABLE_SKEW_MS = 30_000;

/** The problems, the most urgent first. */
export function problemsOf(state: ExporterState, now: number): readonly ExporterProblem[] {
  const { refusedReload, storageFailedAt, warnings, skews } = state;
  const problems: ExporterProblem[] = [];
  if (storageFailedAt !== undefined && now - storageFailedAt < STORAGE_FAILURE_SHOWN_MS) {
    const detail = `Failed ${formatAge(now - storageFailedAt)} ago: a restart now may lose counts. Check space and permissions of --storage.path, and the log.`;
    problems.push({ title: 'Storage failing', detail });
  }
  if (refusedReload !== undefined) {
    const detail = `The old configuration stays in use since ${formatAge(now - refusedReload.at)}. ${refusedReload.reason}`;
    problems.push({ title: 'Reload refused', detail });
  }
  for (const { callCenter, skewMs } of skews) {
    if (Math.abs(skewMs) <= NOTABLE_SKEW_MS) continue;
    const detail = `${callCenter}: the clock of the CMS is ${formatAge(Math.abs(skewMs))} ${skewMs > 0 ? 'ahead of' : 'behind'} ours. Check NTP on both machines.`;
    problems.push({ title: 'Clocks differ', detail });
  }
  return [...problems, ...warnings.map((detail) => ({ title: 'Configuration', detail }))];
}

/** The list at the top of the page; empty without a problem. */
export function problemStrip(problems: readonly ExporterProblem[]): Html | false {
  const items = problems.map(
    ({ title, detail }) => html`<li><strong>⚠ ${title}:</strong> <bdi class="detail">${detail}</bdi></li>`,
  );
  return (
    problems.length > 0 &&
    html`<section class="problems" aria-label="Problems of the exporter">
      <ul>
        ${items}
      </ul>
    </section>`
  );
}
