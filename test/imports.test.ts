import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/** The folders of src in order: a file imports from its own folder and from folders before it (docs/architecture.md). */
const ORDER = [
  'core',
  'config',
  'cms',
  'ledger',
  'storage',
  'exposition',
  'queues',
  'exporter',
  'history',
  'doctor',
  'monitoring',
  'web-server',
  'http',
  'simulator',
  'commands',
  'main',
];

/** Folders that may import less than their place in the order allows. */
const ONLY: Readonly<Record<string, readonly string[]>> = {
  'web-server': ['core', 'config'],
  // A mistake in signing or parsing must not cancel itself out.
  simulator: [],
  main: ['core', 'commands'],
};

const NEVER: readonly (readonly [from: string, to: string])[] = [
  ['history', 'exporter'],
  ['http', 'simulator'],
];

/** Packages that belong to some folders alone. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  undici: ['cms', 'history', 'commands'],
  express: ['http'],
  negotiator: ['http'],
  'node:http': ['web-server', 'http', 'simulator', 'commands'],
  'node:https': ['web-server', 'simulator', 'commands'],
  'prom-client': ['exposition'],
  pino: ['core'],
  selfsigned: ['simulator'],
};

interface Source {
  /** Relative to src, with forward slashes. */
  readonly path: string;
  readonly folder: string;
  readonly imports: readonly string[];
  readonly reexports: readonly string[];
  /** `process.argv` and the like. */
  readonly processUses: readonly string[];
}

const src = fileURLToPath(new URL('../src', import.meta.url));

function read(path: string): Source {
  const file = ts.createSourceFile(path, readFileSync(join(src, path), 'utf8'), ts.ScriptTarget.ES2022, true);
  const imports: string[] = [];
  const reexports: string[] = [];
  const processUses: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier))
      imports.push(node.moduleSpecifier.text);
    if (ts.isExportDeclaration(node) && node.moduleSpecifier !== undefined) reexports.push(node.getText());
    if (ts.isImportTypeNode(node)) imports.push(node.argument.getText().slice(1, -1));
    if (ts.isCallExpression(node) && node.expression.kind === ts.SyntaxKind.ImportKeyword) {
      const [target] = node.arguments;
      if (target !== undefined) imports.push(ts.isStringLiteralLike(target) ? target.text : target.getText());
    }
    if (ts.isPropertyAccessExpression(node) && node.expression.getText() === 'process') {
      if (['argv', 'env', 'exit', 'exitCode'].includes(node.name.text)) processUses.push(node.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  const folder = path.includes('/') ? path.slice(0, path.indexOf('/')) : path.replace(/\.ts$/, '');
  return { path, folder, imports, reexports, processUses };
}

const sources = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .map((path) => path.replaceAll('\\', '/'))
  .filter((path) => path.endsWith('.ts'))
  .map(read);
const known = new Map(sources.map((source) => [source.path, source]));

/** The files of src that a file imports. */
function targets({ path, imports }: Source): Source[] {
  return imports
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => {
      const target = known.get(relative(src, join(src, dirname(path), specifier)).replaceAll('\\', '/'));
      if (target === undefined) throw new Error(`${path} imports ${specifier}, which is not in src`);
      return target;
    });
}

function isAllowed(from: string, to: string): boolean {
  if (from === to) return true;
  if (ONLY[from] !== undefined) return ONLY[from].includes(to);
  if (NEVER.some(([a, b]) => a === from && b === to)) return false;
  return ORDER.indexOf(to) < ORDER.indexOf(from);
}

describe('imports', () => {
  test('are found in every folder', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(new Set(sources.map(({ folder }) => folder))).toEqual(new Set(ORDER));
    expect(sources.flatMap(targets).length).toBeGreaterThan(100);
  });

  test('lead to the same folder or to folders before it', () => {
    const wrong = sources.flatMap((source) =>
      targets(source)
        .filter(({ folder }) => !isAllowed(source.folder, folder))
        .map((target) => `${source.path} imports ${target.path}`),
    );
    expect(wrong).toEqual([]);
  });

  test('of a package stay in the folders that it belongs to', () => {
    const wrong = sources.flatMap(({ path, folder, imports }) =>
      imports
        .filter((specifier) => PACKAGES[specifier]?.includes(folder) === false)
        .map((specifier) => `${path} imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('form no cycle', () => {
    const finished = new Set<Source>();
    const cycles: string[] = [];
    const walk = (source: Source, path: readonly Source[]): void => {
      if (path.includes(source)) {
        cycles.push([...path.slice(path.indexOf(source)), source].map((file) => file.path).join(' -> '));
        return;
      }
      if (finished.has(source)) return;
      for (const target of targets(source)) walk(target, [...path, source]);
      finished.add(source);
    };
    for (const source of sources) walk(source, []);
    expect(cycles).toEqual([]);
  });

  test('need no barrels', () => {
    expect(sources.filter(({ path }) => basename(path) === 'index.ts')).toEqual([]);
    expect(sources.flatMap(({ path, reexports }) => reexports.map((text) => `${path}: ${text}`))).toEqual([]);
  });

  test('of the process (arguments, environment, exit code) stay in main and the commands', () => {
    const elsewhere = sources.filter(({ folder }) => folder !== 'main' && folder !== 'commands');
    expect(elsewhere.flatMap(({ path, processUses }) => processUses.map((use) => `${path}: ${use}`))).toEqual([]);
    expect(sources.flatMap(({ imports }) => imports)).not.toContain('node:process');
    expect(known.get('main.ts')?.processUses).toContain('process.argv');
  });
});
