/** What a check found. */
export type Status = 'ok' | 'warning' | 'failed' | 'skipped';

export interface Finding {
  /** The step, such as `dns` or `signature`. */
  readonly step: string;
  readonly status: Status;
  /** What was found, one line. */
  readonly detail: string;
  /** What to do, one line; only for `warning` and `failed`. */
  readonly remedy?: string;
}

/** The findings about one subject: the configuration, a call center, the storage directory. */
export interface Section {
  readonly name: string;
  readonly findings: readonly Finding[];
}

const LABELS: Readonly<Record<Status, string>> = { ok: 'OK', warning: 'WARN', failed: 'FAIL', skipped: '-' };

export function hasFailed(sections: readonly Section[]): boolean {
  return sections.some(({ findings }) => findings.some(({ status }) => status === 'failed'));
}

/** One line a step, the remedy below it, and a line with the result. */
export function renderText(sections: readonly Section[]): string {
  const lines = sections.flatMap(({ name, findings }) => [
    name,
    ...findings.flatMap(({ step, status, detail, remedy }) => [
      `  ${LABELS[status].padEnd(5)} ${step.padEnd(11)} ${detail}`,
      ...(remedy === undefined ? [] : [`${' '.repeat(20)}-> ${remedy}`]),
    ]),
    '',
  ]);
  const all = sections.flatMap(({ findings }) => findings);
  const countOf = (wanted: Status) => all.filter(({ status }) => status === wanted).length;
  const [failed, warnings] = [countOf('failed'), countOf('warning')];
  const result = failed === 0 ? 'No step failed' : `Failed: ${failed} of ${all.length} steps`;
  return `${[...lines, warnings === 0 ? result : `${result}, warnings: ${warnings}`].join('\n')}\n`;
}

/** `{ "ok": boolean, "sections": [...] }` with the findings as they are. */
export function renderJson(sections: readonly Section[]): string {
  return `${JSON.stringify({ ok: !hasFailed(sections), sections }, undefined, 2)}\n`;
}
