import { colored, type Override, override, panel, type Panel, type PanelSpec, type Query } from './panel.ts';
import { each, VDN } from './queries.ts';

/**
 * Curves. Each window is a step, and a gap of more than one window stays a gap. What Grafana makes of an axis: with
 * `decimals: 0` a share has labels at 0% and 100% alone (UPlotAxisBuilder of @grafana/ui), and with the unit `short` 2500
 * reads "3 K", so counts are `none`.
 */
export function curves(
  spec: PanelSpec & {
    /** Smallest step, `5m` for data of the windows. */
    readonly interval: '1m' | '5m' | '1h';
    readonly style?: 'lines' | 'bars' | 'stacked';
    /** Draws the thresholds into the chart. */
    readonly thresholdLines?: boolean;
    readonly softMax?: number;
    readonly legend?: 'bottom' | 'right';
  },
): Panel {
  const { style = 'lines', interval } = spec;
  return panel('timeseries', spec, {
    interval,
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

/** One point a window up to a day; beyond that each point stands for the windows up to it. */
export const WINDOWS_OF_A_DAY = 288;

/**
 * The sum of a figure of the windows over each step, so that bars add up to the same at any zoom. A gauge repeats until
 * the next window, so it is read every 5 minutes, on the minutes at which windows end; the offset keeps one of two
 * neighbouring steps from reading the minute between them, too.
 */
export const perStep = (figure: string): string => `sum_over_time((${figure})[$__interval:5m] offset -4m)`;

const dashed = { 'custom.lineStyle': { fill: 'dash', dash: [10, 10] }, 'custom.lineWidth': 1, 'custom.fillOpacity': 0 };

/** Looks of the target and of the critical threshold, by the names of their curves. */
export const TARGET_LINES: readonly Override[] = [
  colored('target', 'orange', dashed),
  colored('critical', 'red', dashed),
];

/** When the selected line is closed, as a shade behind the curves. */
export const CLOSED: Query = { expr: `1 - max(${each(`aicc_cti_vdn_open{${VDN}}`)}) > 0`, legend: 'closed' };
export const CLOSED_SHADE: Override = override('closed', {
  color: { mode: 'fixed', fixedColor: '#808080' },
  unit: 'percentunit',
  min: 0,
  max: 1,
  'custom.drawStyle': 'line',
  'custom.lineWidth': 0,
  'custom.fillOpacity': 25,
  'custom.stacking': { mode: 'none', group: 'closed' },
  'custom.axisPlacement': 'hidden',
});

/** A line over bars or areas: what it was a week ago. */
export const A_WEEK_AGO: Override = colored('a week ago', 'text', {
  'custom.drawStyle': 'line',
  'custom.lineWidth': 1,
  'custom.fillOpacity': 0,
  'custom.stacking': { mode: 'none', group: 'past' },
});
