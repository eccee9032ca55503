/** Limits for clients. Times in milliseconds, sizes in bytes. */
export interface Limits {
  /** Per listen address; one more closes the longest idle connection. */
  readonly maxConnections: number;
  /** Requests of one connection that wait while another is handled; one more closes the connection. */
  readonly maxWaitingRequests: number;
  /** From connecting to the end of the TLS handshake. */
  readonly handshakeTimeout: number;
  /** From connecting, or from a request's first byte, to the end of its headers; then 408. */
  readonly headersTimeout: number;
  /** The same, to the end of its body; then 408. */
  readonly requestTimeout: number;
  /** How often the two above are checked. */
  readonly connectionsCheckingInterval: number;
  /** Request line and headers together; then 431. */
  readonly maxHeaderSize: number;
  /** Without a byte sent or received while a response is due. */
  readonly socketTimeout: number;
  /** From the start of handling a request to the last byte of its response. */
  readonly responseTimeout: number;
  /** Of an idle connection. */
  readonly keepAliveTimeout: number;
}

export const DEFAULT_LIMITS: Limits = {
  maxConnections: 2000,
  maxWaitingRequests: 16,
  handshakeTimeout: 10_000,
  headersTimeout: 10_000,
  requestTimeout: 30_000,
  connectionsCheckingInterval: 2000,
  maxHeaderSize: 16_384,
  socketTimeout: 30_000,
  responseTimeout: 120_000,
  // Longer than the usual scrape intervals, so that the next scrape finds its connection open.
  keepAliveTimeout: 120_000,
};
