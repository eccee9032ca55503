import type { PeerCertificate } from 'node:tls';
import { ApiError, type FailureReason } from '../core/errors.ts';
import { ProxyFailure } from './proxy.ts';
import { NameLookupError } from './resolver.ts';
import { errorCode, errorMessage, oneLine } from '../core/format.ts';

interface Explanation {
  readonly reason: FailureReason;
  readonly text: string;
  readonly hint: string;
}

const explain = (reason: FailureReason, text: string, hint: string): Explanation => ({ reason, text, hint });

export const ALLOWED = "the CMS allows this machine's source address, and the port is right";
const CLOSED_HINT = `Check that ${ALLOWED}; a port that wants https:// or a client certificate (tls.cert_file) closes connections, too`;
export const NOT_CMS = 'Check that url points to the CC-CMS server itself';
export const MANGLED = 'The response was cut off or mangled on its way: check proxies and gateways in between';
const CA_HINT = 'Set tls.ca_file to the CA certificate (PEM) that signed the certificate of the CMS';

const DNS_HINT = 'Check the host name in url (or in proxy_url), and the DNS of this machine (/etc/resolv.conf)';

/** undici ends the connection at a `100 Continue` that it did not request, though RFC 9110 (15.2) allows it. */
const CONTINUE = explain(
  'invalid',
  'the response starts with "100 Continue", which was not requested',
  'Have the CMS or the gateway in front of it send no interim responses',
);

/** Error codes of Node.js, OpenSSL and undici that have one clear meaning for an operator. */
const CODES: Readonly<Record<string, Explanation>> = {
  ECONNREFUSED: explain('network', 'connection refused', 'Check the port of url, and that the CMS is running'),
  ECONNRESET: explain('network', 'connection reset', CLOSED_HINT),
  EPIPE: explain('network', 'connection closed while sending', CLOSED_HINT),
  EHOSTUNREACH: explain('network', 'no route to the host', 'Check routing and firewalls, or set proxy_url'),
  ENETUNREACH: explain('network', 'no route to the network', 'Check routing and firewalls, or set proxy_url'),
  ETIMEDOUT: explain('timeout', 'no connection in time', `Check that ${ALLOWED}`),
  UND_ERR_CONNECT_TIMEOUT: explain('timeout', 'no connection in time', `Check that ${ALLOWED}`),
  UND_ERR_SOCKET: explain('network', 'connection closed before the response was complete', CLOSED_HINT),
  UND_ERR_HEADERS_OVERFLOW: explain('invalid', 'the headers of the response are too large', NOT_CMS),
  UND_ERR_RES_CONTENT_LENGTH_MISMATCH: explain('invalid', 'the response contradicts its Content-Length', MANGLED),
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

/** The chain of causes, outermost first; a failed connect to several addresses has the reasons in `errors`. */
function* causes(error: unknown): Generator<Error> {
  for (let depth = 0; error instanceof Error && depth < 5; depth++) {
    yield error;
    error = error instanceof AggregateError ? error.errors[0] : error.cause;
  }
}

function explanationOf(error: unknown): Explanation {
  let generic: Explanation | undefined;
  for (const cause of causes(error)) {
    if (cause instanceof NameLookupError) return explain('network', cause.message, DNS_HINT);
    const code = errorCode(cause) ?? '';
    if (code === 'UND_ERR_SOCKET' && cause.message === 'bad response') return CONTINUE;
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
      generic = explain('invalid', 'the response is not HTTP', 'Check the port of url, and whether it wants https://');
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
  const text = `the proxy ${proxy} sent HTTP ${status} and opened no tunnel`;
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
