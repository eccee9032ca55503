/** The parts of Grafana's Classic dashboard JSON that the dashboards use, and functions that fill in what never varies. */

export const DATASOURCE = { type: 'prometheus', uid: '${datasource}' } as const;

export const NO_VALUE = 'no data';

/** One query. `legend` is a Grafana legend format; `instant` asks for one value now instead of a curve. */
export interface Query {
  readonly expr: string;
  readonly legend?: string;
  readonly instant?: boolean;
}

/** A value from which a colour holds; `null` is minus infinity. */
export interface Step {
  readonly value: number | null;
  readonly color: string;
}

export interface Override {
  readonly matcher: { readonly id: 'byName' | 'byRegexp' | 'byFrameRefID'; readonly options: string };
  readonly properties: readonly { readonly id: string; readonly value: unknown }[];
}

/** What differs from panel to panel. Width and height are grid units: 24 across, 30 pixels and a gap high. */
export interface PanelSpec {
  readonly title: string;
  readonly description: string;
  readonly unit: string;
  readonly width: number;
  readonly height: number;
  readonly queries: readonly Query[];
  readonly decimals?: number;
  readonly min?: number;
  readonly max?: number;
  readonly noValue?: string;
  readonly steps?: readonly Step[];
  readonly overrides?: readonly Override[];
  /** A time range of its own, in Grafana's words: `now/d` is today so far. */
  readonly timeFrom?: string;
  /** Most points of a curve: the step grows with the time range. */
  readonly maxDataPoints?: number;
  readonly links?: readonly DataLink[];
}

/** Where a click on a value leads. */
export interface DataLink {
  readonly title: string;
  readonly url: string;
}

interface Target {
  readonly refId: string;
  readonly datasource: typeof DATASOURCE;
  readonly editorMode: 'code';
  readonly expr: string;
  readonly legendFormat: string;
  readonly instant: boolean;
  readonly range: boolean;
  readonly format: 'time_series' | 'table';
}

export interface Panel {
  readonly type: 'stat' | 'timeseries' | 'table';
  readonly title: string;
  readonly description: string;
  readonly datasource: typeof DATASOURCE;
  readonly pluginVersion: string;
  readonly interval: string;
  readonly maxDataPoints?: number;
  readonly timeFrom?: string;
  readonly targets: readonly Target[];
  readonly transformations?: readonly { readonly id: string; readonly options: unknown }[];
  readonly fieldConfig: {
    readonly defaults: Readonly<Record<string, unknown>>;
    readonly overrides: readonly Override[];
  };
  readonly options: Readonly<Record<string, unknown>>;
  readonly size: { readonly w: number; readonly h: number };
}

/** Overrides for one series or column. */
export function override(
  name: string,
  properties: Readonly<Record<string, unknown>>,
  by: Override['matcher']['id'] = 'byName',
): Override {
  return {
    matcher: { id: by, options: name },
    properties: Object.entries(properties).map(([id, value]) => ({ id, value })),
  };
}

/** A fixed colour for one series. */
export const colored = (name: string, color: string, more: Readonly<Record<string, unknown>> = {}): Override =>
  override(name, { color: { mode: 'fixed', fixedColor: color }, ...more });

/** How a value that is not there looks: without it, in the colour of the lowest step, so that no data may look good. */
export const missing = (text: string, color = 'red', match: 'null' | 'empty' = 'null'): unknown => ({
  type: 'special',
  options: { match, result: { text, color, index: 0 } },
});

/** How some values look, for example words instead of numbers. */
export const mapped = (
  values: Readonly<Record<string, { readonly text?: string; readonly color?: string }>>,
): unknown => ({
  type: 'value',
  options: Object.fromEntries(Object.entries(values).map(([value, look], index) => [value, { ...look, index }])),
});

/** Fills in a panel; `interval` is the smallest step of its queries: the data changes once per 5 minutes. */
export function panel(
  type: Panel['type'],
  spec: PanelSpec,
  more: {
    readonly interval: string;
    readonly defaults: Readonly<Record<string, unknown>>;
    readonly options: Readonly<Record<string, unknown>>;
    readonly transformations?: Panel['transformations'];
  },
): Panel {
  return {
    type,
    title: spec.title,
    description: spec.description,
    datasource: DATASOURCE,
    pluginVersion: '12.0.0',
    interval: more.interval,
    ...(spec.maxDataPoints === undefined ? {} : { maxDataPoints: spec.maxDataPoints }),
    ...(spec.timeFrom === undefined ? {} : { timeFrom: spec.timeFrom }),
    targets: spec.queries.map((query, index) => ({
      refId: String.fromCharCode(65 + index),
      datasource: DATASOURCE,
      editorMode: 'code',
      expr: query.expr,
      legendFormat: query.legend ?? '__auto',
      instant: query.instant ?? false,
      range: !(query.instant ?? false),
      format: type === 'table' ? 'table' : 'time_series',
    })),
    ...(more.transformations === undefined ? {} : { transformations: more.transformations }),
    fieldConfig: {
      defaults: {
        unit: spec.unit,
        ...(spec.decimals === undefined ? {} : { decimals: spec.decimals }),
        ...(spec.min === undefined ? {} : { min: spec.min }),
        ...(spec.max === undefined ? {} : { max: spec.max }),
        noValue: spec.noValue ?? NO_VALUE,
        thresholds: { mode: 'absolute', steps: spec.steps ?? [{ value: null, color: 'text' }] },
        ...(spec.links === undefined ? {} : { links: spec.links }),
        ...more.defaults,
      },
      overrides: spec.overrides ?? [],
    },
    options: more.options,
    size: { w: spec.width, h: spec.height },
  };
}
