import { label, NO_DATA, stateOf, CURRENT, STATES } from './states.ts';
import { mapped, missing, NO_VALUE, override, panel, type Override, type Panel, type PanelSpec } from './panel.ts';
import { quote } from './text.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
  /** Prints the title as large as the rest, to be read from afar. */
  readonly isTitleLarge?: boolean;
}

interface Beside {
  readonly text: string;
  readonly value: string;
}

/** A figure with what it is compared with, in the colour of its alerts. */
export interface TileSpec extends Omit<PanelSpec, 'queries' | 'steps' | 'overrides'>, Size {
  /** One series without labels. */
  readonly value: string;
  /** What stands beside the value, the first that there is: a text, in which `$1` is the number that the query gives. */
  readonly beside: Beside | readonly [Beside, Beside];
  /**
   * A regular expression for the alerts that colour the figure, those about missing data aside. One that is about to fire
   * is a warning.
   */
  readonly alerts?: string;
  /** Words instead of numbers. */
  readonly mappings?: readonly unknown[];
  /** While all is well: green is good; a figure that is neither good nor bad is blue. */
  readonly color?: 'dark-green' | 'dark-blue';
  /** Whether the figure needs current data; the number of firing alerts does not. */
  readonly needsData?: boolean;
  /** What is there while the data is current, and since when it is not, as a time: by default those of the lines. */
  readonly present?: string;
  readonly noData?: string;
  /** The value is absent where there is too little to judge. */
  readonly mayBeFew?: boolean;
}

/** `count_values` turns a value into a label. */
const besideLabel = (besides: readonly Beside[]): string => {
  const labels = besides.map(
    ({ text, value }) =>
      `label_replace(count_values("beside", ${value}) * 0 + 1, "beside", "${text}", "beside", "(.*)")`,
  );
  const none = label('vector(1)', 'beside', besides.at(-1)?.text.replace('$1', '–') ?? '');
  return [...labels, none].join('\n  or on ()\n');
};

function tileQuery({ value, beside, alerts, needsData = true, mayBeFew = false, ...spec }: TileSpec): string {
  const judged = quote`
    (
      (
        ${value}
      )
        * on () group_left (state)
      (
        ${stateOf({ names: alerts, isFromData: needsData })}
      )
    )
      * on () group_left (beside)
    (
      ${besideLabel('text' in beside ? [beside] : beside)}
    )`;
  if (!needsData) return judged;
  const { present = CURRENT, noData = NO_DATA } = spec;
  const few = label(label(`0 * ${present}`, 'state', 'too few'), 'beside', 'not enough to judge');
  return quote`
    ${judged}
      and on ()
    ${present}
      ${mayBeFew ? `or on ()\n${few}\n  or on ()` : 'or on ()'}
    (
      ${noData}
    )`;
}

/** The colour of each state; where there is no data, the value says since when. */
const STATE_OVERRIDES: readonly Override[] = STATES.map(({ state, color }) =>
  override(
    `/ ${state}$/`,
    {
      color: { mode: 'fixed', fixedColor: color },
      ...(state === 'no data'
        ? { unit: 'time:[no data since] HH:mm', mappings: [mapped({ 0: { text: 'no data' } })] }
        : {}),
      ...(state === 'too few' ? { mappings: [mapped({ 0: { text: 'too few' } })] } : {}),
    },
    'byRegexp',
  ),
);

/** One big number, now. */
export function tile(spec: TileSpec): Panel {
  return panel(
    'stat',
    {
      ...spec,
      queries: [
        {
          expr: tileQuery(spec),
          legend: `${spec.isTitleLarge === true ? `${spec.title}: ` : ''}{{beside}} · {{state}}`,
          instant: true,
        },
      ],
      steps: [{ value: null, color: spec.color ?? 'dark-green' }],
      overrides: STATE_OVERRIDES,
    },
    {
      interval: '1m',
      defaults: { color: { mode: 'thresholds' }, mappings: [...(spec.mappings ?? []), missing(NO_VALUE)] },
      options: {
        reduceOptions: { values: false, fields: '', calcs: ['lastNotNull'] },
        colorMode: 'background_solid',
        graphMode: 'none',
        textMode: 'value_and_name',
        justifyMode: 'center',
        orientation: 'auto',
        wideLayout: false,
        percentChangeColorMode: 'standard',
        showPercentChange: false,
      },
    },
  );
}
