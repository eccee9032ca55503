import type { Query, QueryResult } from '../cms/client.ts';
import type { RejectionReason, VdnWindow } from '../cms/rows.ts';
import type { Clock, Moment } from '../core/clock.ts';
import type { Logger } from '../core/log.ts';
import { WINDOW_MS } from '../core/window.ts';
import { createYield } from '../core/yield.ts';
import type { CallCenterTelemetry } from '../exposition/call-center-metrics.ts';
import type { SnapshotStore } from '../exposition/snapshot-store.ts';
import type { Ledger } from '../ledger/ledger.ts';
import { type Clocks, clocksAt } from '../ledger/trusted-clock.ts';
import type { Totals } from '../ledger/vdn-account.ts';

/** Everything that a response changes. */
export interface ApplyContext {
  readonly ledger: Ledger;
  readonly store: SnapshotStore;
  readonly telemetry: CallCenterTelemetry;
  readonly clock: Clock;
  readonly logger: Logger;
  /** What the clocks say now. */
  readonly clocks: () => Clocks;
  /** Stores the ledger; resolves when that is done or has failed for good. */
  readonly persist: (ledger: Ledger) => Promise<void>;
  /** Announces that the store has changed; resolves when scrapes show the change. */
  readonly onChange: () => Promise<void>;
}

/** A query with what came back. */
export interface QueryResponse {
  readonly query: Query;
  readonly result: QueryResult;
}

/**
 * The one transaction of the program: records responses in the ledger, persists it, publishes totals and windows, and
 * announces the change, in this order. So a counter that a scrape has shown is found again after a crash.
 * @param latest the newest window that was due when the queries were sent
 * @param sent when the first of them was sent
 * @returns how many rows were counted for the first time
 */
export async function applyResponses(
  context: ApplyContext,
  responses: readonly QueryResponse[],
  latest: number,
  sent: Moment,
): Promise<number> {
  const { ledger, store, telemetry, clock } = context;
  const clocks = clocksAt(sent, context.clocks());
  const yieldIfDue = createYield(clock);
  let changed = false;
  let counted = 0;
  for (const { query, result } of responses) {
    await yieldIfDue();
    const recorded = ledger.record(query, result, latest, clocks);
    changed ||= recorded.changed;
    counted += recorded.counted;
    for (const window of recorded.settled) {
      telemetry.settled(Math.max(0, clock.now() - (window.start + WINDOW_MS)) / 1000);
    }
  }
  reportRejected(context, responses);
  if (changed) {
    await context.persist(ledger);
    store.publish(totalsOf(ledger));
  }
  store.update(windowsOf(responses));
  await context.onChange();
  return counted;
}

/** Counts every rejected row, and logs each reason once with an example. */
function reportRejected({ telemetry, logger }: ApplyContext, responses: readonly QueryResponse[]): void {
  const byReason = new Map<RejectionReason, { rows: number; example: string }>();
  for (const { reason, detail } of responses.flatMap(({ result }) => result.rejected)) {
    telemetry.rejected(reason);
    const known = byReason.get(reason);
    byReason.set(reason, { rows: (known?.rows ?? 0) + 1, example: known?.example ?? detail });
  }
  for (const [reason, fields] of byReason) logger.warn({ reason, ...fields }, 'Rows of the API were rejected');
}

function* windowsOf(responses: readonly QueryResponse[]): Generator<VdnWindow> {
  for (const { result } of responses) yield* result.windows;
}

/** The totals of every VDN in the ledger. */
export function totalsOf(ledger: Ledger): ReadonlyMap<number, Totals> {
  return new Map([...ledger.ids()].map((id) => [id, ledger.totals(id)]));
}
