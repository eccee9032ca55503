import type { ServerResponse } from 'node:http';

/**
 * Sends a whole body; Node.js leaves it out of a response to HEAD. Headers that are already set stay.
 * @param type the media type of a text in UTF-8
 */
export function respond(
  res: ServerResponse,
  status: number,
  type: string,
  body: string,
  headers: Readonly<Record<string, string>> = {},
): void {
  const bytes = Buffer.from(body);
  const all = {
    'Content-Type': `${type}; charset=utf-8`,
    'Content-Length': String(bytes.length),
    'Cache-Control': 'no-store',
    ...headers,
  };
  res.statusCode = status;
  for (const [name, value] of Object.entries(all)) if (!res.hasHeader(name)) res.setHeader(name, value);
  res.end(bytes);
}

/** Sends a line of plain text. */
export function respondLine(
  res: ServerResponse,
  status: number,
  line: string,
  headers?: Readonly<Record<string, string>>,
): void {
  respond(res, status, 'text/plain', `${line}\n`, headers);
}
