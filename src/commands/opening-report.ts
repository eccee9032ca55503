import { isOpen, nextChange } from '../config/opening-plan.ts';
import type { OpeningPlan } from '../config/opening-plan.ts';
import type { CallCenterConfig, Config } from '../config/schema.ts';
import { formatIds } from '../core/format.ts';
import { formatLocalTime } from '../core/time-zone.ts';

/** Characters of a line's list of VDN ids. */
const MAX_IDS_LENGTH = 60;

/**
 * For each distinct plan of the config: which lines have it, whether they are open at `now`, and their next opening and
 * closing, in the order in which they come. Each line ends with a line break; empty without opening hours.
 */
export function openingReport({ callCenters }: Config, now: number): string {
  const users = new Map<OpeningPlan, string[]>();
  for (const callCenter of callCenters) {
    for (const [plan, lines] of plansOf(callCenter)) {
      users.set(plan, [...(users.get(plan) ?? []), `${callCenter.name} ${lines}`]);
    }
  }
  return [...users].map(([plan, lines]) => describePlan(plan, lines.join('; '), now)).join('');
}

/** The plans of a call center with the VDNs that have them. */
function plansOf({ vdns, openingHours }: CallCenterConfig): Map<OpeningPlan, string> {
  if (vdns === 'all') return new Map(openingHours === undefined ? [] : [[openingHours, 'all VDNs']]);
  const ids = new Map<OpeningPlan, number[]>();
  for (const vdn of vdns) {
    if (vdn.openingHours === undefined) continue;
    const known = ids.get(vdn.openingHours);
    if (known === undefined) ids.set(vdn.openingHours, [vdn.id]);
    else known.push(vdn.id);
  }
  return new Map([...ids].map(([plan, list]) => [plan, `VDN ${formatIds(list, MAX_IDS_LENGTH)}`]));
}

function describePlan(plan: OpeningPlan, lines: string, now: number): string {
  const open = isOpen(plan, now);
  const first = nextChange(plan, now);
  const second = first === undefined ? undefined : nextChange(plan, first);
  const change = (at: number, opens: boolean): string => {
    const utc = new Date(at).toISOString().slice(0, 16).replace('T', ' ');
    return `  ${opens ? 'opens ' : 'closes'} ${formatLocalTime(plan.timeZone, at)} ${plan.timeZone} (${utc} UTC)\n`;
  };
  return [
    `Opening hours of ${lines}: ${open ? 'open' : 'closed'} now${first === undefined ? ', and this never changes' : ''}\n`,
    first === undefined ? '' : change(first, !open),
    second === undefined ? '' : change(second, open),
  ].join('');
}
