/** `1 window`, `1,234 windows`; `plural` where the noun needs more than an s (`1 query`, `2 queries`). */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number.toLocaleString('en-US')} ${number === 1 ? noun : plural}`;
}

/** Ascending ids, with neighbors joined: `[1, 2, 3, 7]` is `['1-3', '7']`. */
export function idRanges(ids: Iterable<number>): string[] {
  const runs: { first: number; last: number }[] = [];
  for (const id of ids) {
    const run = runs.at(-1);
    if (run?.last === id - 1) run.last = id;
    else runs.push({ first: id, last: id });
  }
  return runs.map(({ first, last }) => (first === last ? `${first}` : `${first}-${last}`));
}

/**
 * Ascending ids in the format of the `--vdn` flag: `1-100,205`.
 * @param maxLength ranges that do not fit are counted instead: `1,3,5 and 7 more ranges`
 */
export function formatIds(ids: Iterable<number>, maxLength = Infinity): string {
  const ranges = idRanges(ids);
  let fits = 0;
  for (let length = -1; fits < ranges.length; fits++) {
    length += (ranges[fits]?.length ?? 0) + 1;
    if (length > maxLength && fits > 0) break;
  }
  const shown = ranges.slice(0, fits).join(',');
  return fits === ranges.length ? shown : `${shown} and ${count(ranges.length - fits, 'more range')}`;
}

/** Controls (C0, DEL, C1), line separators, characters that change the direction of text, and half surrogate pairs. */
const UNPRINTABLE = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\p{Bidi_Control}]/gu;

/**
 * Makes text from outside (the API, certificates, headers, file names) safe for a terminal, a log and a page: each
 * character that could act on them becomes an escape such as `\u001b`. Everything else stays.
 */
export function printable(text: string): string {
  return text.replaceAll(UNPRINTABLE, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Text from outside as one line: {@link printable}, with blanks and line breaks joined, and cut to `maxLength` characters. */
export function oneLine(text: string, maxLength: number): string {
  // Only the part that is shown is processed: the text may be megabytes long.
  const line = printable(
    text
      .slice(0, 10 * maxLength)
      .replaceAll(/\s+/g, ' ')
      .trim(),
  );
  return line.length <= maxLength ? line : printable(line.slice(0, maxLength));
}

/** The code of a system or library error such as `ENOENT`; undefined when it has none. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : undefined;
}

/** The message of an error; anything else that was thrown, as text. */
export function errorMessage(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
