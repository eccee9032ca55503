/**
 * A template literal without its first line break and common indent, so that PromQL can be laid out in the source. The
 * lines of a value are indented like the line that it stands on.
 */
export function quote(strings: TemplateStringsArray, ...values: readonly (string | number)[]): string {
  let text = '';
  strings.forEach((part, index) => {
    if (index > 0) {
      const indent = /^ */.exec(text.slice(text.lastIndexOf('\n') + 1))?.[0] ?? '';
      text += String(values[index - 1]).replaceAll('\n', `\n${indent}`);
    }
    text += part;
  });
  const lines = text.replace(/^\n/, '').trimEnd().split('\n');
  const indent = Math.min(...lines.filter((line) => line.trim() !== '').map((line) => line.search(/\S/)));
  return lines.map((line) => line.slice(indent)).join('\n');
}
