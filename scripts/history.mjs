// The past of a simulated CMS as OpenMetrics text, as an exporter that had watched it would have left it in Prometheus.
import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { parse as parseYaml } from 'yaml';
import {
  TOTAL_METRICS,
  VDN_INFO,
  VDN_OPEN,
  VDN_THRESHOLD,
  WINDOW_METRICS,
  WINDOW_START,
} from '../dist/exposition/metrics.js';
import { SELF_METRICS } from '../dist/exposition/self-metric-table.js';

const WINDOW = 300;
/** How long ago the self-metrics start; they have a sample a minute. */
const OWN_HOURS = 6;
/** The simulator's rows are there when they are first requested, 10 s after the window. */
const SETTLE_LAG = 10.1;

/** @returns the series of a scrape: name, labels as they are written, value */
function parse(text) {
  return [...text.matchAll(/^(\w+)(?:\{(.*)\})? (\S+)$/gm)].map(([, name, labels = '', value]) => ({
    name,
    labels,
    value: Number(value),
  }));
}

/** What names a line. */
const LINE = ['call_center', 'vdn'];

const label = (labels, name) => new RegExp(`(?:^|,)${name}="([^"]*)"`).exec(labels)?.[1];

/** The samples of one VDN, family by family. */
function* vdnSeries({ info, windows, target, thresholds, isOpen }) {
  const own = `call_center="${label(info, 'call_center')}",vdn="${label(info, 'vdn')}"`;
  const at = ({ start }) => start + WINDOW;
  for (const { name, samples, scale = 1 } of WINDOW_METRICS) {
    for (const { field, extra } of samples) {
      const labels = extra === undefined ? own : `${own},${extra[0]}="${extra[1]}"`;
      yield [name, `${labels},${target}`, windows.map((window) => [window.values[field] * scale, at(window)])];
    }
  }
  yield [WINDOW_START.name, `${own},${target}`, windows.map((window) => [window.start, at(window)])];
  yield [VDN_INFO.name, `${info},${target}`, windows.map((window) => [1, at(window)])];
  yield [VDN_OPEN.name, `${own},${target}`, windows.map((window) => [Number(isOpen(at(window))), at(window)])];
  for (const { labels, value } of thresholds) {
    yield [VDN_THRESHOLD.name, `${labels},${target}`, windows.map((window) => [value, at(window)])];
  }
  for (const { name, field } of TOTAL_METRICS) {
    const step = (values) => ({ windows: 1, revised: 0, missing: 0 })[field] ?? values[field];
    let total = 0;
    yield [name, `${own},${target}`, windows.map((window) => [(total += step(window.values)), at(window)])];
  }
}

/** What a series of the self-metrics was `count` polls after the start, `now` being what it is today. */
function ownValue({ name, labels, value }, count, time, vdns) {
  if (/failures_total$|rejected_total$/.test(name)) return 0;
  if (name === SELF_METRICS.lastSuccess.name) return time - (time % WINDOW) + SETTLE_LAG;
  if (name.startsWith(SELF_METRICS.settleLag.name)) {
    const rows = count * vdns;
    if (name.endsWith('_sum')) return rows * SETTLE_LAG;
    return name.endsWith('_count') || Number(label(labels, 'le').replace('+Inf', 'Infinity')) > SETTLE_LAG ? rows : 0;
  }
  return /_(total|bucket|count|sum)$/.test(name) ? count * value : value;
}

/**
 * Writes everything from `from` to `to` (seconds) into `file`.
 * @param scrape what the exporter says now: which VDNs and series there are
 * @param served the simulator's values for a VDN and the start of a window, in milliseconds
 * @param isOpen whether a line (call center, VDN) was open at a time in seconds
 * @param target the labels that Prometheus gives the exporter
 */
export async function writeHistory(file, { scrape, served, isOpen, from, to, target }) {
  const series = parse(scrape);
  const infos = series.filter(({ name }) => name === VDN_INFO.name).map(({ labels }) => labels);
  const out = createWriteStream(file);
  const write = async (name, labels, samples) => {
    const text = samples.map(([value, time]) => `${name}{${labels}} ${value} ${time}\n`).join('');
    if (!out.write(text)) await once(out, 'drain');
  };

  const thresholds = series.filter(({ name }) => name === VDN_THRESHOLD.name);
  for (const info of infos) {
    const line = LINE.map((name) => label(info, name));
    const windows = [];
    for (let start = from - (from % WINDOW); start + WINDOW <= to; start += WINDOW) {
      const values = served(Number(label(info, 'vdn')), start * 1000);
      if (values !== undefined) windows.push({ start, values });
    }
    const own = {
      thresholds: thresholds.filter(({ labels }) => line.every((value, index) => label(labels, LINE[index]) === value)),
      isOpen: (time) => isOpen(...line, time),
    };
    for (const series of vdnSeries({ info, windows, target, ...own })) await write(...series);
  }

  const ownFrom = Math.max(from, to - OWN_HOURS * 3600);
  const ownNames = Object.values(SELF_METRICS).map(({ name }) => name);
  for (const own of series.filter(({ name }) => ownNames.includes(name.replace(/_(bucket|sum|count)$/, '')))) {
    const samples = [];
    for (let time = ownFrom; time <= to; time += 60) {
      const polls = Math.floor((time - ownFrom) / WINDOW);
      samples.push([ownValue(own, polls, time, infos.length), time]);
    }
    await write(own.name, own.labels === '' ? target : `${own.labels},${target}`, samples);
  }
  out.end('# EOF\n');
  await once(out, 'close');
}

/**
 * The recording rules in the order in which they can be evaluated: each level reads records of the levels before it.
 * @param rules the text of a rules file
 */
export function recordLevels(rules) {
  const all = parseYaml(rules).groups.flatMap((group) => group.rules.filter(({ record }) => record !== undefined));
  const levelOf = ({ record, expr }) => {
    const read = all.filter((other) => other.record !== record && new RegExp(`${other.record}\\b(?!:)`).test(expr));
    return read.length === 0 ? 0 : 1 + Math.max(...read.map(levelOf));
  };
  const levels = [];
  for (const rule of all) (levels[levelOf(rule)] ??= []).push(rule);
  return levels;
}

/**
 * Writes what recording rules would have recorded.
 * @param url a Prometheus that has what they read
 */
export async function writeRecords(file, { url, records, from, to }) {
  const out = createWriteStream(file);
  for (const { record, expr } of records) {
    const body = new URLSearchParams({ query: expr, start: String(from), end: String(to), step: String(WINDOW) });
    const response = await (await fetch(`${url}/api/v1/query_range`, { method: 'POST', body })).json();
    if (response.status !== 'success') throw new Error(`${record}: ${response.error}`);
    for (const { metric, values } of response.data.result) {
      const labels = Object.entries({ ...metric, __name__: undefined })
        .flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${JSON.stringify(value)}`]))
        .join(',');
      const text = values.map(([time, value]) => `${record}{${labels}} ${value} ${time}\n`).join('');
      if (!out.write(text)) await once(out, 'drain');
    }
  }
  out.end('# EOF\n');
  await once(out, 'close');
}
