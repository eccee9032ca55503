/** Time zones by `Intl`: the rules are those of the ICU data that Node.js ships. Everything here is pure. */

/** A formatter takes 50 microseconds to build, far longer than to use; there are as many as zones are configured. */
const formatters = new Map<string, Intl.DateTimeFormat>();

function formatterOf(timeZone: string): Intl.DateTimeFormat {
  let formatter = formatters.get(timeZone);
  if (formatter === undefined) {
    formatter = new Intl.DateTimeFormat('en-US', {
      ...{ timeZone, calendar: 'iso8601', numberingSystem: 'latn', hourCycle: 'h23' },
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit', second: '2-digit' },
    });
    formatters.set(timeZone, formatter);
  }
  return formatter;
}

/** Whether `name` is a time zone of the IANA database, such as `Europe/Berlin` or `UTC`; a bare offset is none. */
export function isTimeZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    formatterOf(name);
    return true;
  } catch {
    return false;
  }
}

/**
 * Milliseconds that the wall clock of a time zone is ahead of UTC at `now` (milliseconds since the epoch).
 * Throws RangeError for an unknown zone.
 */
export function offsetAt(timeZone: string, now: number): number {
  const parts: Partial<Record<Intl.DateTimeFormatPartTypes, string>> = {};
  for (const { type, value } of formatterOf(timeZone).formatToParts(now)) parts[type] = value;
  const part = (type: Intl.DateTimeFormatPartTypes): number => Number(parts[type]);
  const local = Date.UTC(part('year'), part('month') - 1, part('day'), part('hour'), part('minute'), part('second'));
  return local - Math.floor(now / 1000) * 1000;
}

/** `Wed 2026-11-18 20:00`, with seconds where they are not 0: what the wall clock of a time zone shows at `now`. */
export function formatLocalTime(timeZone: string, now: number): string {
  const local = new Date(now + offsetAt(timeZone, now));
  const [date = '', time = ''] = local.toISOString().split('T');
  return `${local.toUTCString().slice(0, 3)} ${date} ${time.slice(0, local.getUTCSeconds() === 0 ? 5 : 8)}`;
}
