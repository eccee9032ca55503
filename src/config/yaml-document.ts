import { isAlias, isNode, LineCounter, parseDocument, visit } from 'yaml';
import type { Alias, Node, YAMLError } from 'yaml';

import { ConfigError } from '../core/errors.ts';
import type { Problem } from '../core/errors.ts';

export interface YamlFile {
  readonly file: string;
  readonly root: Node | null;
  /** The node of each alias. An alias without an anchor before it is missing. */
  readonly targets: ReadonlyMap<Alias, Node>;
  /** Line and column of an offset in the text; both start at 1. */
  readonly position: (offset: number) => { line: number; column: number };
}

// The parser's own messages may quote the text, and the text may contain a secret: never show them.
const SYNTAX_MESSAGES: Partial<Record<YAMLError['code'], string>> = {
  BAD_DQ_ESCAPE: 'Invalid escape in a double-quoted text: write \\\\ for a backslash, or use single quotes',
  BAD_INDENT: 'Wrong indentation, or a missing closing bracket',
  BAD_SCALAR_START: 'A value cannot start with this character: put it in quotes',
  BLOCK_AS_IMPLICIT_KEY:
    'Not valid YAML: a value that contains ": " must be in quotes, and a new key starts a new line',
  MISSING_CHAR: 'Not valid YAML: a quote, comma, colon or space is missing',
  MULTILINE_IMPLICIT_KEY: 'Not valid YAML: a colon and a space are missing, or the indentation is wrong',
  MULTIPLE_DOCS: 'Only one YAML document is allowed: remove the line ---',
  RESOURCE_EXHAUSTION: 'Nested too deeply',
  TAB_AS_INDENT: 'Tabs are not allowed as indentation: use spaces',
  UNEXPECTED_TOKEN: 'Not valid YAML: something here does not belong after what precedes it',
};

/** Parses one YAML document without giving its scalars a type. Throws {@link ConfigError} with every syntax error. */
export function parseYaml(file: string, text: string): YamlFile {
  const lines = new LineCounter();
  // The reader finds duplicate keys, because it knows their path.
  const document = parseDocument(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: false });
  const position = (offset: number): { line: number; column: number } => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };

  if (document.errors.length > 0) throw new ConfigError(syntaxProblems(file, text, document.errors, position));
  const root: unknown = document.contents;
  return { file, root: isNode(root) ? root : null, targets: aliasTargets(root), position };
}

/** At most one problem for each line: the first error often causes the others. */
function syntaxProblems(
  file: string,
  text: string,
  errors: readonly YAMLError[],
  position: YamlFile['position'],
): Problem[] {
  // These errors cause others in the rest of the file.
  const exhausted = errors.filter(({ code }) => code === 'RESOURCE_EXHAUSTION').slice(0, 1);
  const tabs = errors.filter(({ code }) => code === 'TAB_AS_INDENT');
  const [causes = errors] = [exhausted, tabs].filter((found) => found.length > 0);
  const lines = text.split('\n');
  const problems = new Map<number, Problem>();
  for (const { code, pos } of causes) {
    const { line, column } = position(pos[0]);
    const before = problems.get(line);
    if (before?.column !== undefined && before.column <= column) continue;
    const hint = lines[line - 1]?.includes('${') === true ? ' (put a value with ${NAME} in quotes here)' : '';
    problems.set(line, { file, line, column, message: (SYNTAX_MESSAGES[code] ?? 'Not valid YAML') + hint });
  }
  return [...problems.values()].sort((a, b) => (a.line ?? 0) - (b.line ?? 0));
}

/** In the order of the text: an anchor may be set again, and an alias means the last one before it. */
function aliasTargets(root: unknown): Map<Alias, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<Alias, Node>();
  if (!isNode(root)) return targets;
  visit(root, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if (node.anchor !== undefined) {
        anchors.set(node.anchor, node);
      }
    },
  });
  return targets;
}
