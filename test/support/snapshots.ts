import type { VdnConfig } from '../../src/config/schema.ts';
import { DEFAULT_TARGETS } from '../../src/config/targets.ts';
import type { CallCenterSnapshot, VdnState } from '../../src/exposition/snapshot-store.ts';

/** Targets and opening hours of a config without any. */
export const DEFAULT_LINE = { targets: DEFAULT_TARGETS, openingHours: undefined };

/** A VDN of which the config gives the id alone. */
export function vdnConfig(id: number): VdnConfig {
  return { id, name: '', labels: {}, queues: [], queueTargets: new Map(), ...DEFAULT_LINE };
}

/** A VDN with a different value in every field. */
export function vdnState(id: number, overrides: Partial<VdnState> = {}): VdnState {
  return {
    id,
    name: `Hotline ${id}`,
    labels: {},
    ccId: 1,
    window: {
      ...{ vdn: id, start: 1_763_460_000_000, agentsOnline: 50 + id, talking: 21, idle: 12, busy: 4, resting: 3 },
      ...{ inbound: 100, answered: 29, answerRate: 29, outbound: 17 },
    },
    totals: { inbound: 1000 + id, answered: 900, outbound: 800, windows: 700, revised: 6, missing: 5 },
    targets: DEFAULT_TARGETS,
    opening: { isOpen: true, nextChangeAt: Infinity },
    ...overrides,
  };
}

export function snapshot(callCenter: string, vdns: number | readonly VdnState[], version = 1): CallCenterSnapshot {
  return {
    callCenter,
    version,
    isCurrentAt: () => true,
    vdns: typeof vdns === 'number' ? Array.from({ length: vdns }, (_, index) => vdnState(index + 1)) : vdns,
  };
}
