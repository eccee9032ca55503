import { readOpeningHours } from './opening-hours.ts';
import type { OpeningHours } from './opening-hours.ts';
import type { OpeningPlan } from './opening-plan.ts';
import { readVdnQueues, type VdnQueues } from './queues.ts';
import { CONFIG_KEYS, MAX_VDN_ID, MAX_VDNS } from './schema.ts';
import type { QueuesConfig } from './schema.ts';
import { readTargets } from './targets.ts';
import type { Targets } from './targets.ts';
import { anyText, integer } from './value-parsers.ts';
import type { Reader } from './value-reader.ts';

/** A VDN with its own labels; other VDNs may have other ones. */
export interface ListedVdn extends VdnQueues {
  readonly id: number;
  readonly name: string;
  readonly labels: ReadonlyMap<string, string>;
  readonly targets: Targets;
  readonly openingHours: OpeningPlan | undefined;
}

/** The settings of the VDNs of a call center that have none of their own. */
export interface VdnDefaults {
  readonly targets: Targets;
  readonly openingHours: OpeningHours;
  readonly queues: QueuesConfig | undefined;
  readonly planOf: (hours: OpeningHours) => OpeningPlan | undefined;
}

interface Entry extends Omit<ListedVdn, 'id'> {
  readonly first: number;
  readonly last: number;
  readonly fromEnvironment: boolean;
}

const LABEL_NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;
/** Labels that aicc_cti_vdn_info always has. */
const OWN_LABELS = ['call_center', 'vdn', 'cc_id', 'name'];
/** Labels that Prometheus adds at a scrape (it would rename ours to `exported_job`), and those of histograms and summaries. */
const PROMETHEUS_LABELS = ['job', 'instance', 'le', 'quantile'];
const NO_LABELS: ReadonlyMap<string, string> = new Map();

/** The VDNs of a call center, sorted by id; undefined if a problem leaves none. */
export function readVdns(value: Reader | undefined, defaults: VdnDefaults): readonly ListedVdn[] | 'all' | undefined {
  if (value === undefined) return undefined;
  if (value.isScalar() && value.scalar('')?.text === 'all') return 'all';
  const items = value.list('a list of VDNs such as [1, 10-19], or the word all');
  if (items === undefined) return undefined;
  if (items.length === 0) value.report('Must name at least one VDN, or be the word all');

  const vdns = new Map<number, ListedVdn>();
  const lines = new Map<number, number>();
  let count = 0;
  for (const item of items) {
    const entry = item.isMapping() ? readMapping(item, defaults) : readRange(item, defaults);
    if (entry === undefined) continue;
    count += entry.last - entry.first + 1;
    // Count a huge range without a loop over it.
    if (count > MAX_VDNS) continue;
    let twice: number | undefined;
    for (let id = entry.first; id <= entry.last; id++) {
      if (vdns.has(id)) {
        twice ??= id;
        continue;
      }
      const { name, labels, targets, openingHours, queues, queueTargets } = entry;
      vdns.set(id, { id, name, labels, targets, openingHours, queues, queueTargets });
      lines.set(id, item.line);
    }
    if (twice === undefined) continue;
    const which = entry.fromEnvironment ? 'A VDN of this entry' : `VDN ${twice}`;
    item.report(`${which} is already listed in line ${lines.get(twice) ?? 0}`);
  }
  if (count > MAX_VDNS) value.report(`Must be at most ${MAX_VDNS} VDNs`);
  return [...vdns.values()].sort((a, b) => a.id - b.id);
}

function readRange(item: Reader, defaults: VdnDefaults): Entry | undefined {
  const expected = `a VDN id (1 to ${MAX_VDN_ID}), a range such as 10-19, or a mapping with id`;
  const scalar = item.scalar(expected);
  if (scalar === undefined) return undefined;
  const match = /^([1-9]\d*)(?:-([1-9]\d*))?$/.exec(scalar.text);
  const first = Number(match?.[1]);
  const last = Number(match?.[2] ?? match?.[1]);
  if (match !== null && first > last) item.report('The range is empty: its end lies before its start');
  else if (match !== null && last <= MAX_VDN_ID) {
    const { fromEnvironment } = scalar;
    const openingHours = defaults.planOf(defaults.openingHours);
    const { targets } = defaults;
    const line = { targets, openingHours, ...readVdnQueues(undefined, defaults.queues, targets) };
    return { first, last, fromEnvironment, name: '', labels: NO_LABELS, ...line };
  } else item.report(`Must be ${expected}`);
  return undefined;
}

function readMapping(item: Reader, defaults: VdnDefaults): Entry | undefined {
  const keys = item.mapping(CONFIG_KEYS.vdn);
  if (keys === undefined) return undefined;
  const idValue = keys.required('id');
  const id = integer(idValue, 1, MAX_VDN_ID);
  const name = anyText(keys.optional('name')) ?? '';
  const labels = readLabels(keys.optional('labels'));
  const targets = readTargets(keys.optional('targets'), defaults.targets);
  const hours = readOpeningHours(keys.optional('opening_hours'), defaults.openingHours);
  const openingHours = defaults.planOf(hours);
  const queues = readVdnQueues(keys.optional('queues'), defaults.queues, targets);
  if (id === undefined) return undefined;
  const fromEnvironment = idValue?.scalar('')?.fromEnvironment === true;
  return { first: id, last: id, fromEnvironment, name, labels, targets, openingHours, ...queues };
}

function readLabels(value: Reader | undefined): ReadonlyMap<string, string> {
  const labels = new Map<string, string>();
  for (const [name, entry] of value?.entries() ?? []) {
    if (!LABEL_NAME.test(name)) entry.reportKey('A label name has letters, digits and _ only, and no digit first');
    else if (OWN_LABELS.includes(name)) entry.reportKey(`The label ${name} is set by the exporter: choose another`);
    else if (PROMETHEUS_LABELS.includes(name))
      entry.reportKey(`The label ${name} has a meaning of its own in Prometheus: choose another`);
    else if (name.startsWith('__')) entry.reportKey('Label names that start with __ belong to Prometheus');
    else labels.set(name, anyText(entry) ?? '');
  }
  return labels;
}
