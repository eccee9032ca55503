/** What applies when a policy lacks the directive, in the order in which a browser looks. */
const FALLBACKS: Readonly<Record<string, readonly string[]>> = {
  'style-src': ['style-src-elem', 'style-src', 'default-src'],
  'img-src': ['img-src', 'default-src'],
};

/**
 * A Content-Security-Policy that forbids as much as `policy`, except for what the page itself needs.
 * @param policy directives separated by semicolons; several policies are separated by commas
 * @param needs one source by directive, such as `'img-src': 'data:'`
 */
export function allowSources(policy: string, needs: Readonly<Record<string, string>>): string {
  return policy
    .split(',')
    .map((single) => Object.entries(needs).reduce((text, need) => allowSource(text, ...need), single.trim()))
    .join(', ');
}

function allowSource(policy: string, directive: string, source: string): string {
  const directives = policy
    .split(';')
    .map((text) => text.trim().split(/\s+/))
    .filter(([name]) => name !== '');
  const find = (wanted: string): string[] | undefined => directives.find(([name]) => name?.toLowerCase() === wanted);
  const [applied] = (FALLBACKS[directive] ?? [directive]).flatMap((name) => {
    const found = find(name);
    return found === undefined ? [] : [{ name, found }];
  });
  if (applied === undefined) return policy;

  const { name, found } = applied;
  const kept = found.slice(1).filter((text) => text.toLowerCase() !== "'none'" && text !== source);
  const allowed = [name === 'default-src' ? directive : name, ...kept, source];
  const others = name === 'default-src' ? directives : directives.filter((other) => other !== found);
  return [...others, allowed].map((words) => words.join(' ')).join('; ');
}
