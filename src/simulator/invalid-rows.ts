import type { Row } from './response-shapes.ts';
import { BAD_ROWS, type BadRow } from './faults.ts';
import type { Query } from './query.ts';
import { WINDOW_MS } from './traffic.ts';

const VALUES = {
  onlineAgentNums: 7,
  talkingNums: 1,
  ideaAgentNum: 2,
  busyNums: 1,
  restNums: 1,
  incallNums: 1000,
  rateNum: 1000,
  callRate: 100,
  callOutNums: 1000,
};

/** Rows that a client must not use, one of each wanted kind; their many calls show when one is used. */
export function badRows({ ccId, vdns, start, end }: Query, kinds: readonly BadRow[] = BAD_ROWS): readonly Row[] {
  const window = Math.ceil(start / WINDOW_MS) * WINDOW_MS;
  const row = { ...VALUES, beginTime: String(window), ccId, vdn: vdns?.[0] ?? 1 };
  const rows: Record<BadRow, Row> = {
    unknownVdn: { ...row, vdn: 99_999 },
    wrongCcId: { ...row, ccId: ccId + 1 },
    offGrid: { ...row, beginTime: String(window + 1000) },
    outOfRange: { ...row, beginTime: String(Math.ceil(end / WINDOW_MS) * WINDOW_MS + 12 * WINDOW_MS) },
    negative: { ...row, incallNums: -3 },
    notANumber: { ...row, incallNums: 'many' },
  };
  return kinds.map((kind) => rows[kind]);
}
