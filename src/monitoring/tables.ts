import { BOARDS } from './board-names.ts';
import {
  type DataLink,
  mapped,
  missing,
  override,
  type Override,
  panel,
  type Panel,
  type PanelSpec,
  type Query,
} from './panel.ts';

/** A column: the values of a query, or one of its labels. */
export interface Column {
  readonly title: string;
  /** PromQL, or the name of a label. */
  readonly expr?: string;
  readonly label?: string;
  readonly unit?: string;
  readonly decimals?: number;
  readonly width?: number;
  readonly mappings?: readonly unknown[];
  /** Fills the cell with the colour of its mapping. */
  readonly isFilled?: boolean;
  readonly links?: readonly DataLink[];
}

/** With a number's unit, a name such as 0800123 would lose its zero, here and in the link. */
const TEXT = { unit: 'string', 'custom.filterable': true };

function columnOverride({ title, label, unit, decimals, width, mappings, isFilled, links }: Column): Override {
  return override(title, {
    ...(label === undefined ? { unit: unit ?? 'none', decimals: decimals ?? 0 } : TEXT),
    ...(width === undefined ? { 'custom.minWidth': 180 } : { 'custom.width': width }),
    ...(mappings === undefined ? {} : { mappings }),
    ...(isFilled === true
      ? { 'custom.cellOptions': { type: 'color-background', mode: 'basic' }, 'custom.align': 'left' }
      : {}),
    ...(links === undefined ? {} : { links }),
  });
}

/** What Grafana calls the values of a query. */
const refName = (index: number): string => `Value #${String.fromCharCode(65 + index)}`;

/**
 * Rows of the labels that all queries share, a column each query.
 * @param columns in the order in which they are shown
 * @param rows gives the rows that there are; its value is not shown
 */
export function table(
  spec: Omit<PanelSpec, 'unit' | 'queries'> & {
    readonly columns: readonly Column[];
    readonly rows: string;
    /** Queries that only add labels to the rows. */
    readonly joined?: readonly string[];
    readonly sortBy: { readonly title: string; readonly desc: boolean };
  },
): Panel {
  const { columns, rows, joined = [], sortBy } = spec;
  const values = columns.filter(({ expr }) => expr !== undefined);
  const queries: readonly Query[] = [rows, ...values.map(({ expr }) => expr ?? ''), ...joined].map((expr) => ({
    expr,
    instant: true,
  }));
  const valueName = (column: Column): string => refName(1 + values.indexOf(column));
  const hidden = ['Time', 'job', 'Value #A', ...joined.map((_, index) => refName(1 + values.length + index))];
  const names = columns.map((column) => column.label ?? valueName(column));
  return panel(
    'table',
    { ...spec, unit: 'none', decimals: 0, queries, overrides: columns.map(columnOverride) },
    {
      interval: '1m',
      defaults: {
        color: { mode: 'thresholds' },
        mappings: [missing('–', 'text'), missing('–', 'text', 'empty')],
        custom: { align: 'auto', cellOptions: { type: 'auto' }, filterable: false, inspect: false },
      },
      options: {
        frameIndex: 0,
        showHeader: true,
        cellHeight: 'sm',
        sortBy: [{ displayName: sortBy.title, desc: sortBy.desc }],
      },
      transformations: [
        { id: 'merge', options: {} },
        {
          id: 'organize',
          options: {
            excludeByName: Object.fromEntries(hidden.map((name) => [name, true])),
            indexByName: Object.fromEntries(names.map((name, index) => [name, index])),
            renameByName: Object.fromEntries(names.map((name, index) => [name, columns[index]?.title])),
          },
        },
      ],
    },
  );
}

const KEPT = ['datasource', 'job', 'instance'].map((name) => `\${${name}:queryparam}`).join('&');

/** Opens the dashboard of a line and keeps what else is selected. The arguments are Grafana's words for the two values. */
export const lineLink = (center: string, vdn: string): DataLink => ({
  title: 'Show the line',
  url: `/d/${BOARDS.line.uid}?${KEPT}&var-call_center=${center}&var-vdn=${vdn}`,
});

export const ROW_LINK = lineLink('${__data.fields["Call center"]}', '${__data.fields.VDN}');

/** What the numbers of the column "State" mean; the worst is the greatest. */
export const STATE_MAPPING = mapped({
  0: { text: 'closed', color: 'rgba(128, 128, 128, 0.4)' },
  1: { text: 'ok', color: 'dark-green' },
  2: { text: 'never any data', color: 'rgba(128, 128, 128, 0.4)' },
  3: { text: 'warning', color: 'dark-orange' },
  4: { text: 'critical', color: 'semi-dark-red' },
  5: { text: 'no data', color: 'semi-dark-red' },
});

export const SEVERITY_MAPPING = mapped({
  critical: { color: 'semi-dark-red' },
  warning: { color: 'dark-orange' },
  none: { color: 'dark-green' },
});
