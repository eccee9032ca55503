/** A parser of the exposition formats that refuses whatever is not well-formed, written from the formats' grammar. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

export interface Family {
  readonly help: string;
  readonly type: string;
  readonly samples: readonly Sample[];
}

const SUFFIXES: Readonly<Record<string, readonly string[]>> = {
  counter: ['_total'],
  histogram: ['_bucket', '_sum', '_count'],
};

function unescape(text: string): string {
  return text.replaceAll(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
}

function parseSample(line: string): Sample {
  const match = /^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$/.exec(line);
  if (match?.[1] === undefined) throw new Error(`not a sample: ${line}`);
  const labels: Record<string, string> = {};
  let rest = match[2] ?? '';
  while (rest !== '') {
    const label = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\[\\"n])*)"(?:,|$)/.exec(rest);
    if (label?.[1] === undefined || label[2] === undefined) throw new Error(`bad labels: ${line}`);
    if (label[1] in labels) throw new Error(`label twice: ${line}`);
    labels[label[1]] = unescape(label[2]);
    rest = rest.slice(label[0].length);
  }
  const value = Number(match[3]?.replace(/^([+-])Inf$/, '$1Infinity'));
  if (Number.isNaN(value) && match[3] !== 'NaN') throw new Error(`not a number: ${line}`);
  return { name: match[1], labels, value };
}

/** @throws when a family appears twice, a sample stands outside its family, or a sample appears twice */
export function parseExposition(text: string, format: 'text' | 'openmetrics'): Map<string, Family> {
  const families = new Map<string, { help: string; type: string; samples: Sample[] }>();
  const seen = new Set<string>();
  let body = text;
  if (format === 'openmetrics') {
    if (!text.endsWith('# EOF\n')) throw new Error('no # EOF at the end');
    body = text.slice(0, -'# EOF\n'.length);
  }
  if (body !== '' && !body.endsWith('\n')) throw new Error('the last line does not end');
  let name = '';
  for (const line of body.split('\n').slice(0, -1)) {
    const help = /^# HELP (\S+) (.*)$/.exec(line);
    const type = /^# TYPE (\S+) (\S+)$/.exec(line);
    if (help?.[1] !== undefined) {
      name = help[1];
      if (families.has(name)) throw new Error(`family twice: ${name}`);
      families.set(name, { help: unescape(help[2] ?? ''), type: '', samples: [] });
      continue;
    }
    const family = families.get(name);
    if (family === undefined) throw new Error(`nothing announced: ${line}`);
    if (type?.[2] !== undefined) {
      if (type[1] !== name || family.type !== '') throw new Error(`TYPE out of place: ${line}`);
      family.type = type[2];
      continue;
    }
    const sample = parseSample(line);
    const suffixes = format === 'text' && family.type === 'counter' ? [''] : (SUFFIXES[family.type] ?? ['']);
    if (!suffixes.some((suffix) => sample.name === name + suffix)) throw new Error(`not in ${name}: ${line}`);
    const identity = JSON.stringify([sample.name, Object.entries(sample.labels).sort()]);
    if (seen.has(identity)) throw new Error(`sample twice: ${line}`);
    seen.add(identity);
    family.samples.push(sample);
  }
  return families;
}
