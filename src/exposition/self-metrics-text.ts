import { header, type Format } from './text-format.ts';

// No quote stands in an escaped label value without a backslash, so these find labels, never parts of a value.
const CALL_CENTER = /[{,]call_center="((?:[^"\\]|\\.)*)"/;
const WHOLE_NUMBER_BOUND = /([{,](?:le|quantile)="-?\d+)"/gm;

/** A family as prom-client writes it, without the leading `# HELP `. HELP and TYPE come first, one line each. */
const FAMILY = /^(\S+) (.*)\n# TYPE \S+ (\S+)\n*/;

function onlyOf(callCenters: ReadonlySet<string>, samples: string): string {
  return samples
    .split('\n')
    .filter((line) => {
      const name = CALL_CENTER.exec(line)?.[1];
      return name === undefined || callCenters.has(name);
    })
    .join('\n');
}

/**
 * Makes the exporter's own metrics fit a scrape. prom-client's own OpenMetrics output renames the counters for good,
 * so its classic text is the only thing that is asked of it. A family without samples is left out.
 *
 * The samples are the same in both formats, histogram bounds included: OpenMetrics wants `le="1.0"`, and a series
 * whose labels changed with the format would be two series.
 * @param text what prom-client's `registry.metrics()` gives
 * @param callCenters escaped names; series of any other call center are left out. Undefined: all are kept
 */
export function selfMetricsText(text: string, format: Format, callCenters: ReadonlySet<string> | undefined): string {
  let out = '';
  for (const family of `\n${text}`.split('\n# HELP ').slice(1)) {
    const [head, name = '', help = '', type = ''] = FAMILY.exec(family) ?? [''];
    let samples = family.slice(head.length).trimEnd();
    if (callCenters !== undefined) samples = onlyOf(callCenters, samples);
    if (samples === '') continue;
    if (type === 'histogram' || type === 'summary') samples = samples.replaceAll(WHOLE_NUMBER_BOUND, '$1.0"');
    if (samples.includes(' Nan')) samples = samples.replaceAll(/ Nan$/gm, ' NaN');
    out += `${header({ name, type, help }, format)}${samples}\n`;
  }
  return format === 'openmetrics' ? `${out}# EOF\n` : out;
}
