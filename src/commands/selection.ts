import { type CallCenterConfig, type Config, MAX_VDN_ID, type Vdn } from '../config/schema.ts';
import { UsageError } from '../core/errors.ts';
import { formatIds } from '../core/format.ts';
import type { HistoryTarget } from '../history/plan.ts';
import { readIds } from './flags.ts';

/** The flags that `query`, `backfill` and `audit` share. */
export const SELECTION_FLAGS = {
  'config.file': { type: 'string' },
  'call-center': { type: 'string' },
  vdn: { type: 'string' },
  from: { type: 'string' },
  to: { type: 'string' },
} as const;

/** A call center and the VDNs of it that a command works on. */
export interface Selection {
  readonly config: CallCenterConfig;
  readonly vdns: readonly Vdn[] | 'all';
}

/**
 * The call centers and VDNs that `--call-center` and `--vdn` select; all of them without these flags.
 * @throws UsageError for a name or an id that is not configured
 */
export function select(
  { callCenters, vdnLabelNames }: Config,
  flags: { readonly callCenter: string | undefined; readonly vdn: string | undefined },
): Selection[] {
  const chosen = callCenters.filter(({ name }) => flags.callCenter === undefined || name === flags.callCenter);
  if (chosen.length === 0) {
    const known = callCenters.map(({ name }) => name).join(', ');
    throw new UsageError(`--call-center is "${flags.callCenter ?? ''}", which is not configured: use one of ${known}`);
  }
  if (flags.vdn === undefined) return chosen.map((config) => ({ config, vdns: config.vdns }));

  const ids = readIds('vdn', flags.vdn, MAX_VDN_ID);
  const labels = Object.fromEntries(vdnLabelNames.map((name) => [name, '']));
  const selections = chosen.map((config) => ({
    config,
    vdns: ids.flatMap((id) =>
      config.vdns === 'all' ? [{ id, name: '', labels }] : config.vdns.filter((vdn) => vdn.id === id),
    ),
  }));
  const found = new Set(selections.flatMap(({ vdns }) => vdns.map(({ id }) => id)));
  const unknown = ids.filter((id) => !found.has(id));
  if (unknown.length > 0) {
    const where = chosen.map(({ name }) => name).join(', ');
    throw new UsageError(`--vdn: VDN ${formatIds(unknown)} is not configured for call center ${where}`);
  }
  return selections.filter(({ vdns }) => vdns.length > 0);
}

/** The selection as the targets of a history plan. */
export function targetsOf(selections: readonly Selection[]): HistoryTarget[] {
  return selections.map(({ config: { name }, vdns }) => ({
    callCenter: name,
    vdns: vdns === 'all' ? vdns : vdns.map(({ id }) => id),
  }));
}
