import { formatDuration, parseDuration } from '../core/duration.ts';
import { CONTROL, isQuoted, QUOTED } from './file-checks.ts';
import type { Reader } from './value-reader.ts';

/*
 * One function for each kind of value. Each returns undefined for a value that is not given, and after it reported a
 * problem.
 */

/** Any text, also an empty one. */
export function anyText(value: Reader | undefined): string | undefined {
  const scalar = value?.scalar('a text');
  return value?.isNull() === true ? '' : scalar?.text;
}

/** Text that is not empty or blank. A number keeps the spelling it has in the file. */
export function text(value: Reader | undefined): string | undefined {
  const found = anyText(value);
  if (value === undefined || found === undefined) return undefined;
  if (found.trim() === '') value.report('Must not be empty');
  else if (/^\$\w+$/.test(value.scalar('')?.written ?? '')) {
    value.report('A variable needs braces, as in ${NAME}; write $$ if the value starts with a dollar');
  } else return found;
  return undefined;
}

/** Text of one line without control characters. */
export function line(value: Reader | undefined): string | undefined {
  const found = text(value);
  if (found === undefined || !CONTROL.test(found)) return found;
  value?.report('Must be a single line without control characters');
  return undefined;
}

/** A key or secret, without quotes around it: they come from a variable that was set with them. */
export function secretText(value: Reader | undefined): string | undefined {
  const found = line(value);
  if (found !== undefined && isQuoted(found)) value?.report(`The value ${QUOTED}`);
  return found;
}

/** A decimal whole number from `min` to `max`. */
export function integer(value: Reader | undefined, min: number, max: number): number | undefined {
  const expected = `a whole number from ${min} to ${max}`;
  const scalar = value?.scalar(expected);
  if (value === undefined || scalar === undefined) return undefined;
  const number = /^-?(?:0|[1-9]\d*)$/.test(scalar.text) ? Number(scalar.text) : Number.NaN;
  if (scalar.plain && number >= min && number <= max) return number;
  value.report(`Must be ${expected}${!scalar.plain && !Number.isNaN(number) ? ' without quotes' : ''}`);
  return undefined;
}

/** A duration in milliseconds, from `min` to `max` milliseconds. */
export function duration(value: Reader | undefined, min: number, max: number): number | undefined {
  const scalar = value?.scalar('a duration');
  if (value === undefined || scalar === undefined) return undefined;
  const ms = parseDuration(scalar.text);
  if (ms !== undefined && ms >= min && ms <= max) return ms;
  const range = `from ${formatDuration(min)} to ${formatDuration(max)}`;
  if (ms !== undefined) value.report(`Must be a duration ${range}`);
  else if (/^\d+$/.test(scalar.text)) value.report(`Must be a duration ${range}: add a unit (ms, s, m, h or d)`);
  else value.report(`Must be a duration ${range}, such as 250ms, 10s or 1h30m`);
  return undefined;
}

export function flag(value: Reader | undefined): boolean | undefined {
  const scalar = value?.scalar('true or false');
  if (value === undefined || scalar === undefined) return undefined;
  if (scalar.plain && /^(?:true|True|TRUE)$/.test(scalar.text)) return true;
  if (scalar.plain && /^(?:false|False|FALSE)$/.test(scalar.text)) return false;
  value.report('Must be true or false, without quotes');
  return undefined;
}

/** A URL that has only an origin: `https://host:port`. */
export function origin(value: Reader | undefined): string | undefined {
  const url = httpUrl(value, 'of a host, such as https://cms.example.com:28443');
  if (value === undefined || url === undefined) return undefined;
  const ownHost =
    ': the CMS checks the signature with its own path, so a gateway needs a host or port of its own for it';
  if (!refuseBeyondAuthority(value, url, ownHost)) return undefined;
  if (url.username === '' && url.password === '') return url.origin;
  value.report('Credentials do not belong in this URL: use access_key and secret_key');
  return undefined;
}

/** The URL of an HTTP proxy as written; it may carry a user and a password. */
export function proxyUrl(value: Reader | undefined): string | undefined {
  const expected =
    'of an HTTP proxy, such as http://proxy.example.com:3128; in a password write %40 for @, %3A for : and %2F for /';
  const url = httpUrl(value, expected);
  if (value === undefined || url === undefined || !refuseBeyondAuthority(value, url, '')) return undefined;
  return text(value);
}

/** `host` or `host:port`, as in a Host header. */
export function authority(value: Reader | undefined): string | undefined {
  const found = line(value);
  if (found === undefined || (/^[^\s/\\?#@]+$/.test(found) && URL.canParse(`http://${found}`))) return found;
  value?.report('Must be a host, or host:port');
  return undefined;
}

/** `expected` completes "Must be an http:// or https:// URL". */
function httpUrl(value: Reader | undefined, expected: string): URL | undefined {
  const found = line(value);
  if (value === undefined || found === undefined) return undefined;
  // The URL class also accepts `https:host`, blanks and backslashes.
  const port = /^https?:\/\/[^\\\s/?#]+:(\d+)(?:[/?#]|$)/i.exec(found)?.[1];
  if (port !== undefined && !(Number(port) >= 1 && Number(port) <= 65_535)) {
    value.report('The port must be a number from 1 to 65535');
    return undefined;
  }
  const isUrl = /^https?:\/\/[^\\\s/?#][^\\\s]*$/i.test(found) && URL.canParse(found);
  const url = isUrl ? new URL(found) : undefined;
  if (url !== undefined) return url;
  value.report(`Must be an http:// or https:// URL ${expected}`);
  return undefined;
}

/** @param aboutPath added to the message about a path */
function refuseBeyondAuthority(value: Reader, url: URL, aboutPath: string): boolean {
  const wrong = [
    ...(url.href.includes('?') ? ['a query'] : []),
    ...(url.href.includes('#') ? ['a fragment'] : []),
    ...(url.pathname === '/' ? [] : [`a path${aboutPath}`]),
  ];
  if (wrong.length > 0) value.report(`Must end after host and port, without ${wrong.join(' or ')}`);
  return wrong.length === 0;
}
