import { readFileSync } from 'node:fs';
import { DASHBOARDS } from '../../src/monitoring/dashboards.ts';

export interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description: string;
  readonly datasource: { readonly uid: string };
  readonly interval: string;
  readonly timeFrom?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly {
    readonly refId: string;
    readonly expr: string;
    readonly legendFormat: string;
    readonly instant: boolean;
    readonly datasource: { readonly uid: string };
  }[];
  readonly fieldConfig: {
    readonly overrides: readonly {
      readonly matcher: { readonly id: string; readonly options: string };
      readonly properties: readonly { readonly id: string; readonly value: unknown }[];
    }[];
    readonly defaults: {
      readonly unit: string;
      readonly decimals?: number;
      readonly noValue: string;
      readonly mappings?: readonly unknown[];
      readonly links?: readonly { readonly url: string }[];
      readonly custom?: { readonly spanNulls?: number; readonly lineInterpolation?: string };
      readonly thresholds: { readonly steps: readonly { readonly value: number | null }[] };
    };
  };
  readonly options: { readonly reduceOptions?: { readonly calcs: readonly string[] } };
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[];
  readonly panels?: readonly Panel[];
}

export interface Variable {
  readonly name: string;
  readonly label: string;
  readonly type: string;
  readonly query: string | { readonly query: string };
  readonly datasource?: { readonly uid: string };
  readonly multi: boolean;
  readonly includeAll: boolean;
  readonly allValue?: string;
  readonly refresh: number;
  readonly regex: string;
  readonly current?: { readonly value: unknown };
}

export interface Dashboard {
  readonly uid: string;
  readonly title: string;
  readonly tags: readonly string[];
  readonly links: readonly { readonly url: string; readonly includeVars: boolean }[];
  readonly templating: { readonly list: readonly Variable[] };
  readonly annotations: { readonly list: readonly { expr: string; titleFormat: string; textFormat: string }[] };
  readonly panels: readonly Panel[];
}

/** Panels and rows, those of closed rows included. */
export const everything = ({ panels }: Dashboard): readonly Panel[] =>
  panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);

/** Panels without the rows. */
export const panelsOf = (dashboard: Dashboard): readonly Panel[] =>
  everything(dashboard).filter(({ type }) => type !== 'row');

/** The committed dashboards: name, text, content. */
export const COMMITTED = [...DASHBOARDS.keys()].map((name) => {
  const text = readFileSync(`grafana/${name}.json`, 'utf8');
  return { name, text, dashboard: JSON.parse(text) as Dashboard };
});
