import type { MonitoringOptions } from './options.ts';
import { DATASOURCE } from './panel.ts';

interface Queried {
  readonly name: string;
  readonly label: string;
  readonly query: string;
  readonly regex?: string;
  /** Exactly one value, the first one at the start. */
  readonly isOne?: boolean;
  /** What "All" stands for; without it, for all values that are offered. */
  readonly allValue?: string | undefined;
  /** What is selected at the start instead of all. */
  readonly selected?: string | undefined;
}

function queried({ name, label, query, regex = '', isOne = false, allValue = '.+', selected }: Queried): unknown {
  const value = selected ?? '$__all';
  const all = isOne ? {} : { current: { selected: true, text: [selected ?? 'All'], value: [value] } };
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: `variable-${name}` },
    regex,
    refresh: 2,
    sort: 7,
    multi: !isOne,
    includeAll: !isOne,
    ...(isOne || allValue === '' ? {} : { allValue }),
    ...all,
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

/** Where there are several: Grafana's default, if it is a Prometheus. Without it the first by name. */
const SOURCE = {
  name: 'datasource',
  label: 'Data source',
  type: 'datasource',
  query: 'prometheus',
  regex: '',
  refresh: 1,
  multi: false,
  includeAll: false,
  current: { selected: true, text: 'default', value: 'default' },
  options: [],
  hide: 0,
  skipUrlSync: false,
};

/**
 * The selections on top: each narrows the ones after it. VDNs are chosen by name and matched by id. The labels that users
 * give to VDNs are not on every series, so "All" VDNs means those with the chosen labels.
 */
export function variables({ labels, selectedJob }: MonitoringOptions, isOfOneLine: boolean): readonly unknown[] {
  const target = 'job=~"$job", instance=~"$instance"';
  const info = (more: readonly string[]): string =>
    `aicc_cti_vdn_info{${[target, 'call_center=~"$call_center"', ...more].join(', ')}}`;
  const matchers = labels.map((label) => `${label}=~"$${label}"`);
  return [
    SOURCE,
    queried({
      name: 'job',
      label: 'Job',
      query: 'label_values(aicc_cti_exporter_build_info, job)',
      selected: selectedJob,
    }),
    queried({
      name: 'instance',
      label: 'Instance',
      query: 'label_values(aicc_cti_exporter_build_info{job=~"$job"}, instance)',
    }),
    queried({
      name: 'call_center',
      label: 'Call center',
      query: `label_values(aicc_cti_up{${target}}, call_center)`,
      isOne: isOfOneLine,
    }),
    ...labels.map((label, index) =>
      queried({
        name: label,
        label: label.charAt(0).toUpperCase() + label.slice(1).replaceAll('_', ' '),
        query: `label_values(${info(matchers.slice(0, index))}, ${label})`,
        allValue: '.*',
      }),
    ),
    queried({
      name: 'vdn',
      label: isOfOneLine ? 'Line' : 'VDN',
      query: `query_result(max by (call_center, name, vdn) (${info(matchers)}))`,
      // Quotes in a name are not escaped in what this is matched against.
      regex: '/name="(?<text>.+?)(?=",vdn=)|vdn="(?<value>[^"]+)/g',
      isOne: isOfOneLine,
      allValue: labels.length > 0 ? '' : '.+',
    }),
  ];
}
