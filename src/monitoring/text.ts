/** A template literal without its first line break and common indent, so that PromQL can be laid out in the source. */
export function quote(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  const text = strings.reduce((all, part, index) => all + String(values[index - 1]) + part);
  const lines = text.replace(/^\n/, '').trimEnd().split('\n');
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join('\n');
}
