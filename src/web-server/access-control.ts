import type { IncomingMessage, ServerResponse } from 'node:http';

import { basicCredentials } from './basic-auth.ts';
import type { Authenticator, Verdict } from './basic-auth.ts';
import { malformedHeaders } from './malformed-request.ts';
import type { LogRefusal } from './refusal-log.ts';
import { respondLine } from './response.ts';

export type Handler = (req: IncomingMessage, res: ServerResponse) => void;

export interface AccessRules {
  /** Set on every response. */
  readonly headers: Readonly<Record<string, string>>;
  /** False when a request comes too early; undefined without a rate limit. */
  readonly isAllowed: (() => boolean) | undefined;
  /** bcrypt hash by name; when it is empty no login is needed. */
  readonly users: ReadonlyMap<string, string>;
  readonly authenticator: Authenticator;
  readonly logRefusal: LogRefusal;
  /** A password could not be checked. */
  readonly onFailure: (error: unknown) => void;
}

/** Passes requests to `handler` that are well-formed and that the web config allows, and responds to the others. */
export function controlAccess(handler: Handler, rules: AccessRules): Handler {
  const { isAllowed, users, logRefusal } = rules;
  const headers = Object.entries({ 'X-Content-Type-Options': 'nosniff', ...rules.headers });

  return (req, res) => {
    for (const [name, value] of headers) res.setHeader(name, value);
    if (isAllowed?.() === false) {
      respondLine(res, 429, 'Too many requests', { 'Retry-After': '1' });
      return;
    }
    const malformed = malformedHeaders(req);
    if (malformed !== undefined) {
      const { status, reason } = malformed;
      logRefusal({ message: 'Refused a request', reason, client: req.socket.remoteAddress });
      respondLine(res, status, `Refused: ${reason}`, { Connection: 'close' });
    } else if (users.size === 0) handler(req, res);
    else logIn(handler, rules, req, res);
  };
}

/** Passes the request on when its credentials are right. */
function logIn(
  handler: Handler,
  { users, authenticator, onFailure }: AccessRules,
  ...exchange: Parameters<Handler>
): void {
  const [req, res] = exchange;
  const decide = (verdict: Verdict): void => {
    if (verdict === 'yes') handler(req, res);
    else if (verdict === 'busy')
      respondLine(res, 503, 'Too many passwords to check, try again later', { 'Retry-After': '1' });
    else
      respondLine(res, 401, 'Unauthorized', { 'WWW-Authenticate': 'Basic realm="aicc-cti-exporter", charset="UTF-8"' });
  };
  const credentials = basicCredentials(req.headers.authorization);
  const verdict =
    credentials === undefined ? 'no' : authenticator.check(users, credentials, req.socket.remoteAddress ?? '');
  if (typeof verdict === 'string') {
    decide(verdict);
    return;
  }
  verdict.then(
    (later) => {
      if (!res.destroyed) decide(later);
    },
    (error: unknown) => {
      onFailure(error);
      if (!res.destroyed) respondLine(res, 500, 'Cannot check the password');
    },
  );
}
