import { describe, expect, it } from 'vitest';
import { DASHBOARDS } from '../../src/monitoring/dashboards.ts';
import { DEFAULT_OPTIONS } from '../../src/monitoring/options.ts';
import { type Dashboard, panelsOf } from '../support/dashboards.ts';

describe('the options of the dashboards', () => {
  const made = (options: Partial<typeof DEFAULT_OPTIONS>, name = 'aicc-cti'): Dashboard =>
    JSON.parse(DASHBOARDS.get(name)?.({ ...DEFAULT_OPTIONS, ...options }) ?? '') as Dashboard;

  it('select a job at the start', () => {
    const job = ({ templating }: Dashboard) => templating.list.find(({ name }) => name === 'job')?.current?.value;
    expect(job(made({ selectedJob: 'cti' }))).toEqual(['cti']);
    expect(job(made({}))).toEqual(['$__all']);
  });

  it('link to the documentation that was given', () => {
    for (const name of DASHBOARDS.keys()) {
      const urls = made({ docsUrl: 'https://docs.example.com/cti' }, name).links.map(({ url }) => url);
      expect(urls).toContain('https://docs.example.com/cti/runbooks');
      expect(urls.join(' ')).not.toContain('localhost');
    }
  });

  it('select by a label of the VDNs: all VDNs are then those with the label', () => {
    for (const name of DASHBOARDS.keys()) {
      const list = made({ labels: ['team', 'floor'] }, name).templating.list;
      expect(list.map((variable) => variable.name)).toEqual([
        ...['datasource', 'job', 'instance', 'call_center'],
        ...['team', 'floor', 'vdn'],
      ]);
      const query = (variable: string) => JSON.stringify(list.find((one) => one.name === variable)?.query);
      expect(query('team')).not.toContain('team=~');
      expect(query('floor')).toContain('team=~\\"$team\\"');
      expect(query('vdn')).toContain('team=~\\"$team\\", floor=~\\"$floor\\"');
      expect(list.at(-1)?.allValue).toBeUndefined();
    }
    const columns = panelsOf(made({ labels: ['team'] })).find(({ title }) => title === 'Lines, worst first');
    expect(columns?.targets[0]?.expr).toContain(', name, team)');
  });
});
