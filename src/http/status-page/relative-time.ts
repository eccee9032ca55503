import { offsetAt } from '../../core/time-zone.ts';
import { type Html, html } from '../html.ts';

const UNITS = [
  ['d', 86_400],
  ['h', 3_600],
  ['m', 60],
  ['s', 1],
] as const;

/** Its two largest units: `3d 4h`, `2m 5s`, `0s`. */
export function formatAge(ms: number): string {
  let seconds = Math.max(0, Math.round(ms / 1000));
  const parts: string[] = [];
  for (const [unit, size] of UNITS) {
    const count = Math.floor(seconds / size);
    seconds -= count * size;
    if (count > 0 || parts.length > 0 || unit === 's') parts.push(`${count}${unit}`);
    if (parts.length === 2) break;
  }
  return parts.join(' ');
}

/** `10:05:10 UTC (2m 5s ago)`, or how long until then; with the date when that is not today's. */
export function timeElement(at: number, now: number): Html {
  const iso = new Date(at).toISOString();
  const day = iso.slice(0, 10) === new Date(now).toISOString().slice(0, 10) ? '' : `${iso.slice(0, 10)} `;
  const distance = at > now ? `in ${formatAge(at - now)}` : `${formatAge(now - at)} ago`;
  return html`<time datetime="${iso}">${day}${iso.slice(11, 19)} UTC</time> <span class="age">(${distance})</span>`;
}

/** `10:05` UTC. */
export function hourAndMinute(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

/** `2026-01-31 10:05:10 UTC`. */
export function isoSeconds(at: number): string {
  return `${new Date(at).toISOString().slice(0, 19).replace('T', ' ')} UTC`;
}

/** ` (11:05 Europe/Berlin)` for each zone that differs from UTC at that time; empty when none does. */
export function localTimes(at: number, zones: Iterable<string | undefined>): string {
  const times = [...new Set(zones)].flatMap((zone) => {
    const offset = zone === undefined ? 0 : offsetAt(zone, at);
    return zone === undefined || offset === 0 ? [] : [`${hourAndMinute(at + offset)} ${zone}`];
  });
  return times.length === 0 ? '' : ` (${times.join(', ')})`;
}
