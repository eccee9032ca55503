import { hash, poisson, randomFrom } from './random.ts';

export const WINDOW_MS = 300_000;

/** What one row says: agents at the window's end, calls in the window, `answerRate` in whole percent. */
export interface WindowValues {
  readonly agentsOnline: number;
  readonly talking: number;
  readonly idle: number;
  readonly busy: number;
  readonly resting: number;
  readonly inbound: number;
  readonly answered: number;
  readonly answerRate: number;
  readonly outbound: number;
}

/** One simulated VDN. `office` VDNs are silent at night and on Sundays. */
export interface Vdn {
  readonly id: number;
  readonly seed: number;
  /** Agents on the roster of a weekday. */
  readonly agents: number;
  readonly hours: 'office' | 'always';
  /** Mean length of a call, in seconds. */
  readonly talkSeconds: number;
  /** Outbound calls of one agent in one window. */
  readonly outboundPerAgent: number;
  /** Always Tuesday, half past ten: for tests that must see calls at whatever hour they run. */
  readonly flat: boolean;
}

export interface VdnOptions {
  readonly id: number;
  readonly agents?: number;
  readonly hours?: 'office' | 'always';
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
const FLAT_HOUR = 10.5;
const TUESDAY = 2;
const WEEKLY_DEMAND = [0.3, 1.1, 1, 0.97, 0.98, 0.93, 0.45];
const WEEKLY_STAFF = [0.4, 1, 1, 1, 1, 1, 0.55];
const SHIFTS = [
  { start: 7, end: 15, share: 0.35 },
  { start: 9, end: 17, share: 0.35 },
  { start: 12, end: 20, share: 0.3 },
];
const NIGHT_SHIFT = { start: 19.5, end: 31.5, share: 0.12 };

/** A VDN with everything that was not chosen drawn from the seed: most are small; every third never closes. */
export function createVdn({ id, agents, hours }: VdnOptions, seed: number, flat: boolean): Vdn {
  const random = randomFrom(hash(seed, id));
  return {
    id,
    seed,
    agents: agents ?? Math.round(6 * 12 ** random()),
    hours: hours ?? (id % 3 === 1 ? 'always' : 'office'),
    talkSeconds: 140 + Math.round(200 * random()),
    outboundPerAgent: Math.max(0, 0.5 * random() - 0.15),
    flat,
  };
}

const bell = (hour: number, middle: number, width: number): number => Math.exp(-(((hour - middle) / width) ** 2) / 2);

/** Demand of the hour as a share of the day's peak: a morning and an afternoon hill with a dip at lunch. */
function demandAt(hour: number, hours: Vdn['hours']): number {
  const hills = bell(hour, 10.4, 1.5) + 0.88 * bell(hour, 15.3, 1.9);
  if (hours === 'always') return Math.max(0.06, hills);
  return hour < 7.5 || hour >= 19.5 ? 0 : hills;
}

/** Share of a shift that is in at the hour: people come and go within 40 minutes around its ends. */
function presence(hour: number, { start, end }: { start: number; end: number }): number {
  const step = (x: number): number => Math.min(1, Math.max(0, (x + 1 / 3) * 1.5));
  return Math.min(step(hour - start), step(end - hour));
}

/** Agents who are in and answer inbound calls. Who is absent is decided once a day for each shift. */
function staffAt(vdn: Vdn, day: number, hour: number, weekly: number): number {
  let staff = 0;
  SHIFTS.forEach((shift, index) => {
    const attendance = 0.85 + 0.15 * randomFrom(hash(vdn.seed, vdn.id, day, index))();
    staff += Math.round(vdn.agents * shift.share * attendance * weekly * presence(hour, shift));
  });
  if (vdn.hours === 'always') {
    const presentNow = Math.max(presence(hour, NIGHT_SHIFT), presence(hour + 24, NIGHT_SHIFT));
    staff += Math.ceil(vdn.agents * NIGHT_SHIFT.share * weekly * presentNow);
  }
  return staff;
}

export function answerRate(answered: number, inbound: number): number {
  return inbound === 0 ? 0 : Math.round((100 * answered) / inbound);
}

/**
 * The values of the window that starts at `start` (milliseconds, a multiple of 300000): a pure function of the VDN,
 * its seed and the time, so that years of history need no memory. Hours are UTC.
 */
export function windowOf(vdn: Vdn, start: number): WindowValues {
  const random = randomFrom(hash(vdn.seed, vdn.id, start / WINDOW_MS, 7));
  const day = vdn.flat ? 0 : Math.floor(start / DAY_MS);
  // 1970-01-01 was a Thursday.
  const weekday = vdn.flat ? TUESDAY : (day + 4) % 7;
  const hour = vdn.flat ? FLAT_HOUR : (start % DAY_MS) / HOUR_MS;
  const closed = vdn.hours === 'office' && weekday === 0;

  const staff = closed ? 0 : staffAt(vdn, day, hour, WEEKLY_STAFF[weekday] ?? 1);
  const round = (mean: number): number => Math.floor(mean + random());
  const resting = Math.min(staff, round(staff * (0.04 + 0.16 * bell(hour, 12.7, 0.7))));
  const busy = Math.min(staff - resting, round(staff * 0.06));
  const available = staff - resting - busy;

  const busyDay = 0.9 + 0.2 * randomFrom(hash(vdn.seed, vdn.id, day, 99))();
  const callsPerAgent = WINDOW_MS / 1000 / vdn.talkSeconds;
  const demand = closed ? 0 : demandAt(hour, vdn.hours) * (WEEKLY_DEMAND[weekday] ?? 1) * busyDay;
  const inbound = poisson(random, vdn.agents * 0.42 * callsPerAgent * demand);
  const capacity = round(available * callsPerAgent * 0.95);
  const waiting = Math.max(0, inbound - poisson(random, inbound * 0.03));
  let answered = Math.min(waiting, capacity);
  // Sometimes a call of the previous window is answered in this one.
  if (inbound > 0 && answered === inbound && answered < capacity && random() < 0.03) answered++;

  const talking = Math.min(available, round(answered / callsPerAgent));
  const outbound = poisson(random, available * vdn.outboundPerAgent);
  return {
    agentsOnline: staff + Math.ceil(staff * 0.1),
    talking,
    idle: available - talking,
    busy,
    resting,
    inbound,
    answered,
    answerRate: answerRate(answered, inbound),
    outbound,
  };
}

/** What is said of a window before it is corrected: some calls fewer or, just as often, some more than in truth. */
export function beforeCorrection(vdn: Vdn, start: number, truth: WindowValues): WindowValues {
  const random = randomFrom(hash(vdn.seed, vdn.id, start / WINDOW_MS, 11));
  const off = 1 + Math.floor(random() * truth.inbound * 0.2);
  const inbound = truth.inbound >= off && random() < 0.5 ? truth.inbound - off : truth.inbound + off;
  const answered = Math.min(inbound, inbound < truth.inbound ? truth.answered : truth.answered + Math.ceil(off / 2));
  const outbound = Math.max(0, truth.outbound + (random() < 0.5 ? -1 : 1));
  return { ...truth, inbound, answered, answerRate: answerRate(answered, inbound), outbound };
}
