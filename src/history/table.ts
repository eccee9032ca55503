/** Records as JSON, CSV or an aligned table. Output comes in pieces: a million rows do not fit into one string. */
import stringWidth from 'string-width';

export const QUERY_OUTPUTS = ['table', 'json', 'csv'] as const;
export type QueryOutput = (typeof QUERY_OUTPUTS)[number];

/** What an unknown value is in a table. */
export const UNKNOWN = '-';

/** Unknown values are null. */
export type OutputRecord = Readonly<Record<string, string | number | null>>;

/** A JSON array, one object a line. */
export function* jsonLines(records: Iterable<OutputRecord>): Generator<string> {
  let isFirst = true;
  for (const record of records) {
    yield `${isFirst ? '[\n' : ',\n'}  ${JSON.stringify(record)}`;
    isFirst = false;
  }
  yield isFirst ? '[]\n' : '\n]\n';
}

/** A spreadsheet evaluates a cell that starts like this. */
const FORMULA = /^[=+\-@\t\r]/;

/** RFC 4180 with LF as the line end. A text that a spreadsheet would evaluate gets a leading apostrophe. */
export function* csvLines(keys: readonly string[], records: Iterable<OutputRecord>): Generator<string> {
  const cell = (value: string | number | null): string => {
    const text = `${typeof value === 'string' && FORMULA.test(value) ? "'" : ''}${value ?? ''}`;
    return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
  };
  yield `${keys.join(',')}\n`;
  for (const record of records) yield `${Object.values(record).map(cell).join(',')}\n`;
}

/**
 * Aligned columns: texts to the left, the others to the right.
 * @param textColumns how many of the first columns are texts
 * @param rows called twice: to measure, and to print
 */
export function* tableLines(textColumns: number, rows: () => Iterable<readonly string[]>): Generator<string> {
  const widths: number[] = [];
  for (const cells of rows())
    for (const [column, cell] of cells.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  for (const cells of rows()) {
    const padded = cells.map((cell, column) => {
      const padding = ' '.repeat((widths[column] ?? 0) - widthOf(cell));
      return column < textColumns ? cell + padding : padding + cell;
    });
    yield `${padded.join('  ').trimEnd()}\n`;
  }
}

/** Columns on a terminal. Nearly all cells are ASCII, and measuring those is a hundred times as fast. */
function widthOf(text: string): number {
  return /^[ -~]*$/.test(text) ? text.length : stringWidth(text);
}
