import type { VdnWindow, WindowField } from '../cms/rows.ts';

/** Fields that are above 0 only when there are agents or calls; a ratio says nothing. */
const FIELDS: readonly WindowField[] = [
  ...(['agentsOnline', 'talking', 'idle', 'busy', 'resting'] as const),
  ...(['inbound', 'answered', 'outbound'] as const),
];

/**
 * Whether a row shows agents or calls. A row of zeros proves nothing: some APIs fill windows with zeros that have not
 * ended, or whose statistics are not settled yet.
 */
export function hasActivity(row: VdnWindow): boolean {
  return FIELDS.some((field) => (row[field] ?? 0) > 0);
}
