export type Environment = Readonly<Record<string, string | undefined>>;

/** The text with its references replaced, or the problems of these references. */
export type Expansion =
  | { readonly text: string; readonly changed: boolean; readonly problems?: undefined }
  | { readonly problems: readonly string[] };

const REFERENCE = /\$\$|\$\{([^}]*)\}|\$\{/g;
const NAME_AND_DEFAULT = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;

/**
 * Replaces `${NAME}` and `${NAME:-default}` (used when NAME is unset or empty; it ends at the first `}`) and turns
 * `$$` into a dollar. Any other dollar stays. The values of variables are not expanded again.
 */
export function expandEnvironment(text: string, env: Environment): Expansion {
  const problems: string[] = [];
  let changed = false;
  const expanded = text.replace(REFERENCE, (whole, inner: string | undefined) => {
    if (whole === '$$') return '$';
    changed = true;
    const match = NAME_AND_DEFAULT.exec(inner ?? '');
    if (match === null) {
      problems.push('Malformed reference: write ${NAME} or ${NAME:-default}, or $$ for a dollar');
      return '';
    }
    const [, name = '', fallback] = match;
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (fallback !== undefined) return value === undefined || value === '' ? fallback : value;
    if (value === undefined) problems.push(`Environment variable ${name} is not set`);
    return value ?? '';
  });
  return problems.length > 0 ? { problems } : { text: expanded, changed };
}
