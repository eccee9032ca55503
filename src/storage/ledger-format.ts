import { createHash } from 'node:crypto';
import type { LedgerState } from '../ledger/ledger.ts';

/** Raised whenever an older exporter could not read what is written; docs/storage.md describes each. */
const VERSION = 1;

/** What a file holds: the ledger of the VDNs, or that of their skill queues. */
export type LedgerFormat = 'aicc-cti-ledger' | 'aicc-cti-queues';

/** What every ledger has: accounts by VDN. */
export interface StoredAccounts {
  readonly vdns: readonly unknown[];
}

interface Header {
  readonly format: LedgerFormat;
  readonly version: number;
  readonly call_center: string;
  readonly sha256: string;
}

/** What a file turned out to be; `problem` says why it cannot be used, in words for a log line. */
export type Decoded<State> = { readonly state: State } | { readonly problem: string };

/** Accounts that are written between two calls of `yieldIfDue`: about 2 ms of work. */
const SLICE = 100;

/**
 * The content of a ledger file: a header line with the checksum of the second line, and that line. Both are JSON.
 * @param yieldIfDue called between two pieces of the work; the state must not change meanwhile
 */
export async function encodeLedger(
  callCenter: string,
  { vdns, ...rest }: StoredAccounts,
  yieldIfDue: () => Promise<void> = () => Promise.resolve(),
  format: LedgerFormat = 'aicc-cti-ledger',
): Promise<string> {
  const hash = createHash('sha256');
  let body = '';
  const add = (piece: string) => {
    hash.update(piece);
    body += piece;
  };
  const start = JSON.stringify(rest).slice(0, -1);
  add(`${start}${start === '{' ? '' : ','}"vdns":[`);
  for (let i = 0; i < vdns.length; i += SLICE) {
    if (i > 0) await yieldIfDue();
    add((i > 0 ? ',' : '') + JSON.stringify(vdns.slice(i, i + SLICE)).slice(1, -1));
  }
  add(']}');
  const header: Header = { format, version: VERSION, call_center: callCenter, sha256: hash.digest('hex') };
  return `${JSON.stringify(header)}\n${body}\n`;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Reads what {@link encodeLedger} wrote. Never throws. */
export function decodeLedger<State extends StoredAccounts = LedgerState>(
  callCenter: string,
  content: string,
  format: LedgerFormat = 'aicc-cti-ledger',
): Decoded<State> {
  const [first = '', body = '', ...rest] = content.split('\n');
  const header = parse(first) as Partial<Header> | null | undefined;
  if (typeof header !== 'object' || header?.format !== format) return { problem: 'it is no ledger of this exporter' };
  if (header.version !== VERSION) {
    return {
      problem: `it has version ${String(header.version)} of the format, this exporter reads version ${VERSION}`,
    };
  }
  if (header.call_center !== callCenter) return { problem: 'it belongs to another call center' };
  if (rest.length !== 1 || rest[0] !== '') return { problem: 'it was cut off' };
  if (createHash('sha256').update(body).digest('hex') !== header.sha256) return { problem: 'its checksum is wrong' };
  const state = parse(body);
  if (state === undefined) return { problem: 'its second line is no JSON' };
  // The checksum vouches for the rest: only this program at this version writes such a line.
  return { state: state as State };
}
