import type { IncomingMessage, ServerResponse } from 'node:http';

import { respondLine } from './response.ts';
import { basicCredentials } from './basic-auth.ts';
import type { Authenticator, Verdict } from './basic-auth.ts';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface Guard {
  /** Set on every response. */
  readonly headers: Readonly<Record<string, string>>;
  /** False when a request comes too early; undefined when there is no limit. */
  readonly allow: (() => boolean) | undefined;
  /** bcrypt hash by name; everybody is let in when it is empty. */
  readonly users: ReadonlyMap<string, string>;
  readonly authenticator: Authenticator;
  /** A comparison could not be made. */
  readonly failed: (error: unknown) => void;
}

/** Lets requests through to `handler` that the web config allows, and answers the others. */
export function guarded(handler: Handler, { headers, allow, users, authenticator, failed }: Guard): Handler {
  const extra = Object.entries(headers);

  const settle = (verdict: Verdict, req: IncomingMessage, res: ServerResponse): void => {
    if (verdict === 'yes') handler(req, res);
    else if (verdict === 'busy')
      respondLine(res, 503, 'Too many passwords to check, try again later', { 'Retry-After': '1' });
    else
      respondLine(res, 401, 'Unauthorized', { 'WWW-Authenticate': 'Basic realm="aicc-cti-exporter", charset="UTF-8"' });
  };

  return (req, res) => {
    for (const [name, value] of extra) res.setHeader(name, value);
    if (allow?.() === false) {
      respondLine(res, 429, 'Too many requests', { 'Retry-After': '1' });
      return;
    }
    if (users.size === 0) {
      handler(req, res);
      return;
    }
    const credentials = basicCredentials(req.headers.authorization);
    const verdict = credentials === undefined ? 'no' : authenticator.check(users, credentials);
    if (typeof verdict === 'string') {
      settle(verdict, req, res);
      return;
    }
    verdict.then(
      (later) => {
        if (!res.destroyed) settle(later, req, res);
      },
      (error: unknown) => {
        failed(error);
        if (!res.destroyed) respondLine(res, 500, 'Cannot check the password');
      },
    );
  };
}
