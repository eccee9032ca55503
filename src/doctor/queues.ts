import { type CallCenterConfig, MAX_QUEUES, type VdnConfig } from '../config/schema.ts';
import { ApiError } from '../core/errors.ts';
import { count, formatIds } from '../core/format.ts';
import { WINDOW_MS } from '../core/window.ts';
import { type FetchContext, queueClientFor } from '../queues/fetch.ts';
import type { QueueClient } from '../queues/client.ts';
import type { Finding } from './findings.ts';

const STEPS = ['queue ids', 'queues now', 'slots'] as const;

interface Context extends FetchContext {
  readonly signal: AbortSignal;
}

/** Tests the interfaces of the skill queues; no findings when no VDN wants queues. */
export async function examineQueues(config: CallCenterConfig, context: Context): Promise<Finding[]> {
  const vdns = config.vdns === 'all' ? [] : config.vdns.filter(({ queues }) => queues.length > 0);
  if (vdns.length === 0) return [];
  const client = queueClientFor(config, context);
  try {
    const ids = new Map<number, readonly number[]>();
    const described = await attempt(STEPS[0], () => describeQueues(client, vdns, ids, context.signal));
    for (const { id, queues } of vdns) if (!ids.has(id) && queues !== 'all') ids.set(id, queues);
    const [first] = [...ids].filter(([, queues]) => queues.length > 0);
    if (first === undefined)
      return [
        described,
        ...STEPS.slice(1).map((step): Finding => ({ step, status: 'skipped', detail: 'Needs queue ids' })),
      ];
    const [vdn, queues] = first;
    return [
      described,
      await attempt(STEPS[1], async () => {
        const { rows } = await client.status(vdn, queues.slice(0, MAX_QUEUES), context.signal);
        return found(`${count(rows.length, 'queue')} of VDN ${vdn} shown`, rows.length > 0);
      }),
      await attempt(STEPS[2], () => examineSlots(client, vdn, queues, context)),
    ];
  } finally {
    await client.close();
  }
}

/** The finding of a step; a request that fails makes it a failed one. */
async function attempt(step: string, run: () => Promise<Omit<Finding, 'step'>>): Promise<Finding> {
  try {
    return { step, ...(await run()) };
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    return { step, status: 'failed', detail: error.message, remedy: error.hint };
  }
}

function found(detail: string, isGood: boolean): Omit<Finding, 'step'> {
  if (isGood) return { status: 'ok', detail };
  return {
    status: 'warning',
    detail,
    remedy: 'Check the ids in include, and that the CMS has skill queues for the VDN',
  };
}

/** Asks which queues the VDNs have, and keeps the ids of those that are selected. */
async function describeQueues(
  client: QueueClient,
  vdns: readonly VdnConfig[],
  ids: Map<number, readonly number[]>,
  signal: AbortSignal,
): Promise<Omit<Finding, 'step'>> {
  for (const { id, queues } of vdns) {
    const { rows } = await client.queues(id, signal);
    const chosen = rows.filter((row) => queues === 'all' || queues.includes(row.id));
    ids.set(
      id,
      chosen.map((row) => row.id),
    );
  }
  const empty = vdns.filter(({ id }) => ids.get(id)?.length === 0).map(({ id }) => id);
  const queues = [...ids.values()].reduce((sum, list) => sum + list.length, 0);
  const detail = `${count(queues, 'queue')} of ${count(vdns.length, 'VDN')}`;
  return found(empty.length === 0 ? detail : `${detail}; none of VDN ${formatIds(empty, 200)}`, empty.length === 0);
}

async function examineSlots(
  client: QueueClient,
  vdn: number,
  queues: readonly number[],
  { clock, signal }: Context,
): Promise<Omit<Finding, 'step'>> {
  const { rows } = await client.slots(vdn, queues.slice(0, MAX_QUEUES), signal);
  const newest = Math.max(...rows.map(({ start }) => start));
  if (rows.length === 0) return { status: 'ok', detail: `No calls in the queues of VDN ${vdn}` };
  const slot = new Date(newest).toISOString().slice(0, 16).replace('T', ' ');
  if (newest + WINDOW_MS <= clock.now()) return { status: 'ok', detail: `The slot of ${slot} UTC is complete` };
  const remedy =
    'Nothing can be counted from it: ask the vendor for a version whose servicequality shows the last slot';
  return { status: 'warning', detail: `The CMS shows the slot of ${slot} UTC, which is still running`, remedy };
}
