import type { Format } from './window-text.ts';

// No quote stands in an escaped label value without a backslash, so these find labels, never parts of a value.
const CALL_CENTER = /[{,]call_center="((?:[^"\\]|\\.)*)"/;
const WHOLE_NUMBER_BOUND = /([{,](?:le|quantile)="-?\d+)"/;

/** HELP and TYPE line of one family as prom-client writes them, for the other format. */
function convertHeader(lines: readonly string[]): string {
  const type = lines.find((line) => line.startsWith('# TYPE '))?.split(' ')[3];
  return lines
    .map((line) => {
      const [hash, keyword, name = '', ...rest] = line.split(' ');
      const text = rest.join(' ');
      if (type !== 'counter') return [hash, keyword, name, keyword === 'HELP' ? text.replaceAll('"', '\\"') : text];
      // A counter's samples must end in _total; one that does not is no counter in OpenMetrics.
      const family = name.endsWith('_total') ? name.slice(0, -'_total'.length) : name;
      if (keyword === 'HELP') return [hash, keyword, family, text.replaceAll('"', '\\"')];
      return [hash, keyword, family, family === name ? 'unknown' : text];
    })
    .map((words) => `${words.join(' ')}\n`)
    .join('');
}

/**
 * Makes the exporter's own metrics fit a scrape. prom-client's own OpenMetrics output renames the counters for good,
 * so its classic text is the only thing that is asked of it.
 *
 * The samples are the same in both formats, histogram bounds included: OpenMetrics wants `le="1.0"`, and a series that
 * changed its labels with the format would be two series.
 * @param text what prom-client's `registry.metrics()` gives
 * @param callCenters escaped names; series of any other call center are left out. Undefined: all are kept
 */
export function ownText(text: string, format: Format, callCenters: ReadonlySet<string> | undefined): string {
  let out = '';
  let pending: string[] = [];
  for (const line of text.split('\n')) {
    if (line === '') continue;
    if (line.startsWith('#')) {
      if (line.startsWith('# HELP ')) pending = [];
      pending.push(line);
      continue;
    }
    if (callCenters !== undefined) {
      const name = CALL_CENTER.exec(line)?.[1];
      if (name !== undefined && !callCenters.has(name)) continue;
    }
    if (pending.length > 0) {
      out += format === 'openmetrics' ? convertHeader(pending) : `${pending.join('\n')}\n`;
      pending = [];
    }
    const bound = line.includes('le="') ? line.replace(WHOLE_NUMBER_BOUND, '$1.0"') : line;
    out += `${bound.endsWith(' Nan') ? `${bound.slice(0, -3)}NaN` : bound}\n`;
  }
  return format === 'openmetrics' ? `${out}# EOF\n` : out;
}
