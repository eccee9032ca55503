import { missing, NO_VALUE, panel, type Panel, type PanelSpec } from './panel.ts';

/** One number, now, coloured by its thresholds. */
export function stat(spec: PanelSpec): Panel {
  return panel(
    'stat',
    { ...spec, queries: spec.queries.map((query) => ({ ...query, instant: true })) },
    {
      interval: '1m',
      defaults: { color: { mode: 'thresholds' }, mappings: [missing(spec.noValue ?? NO_VALUE)] },
      options: {
        reduceOptions: { values: false, fields: '', calcs: ['lastNotNull'] },
        colorMode: 'value',
        graphMode: 'none',
        textMode: 'auto',
        justifyMode: 'center',
        orientation: 'auto',
        wideLayout: true,
      },
    },
  );
}

/**
 * Curves. Each window is a step, and a gap of more than one window stays a gap. What Grafana makes of an axis: with
 * `decimals: 0` a share has labels at 0% and 100% alone (UPlotAxisBuilder of @grafana/ui), and with the unit `short` 2500
 * reads "3 K", so counts are `none`.
 */
export function curves(
  spec: PanelSpec & {
    /** Smallest step, `5m` for data of the windows. */
    readonly interval: '1m' | '5m';
    readonly style?: 'lines' | 'bars' | 'stacked';
    /** Draws the thresholds into the chart. */
    readonly thresholdLines?: boolean;
    readonly softMax?: number;
    readonly legend?: 'bottom' | 'right';
  },
): Panel {
  const { style = 'lines' } = spec;
  return panel('timeseries', spec, {
    interval: spec.interval,
    defaults: {
      color: { mode: 'palette-classic' },
      custom: {
        drawStyle: style === 'bars' ? 'bars' : 'line',
        lineInterpolation: 'stepAfter',
        lineWidth: style === 'lines' ? 2 : 1,
        fillOpacity: { lines: 0, bars: 60, stacked: 50 }[style],
        showPoints: 'never',
        spanNulls: 301_000,
        stacking: { mode: style === 'stacked' ? 'normal' : 'none', group: 'A' },
        thresholdsStyle: { mode: spec.thresholdLines === true ? 'dashed' : 'off' },
        axisSoftMin: 0,
        ...(spec.softMax === undefined ? {} : { axisSoftMax: spec.softMax }),
      },
    },
    options: {
      legend: { showLegend: true, displayMode: 'list', placement: spec.legend ?? 'bottom', calcs: [] },
      tooltip: { mode: 'multi', sort: 'none' },
    },
  });
}
