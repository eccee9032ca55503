/*
 * A request's target as the client sent it: `/path?query`, or with the server's address in front, as a client sends it to
 * what it takes for a proxy (RFC 9112, section 3.2). It may be anything: nothing here throws.
 */

/** The path, undecoded. */
export function pathOf(target = ''): string {
  const [path] = target.replace(/^https?:\/\/[^/?]*/i, '').split('?', 1);
  return path || '/';
}

/** The query, without its question mark. */
export function searchOf(target = ''): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark + 1);
}
