/** Metrics as lines of the exposition formats. Pure. */
import { INDICATORS, SEVERITIES } from '../config/targets.ts';
import {
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
  type MetricDefinition,
} from './metrics.ts';
import type { SelfMetricFamily } from './self-metrics.ts';
import type { CallCenterSnapshot, VdnData, VdnState } from './snapshot-store.ts';

/** Text 0.0.4 (the classic Prometheus format) or OpenMetrics 1.0. Their samples are the same, see `header`. */
export type Format = 'text' | 'openmetrics';

/** VDNs per piece of text: about 50 to 200 kB, well under a millisecond. */
const VDNS_PER_PIECE = 500;

/** A metric with the function that writes its samples. */
export interface Family<State> extends MetricDefinition {
  /** The lines of one VDN; `start` is the line up to the opening quote of `vdn`. Empty when there is nothing to show. */
  readonly lines: (start: string, vdn: State) => string;
}

/** Escapes a label value: backslash, quote and line feed, alike in both formats. */
export function escapeLabel(value: string): string {
  return value.replaceAll(/[\\"\n]/g, (char) => (char === '\n' ? '\\n' : `\\${char}`));
}

function escapeHelp(help: string, format: Format): string {
  const text = help.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
  return format === 'openmetrics' ? text.replaceAll('"', '\\"') : text;
}

/**
 * HELP and TYPE lines. OpenMetrics leaves the `_total` of a counter's samples out of the family's name; what lacks it
 * cannot be called a counter there.
 */
export function header({ name, type, help }: Record<'name' | 'type' | 'help', string>, format: Format): string {
  let [family, kind] = [name, type];
  if (format === 'openmetrics' && type === 'counter') {
    if (name.endsWith('_total')) family = name.slice(0, -'_total'.length);
    else kind = 'unknown';
  }
  return `# HELP ${family} ${escapeHelp(help, format)}\n# TYPE ${family} ${kind}\n`;
}

/**
 * Multiplies without the rounding errors of binary fractions: 57 times 0.01 is 0.57, not 0.5700000000000001. A double holds
 * every decimal of up to 15 digits, and the noise is beyond them.
 */
function scaled(value: number, factor: number): number {
  return Number((value * factor).toPrecision(15));
}

function windowFamilies(): Family<VdnData>[] {
  return WINDOW_METRICS.map((metric) => {
    const { scale } = metric;
    const samples = metric.samples.map(({ field, extra }) => ({
      field,
      end: extra === undefined ? '"} ' : `",${extra[0]}="${extra[1]}"} `,
    }));
    return {
      ...metric,
      lines: (start, { id, window }) => {
        if (window === undefined) return '';
        let lines = '';
        for (const { field, end } of samples) {
          const value = window[field];
          if (value === undefined) continue;
          lines += `${start}${id}${end}${scale === undefined ? value : scaled(value, scale)}\n`;
        }
        return lines;
      },
    };
  });
}

function totalFamilies(): Family<VdnData>[] {
  return TOTAL_METRICS.map((metric) => {
    const { field } = metric;
    return { ...metric, lines: (start, { id, totals }) => `${start}${id}"} ${totals[field]}\n` };
  });
}

/**
 * Everything that comes from the API, in the order in which it is written.
 * @param labelNames the configured label names, which every info sample carries
 */
export function dataFamilies(labelNames: readonly string[]): Family<VdnData>[] {
  const windowStart: Family<VdnData> = {
    ...WINDOW_START,
    lines: (start, { id, window }) => (window === undefined ? '' : `${start}${id}"} ${window.start / 1000}\n`),
  };
  const info: Family<VdnData> = {
    ...VDN_INFO,
    lines: (start, { id, ccId, name, labels }) => {
      const texts = labelNames.map((label) => `,${label}="${escapeLabel(labels[label] ?? '')}"`).join('');
      return `${start}${id}",cc_id="${ccId ?? ''}",name="${escapeLabel(name)}"${texts}} 1\n`;
    },
  };
  return [...windowFamilies(), windowStart, ...totalFamilies(), info];
}

/** What comes from the config alone. */
function configFamilies(): Family<VdnState>[] {
  const isOpen: Family<VdnState> = {
    ...VDN_OPEN,
    lines: (start, { id, opening }) => `${start}${id}"} ${opening.isOpen ? 1 : 0}\n`,
  };

  const series = INDICATORS.flatMap((indicator) =>
    SEVERITIES.map((severity) => ({ indicator, severity, end: `",indicator="${indicator}",severity="${severity}"} ` })),
  );
  const thresholds: Family<VdnState> = {
    ...VDN_THRESHOLD,
    lines: (start, { id, targets }) => {
      let lines = '';
      for (const { indicator, severity, end } of series) {
        const value = targets[indicator][severity];
        if (value !== undefined) lines += `${start}${id}${end}${value}\n`;
      }
      return lines;
    },
  };
  return [isOpen, thresholds];
}

/**
 * All window data, family by family (the formats want the samples of a family together, whatever the call center), in
 * pieces that take less than a millisecond each. A family without samples is left out.
 * @param labelNames the configured label names, which every info sample carries
 */
export function* windowText(
  snapshots: readonly CallCenterSnapshot[],
  labelNames: readonly string[],
  format: Format,
): Generator<string, void> {
  for (const family of [...dataFamilies(labelNames), ...configFamilies()]) {
    let pending = header(family, format);
    for (const { callCenter, vdns } of snapshots) {
      const start = `${family.name}{call_center="${escapeLabel(callCenter)}",vdn="`;
      for (let from = 0; from < vdns.length; from += VDNS_PER_PIECE) {
        let piece = '';
        for (const vdn of vdns.slice(from, from + VDNS_PER_PIECE)) piece += family.lines(start, vdn);
        if (piece === '') continue;
        yield pending + piece;
        pending = '';
      }
    }
  }
}

/** Histogram bounds are `1.0`, as OpenMetrics wants it, in both formats: with `1` in one of them they were two series. */
function labelText([name, value = '']: readonly [string, string | number | undefined]): string {
  return `${name}="${Number.isInteger(value) ? `${value}.0` : escapeLabel(String(value))}"`;
}

function numberText(value: number): string {
  if (Number.isFinite(value) || Number.isNaN(value)) return String(value);
  return value > 0 ? '+Inf' : '-Inf';
}

function selfMetricLines({ name, values, text }: SelfMetricFamily): string {
  if (text !== undefined) return text;
  return values
    .map(({ metricName = name, labels, value }) => {
      const texts = Object.entries(labels).map(labelText).join(',');
      return `${metricName}${texts === '' ? '' : `{${texts}}`} ${numberText(value)}\n`;
    })
    .join('');
}

/**
 * The self-metrics, and the end of the page. Families of the same name, one of each call center, become one;
 * a family without samples is left out.
 */
export function selfMetricsText(families: readonly SelfMetricFamily[], format: Format): string {
  const texts = new Map<string, string>();
  for (const family of families) {
    const lines = selfMetricLines(family);
    if (lines === '') continue;
    const before = texts.get(family.name) ?? header(family, format);
    texts.set(family.name, before + lines);
  }
  return [...texts.values(), format === 'openmetrics' ? '# EOF\n' : ''].join('');
}
