import { DATASOURCE } from './panel.ts';

function queried(name: string, label: string, query: string, more: { readonly regex?: string } = {}): unknown {
  return {
    name,
    label,
    type: 'query',
    datasource: DATASOURCE,
    definition: query,
    query: { query, refId: `variable-${name}` },
    regex: more.regex ?? '',
    refresh: 2,
    sort: 7,
    multi: true,
    includeAll: true,
    allValue: '.+',
    current: { selected: true, text: ['All'], value: ['$__all'] },
    options: [],
    hide: 0,
    skipUrlSync: false,
  };
}

/** The selections on top: each narrows the ones after it. VDNs are chosen by name and matched by id. */
export function variables(): readonly unknown[] {
  return [
    {
      name: 'datasource',
      label: 'Data source',
      type: 'datasource',
      query: 'prometheus',
      regex: '',
      refresh: 1,
      multi: false,
      includeAll: false,
      // Where there are several: Grafana's default, if it is a Prometheus. Without it the first by name.
      current: { selected: true, text: 'default', value: 'default' },
      options: [],
      hide: 0,
      skipUrlSync: false,
    },
    queried('job', 'Job', 'label_values(aicc_cti_exporter_build_info, job)'),
    queried('instance', 'Instance', 'label_values(aicc_cti_exporter_build_info{job=~"$job"}, instance)'),
    queried('call_center', 'Call center', 'label_values(aicc_cti_up{job=~"$job", instance=~"$instance"}, call_center)'),
    queried(
      'vdn',
      'VDN',
      'query_result(max by (call_center, name, vdn) (aicc_cti_vdn_info{job=~"$job", instance=~"$instance", call_center=~"$call_center"}))',
      // Quotes in a name are not escaped in what this is matched against.
      { regex: '/name="(?<text>.+?)(?=",vdn=)|vdn="(?<value>[^"]+)/g' },
    ),
  ];
}
