import type { PeerCertificate } from 'node:tls';
import { ApiError, type FailureReason } from '../core/errors.ts';
import { ProxyFailure } from './proxy.ts';
import { errorCode, errorMessage, oneLine } from '../core/format.ts';

interface Explanation {
  readonly reason: FailureReason;
  readonly text: string;
  readonly hint: string;
}

const explain = (reason: FailureReason, text: string, hint: string): Explanation => ({ reason, text, hint });

const ALLOWED = "the CMS allows this machine's source address, and the port is right";
const CLOSED_HINT = `Check that ${ALLOWED}; a port that wants https:// or a client certificate (tls.cert_file) closes connections, too`;
const NOT_CMS = 'Check that url points to the CC-CMS server itself';
const MANGLED = 'The answer was cut off or mangled on its way: check proxies and gateways in between';
const CA_HINT = 'Set tls.ca_file to the CA certificate (PEM) that signed the certificate of the CMS';

/** Error codes of Node.js, OpenSSL and undici that have one clear meaning for an operator. */
const CODES: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: explain('network', 'connection refused', 'Check the port of url, and that the CMS is running'),
  ECONNRESET: explain('network', 'connection reset', CLOSED_HINT),
  EPIPE: explain('network', 'connection closed while sending', CLOSED_HINT),
  EHOSTUNREACH: explain('network', 'no route to the host', 'Check routing and firewalls, or set proxy_url'),
  ENETUNREACH: explain('network', 'no route to the network', 'Check routing and firewalls, or set proxy_url'),
  ENOTFOUND: explain('network', 'unknown host', 'Check the host name in url, and the DNS of this machine'),
  EAI_AGAIN: explain('network', 'host name lookup failed', 'Check the DNS of this machine'),
  ETIMEDOUT: explain('timeout', 'no connection in time', `Check that ${ALLOWED}`),
  UND_ERR_CONNECT_TIMEOUT: explain('timeout', 'no connection in time', `Check that ${ALLOWED}`),
  UND_ERR_SOCKET: explain('network', 'connection closed before the answer was complete', CLOSED_HINT),
  UND_ERR_HEADERS_OVERFLOW: explain('invalid', 'the headers of the answer are too large', NOT_CMS),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: explain('invalid', 'the answer contradicts its Content-Length', MANGLED),
  CERT_HAS_EXPIRED: explain('tls', 'the certificate has expired', 'Renew the certificate of the CMS'),
  CERT_NOT_YET_VALID: explain('tls', 'the certificate is not valid yet', 'Check the clock of this machine'),
  DEPTH_ZERO_SELF_SIGNED_CERT: explain('tls', 'the certificate is self-signed', CA_HINT),
  SELF_SIGNED_CERT_IN_CHAIN: explain('tls', 'the certificate comes from a private CA', CA_HINT),
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: explain('tls', 'the certificate comes from an unknown CA', CA_HINT),
  UNABLE_TO_GET_ISSUER_CERT: explain('tls', 'the certificate comes from an unknown CA', CA_HINT),
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: explain('tls', 'the certificate comes from an unknown CA', CA_HINT),
  ERR_TLS_CERT_ALTNAME_INVALID: explain(
    'tls',
    'the certificate is for another host name',
    'Use a host name of the certificate in url, or set tls.server_name to one',
  ),
};

/** The names that a certificate is for, when it is for another one: one of them is what `tls.server_name` wants. */
function namesOf(error: Error): string {
  const cert = 'cert' in error ? (error.cert as Partial<PeerCertificate>) : {};
  if (cert.subjectaltname !== undefined) return ` (it is for ${oneLine(cert.subjectaltname, 200)})`;
  const name = cert.subject?.CN;
  return name === undefined ? '' : ` (it is for CN=${oneLine(String(name), 200)}, without a subjectAltName)`;
}

/** The chain of causes, outermost first; a failed dual-stack connect hides the reasons in `errors`. */
function* causes(error: unknown): Generator<Error> {
  for (let depth = 0; error instanceof Error && depth < 5; depth++) {
    yield error;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
}

function explanationOf(error: unknown): Explanation {
  let generic: Explanation | undefined;
  for (const cause of causes(error)) {
    const code = errorCode(cause) ?? '';
    const known = CODES[code];
    // undici wraps what happened on the socket: the innermost known code says most.
    if (known !== undefined) generic = { ...known, text: known.text + namesOf(cause) };
    else if (code === 'EPROTO' || code.startsWith('ERR_SSL_') || code.startsWith('ERR_TLS_')) {
      generic = explain(
        'tls',
        `the TLS handshake failed (${code === 'EPROTO' ? 'protocol error' : code})`,
        'Check that the port of url speaks HTTPS, whether the CMS wants a client certificate (tls.cert_file), and its TLS version',
      );
    } else if (code.startsWith('ERR_OSSL_')) {
      const files = 'Check that tls.ca_file, tls.cert_file and tls.key_file are whole and belong together';
      generic = explain('tls', `the TLS files cannot be used (${code})`, files);
    } else if (code.startsWith('CERT_')) {
      generic = explain('tls', `the certificate was not accepted (${code})`, CA_HINT);
    } else if (code.startsWith('HPE_') || cause.name === 'HTTPParserError') {
      generic = explain('invalid', 'the answer is not HTTP', 'Check the port of url, and whether it wants https://');
    }
  }
  return generic ?? explain('network', oneLine(errorMessage(error), 200), `Check that ${ALLOWED}`);
}

/** What the proxy did, and what to check there. */
function explainProxy({ proxy, status, cause }: ProxyFailure): Explanation {
  if (status === undefined) {
    const { reason, text } = explanationOf(cause);
    const hint = 'Check proxy_url (or the proxy variables of the environment), and that the proxy is running';
    return explain(reason, `the proxy ${proxy}: ${text}`, hint);
  }
  const text = `the proxy ${proxy} answered HTTP ${status} and opened no tunnel`;
  if (status === 407)
    return explain(
      'network',
      text,
      'Check the user and the password in proxy_url (or the proxy variables of the environment)',
    );
  const isRefusal = status >= 400 && status < 500;
  return explain(
    'network',
    text,
    isRefusal
      ? 'Have the proxy allow this machine to CONNECT to the host and port of url'
      : 'Check that the proxy can reach the host and port of url, and that proxy_url is a proxy',
  );
}

/**
 * Turns what undici throws into an error that says what to check.
 * @param origin the URL's origin, for the message
 */
export function fromTransport(error: unknown, origin: string): ApiError {
  const atProxy = [...causes(error)].find((cause) => cause instanceof ProxyFailure);
  const { reason, text, hint } = atProxy === undefined ? explanationOf(error) : explainProxy(atProxy);
  return new ApiError(`${origin}: ${text}`, { reason, hint, cause: error });
}

export function timedOut(origin: string, timeoutMs: number): ApiError {
  return new ApiError(`${origin}: no complete answer within ${timeoutMs / 1000}s`, {
    reason: 'timeout',
    hint: `Check the load of the CMS and that ${ALLOWED}; raise poll.timeout if the CMS is just slow`,
  });
}

/** Delay that a Retry-After header asks for, in either form; undefined when there is none that makes sense. */
export function retryAfter(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isFinite(ms) && ms > 0 ? ms : undefined;
}

/** The title of an HTML page: enough to recognise a firewall's refusal. */
function pageTitle(body: string): string {
  const title = oneLine(/<title[^>]*>([^<]{1,200})/i.exec(body)?.[1] ?? '', 80);
  return title ? ` with a page titled "${title}"` : '';
}

/** An answer whose status is not 200. */
export function fromStatus(origin: string, status: number, body: string, retryAfterMs: number | undefined): ApiError {
  const common = { status, retryAfterMs };
  if (status === 401) {
    return new ApiError(`${origin}: HTTP 401, the signature was refused`, {
      ...common,
      reason: 'auth',
      hint: 'Check access_key and secret_key, the clock of this machine, and the signing options; query --debug-signature shows what was signed',
    });
  }
  const hints: Readonly<Record<number, string>> = {
    403: "A firewall may refuse this machine: have its source address allow-listed; if the page is the CMS' own, check the permissions of the access key",
    404: 'Check that url points to the CC-CMS server, without a path',
    407: 'Check the credentials in proxy_url',
    429: 'The CMS or a firewall limits requests: lower poll.concurrency or raise poll.retry_interval',
  };
  const fallback = status >= 500 ? 'The CMS or the gateway in front of it has a problem: look there' : NOT_CMS;
  return new ApiError(`${origin}: HTTP ${status}${pageTitle(body)}`, {
    ...common,
    reason: 'http',
    hint: hints[status] ?? fallback,
  });
}

/** An answer with status 200 that is not JSON. */
export function notJson(origin: string, body: string, cause: unknown): ApiError {
  const isPage = /^\s*</.test(body);
  return new ApiError(
    isPage
      ? `${origin}: the answer is a web page${pageTitle(body)}, not JSON`
      : `${origin}: the answer is ${body.trim() === '' ? 'empty' : `not complete JSON (${body.length} characters)`}`,
    {
      reason: 'invalid',
      hint: isPage ? 'A portal or firewall answers in place of the CMS: check url and the path to it' : MANGLED,
      cause,
    },
  );
}

/** An answer in a coding that was not asked for. */
export function compressed(origin: string, encoding: string): ApiError {
  return new ApiError(`${origin}: the answer is compressed (${oneLine(encoding, 40)}), which was not asked for`, {
    reason: 'invalid',
    hint: 'Have the gateway in front of the CMS not compress what accepts identity alone',
  });
}
