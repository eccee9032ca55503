import { readdirSync, readFileSync } from 'node:fs';
import { basename, dirname, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import ts from 'typescript';
import { describe, expect, test } from 'vitest';

/**
 * The parts of src, and what each may import: data flows config -> API -> ledger -> store -> exposition -> HTTP.
 * What stands directly in src and is not named here is `work`: it polls, and puts the parts together.
 */
const PARTS: Readonly<Record<string, readonly string[]>> = {
  base: ['errors', 'clock', 'window', 'window-set', 'version', 'log', 'gzip'],
  config: ['config/'],
  api: ['api/'],
  ledger: ['ledger', 'vdn-ledger', 'asked', 'catch-up'],
  store: ['store'],
  metrics: ['metrics', 'telemetry', 'runtime-metrics'],
  exposition: ['exposition', 'window-text', 'own-text'],
  /** What `query`, `backfill` and `audit` are made of. */
  history: [
    'audit',
    'audit-report',
    'backfill',
    'gaps',
    'history',
    'history-output',
    'history-source',
    'history-text',
    'progress',
    'prometheus-api',
    'query-text',
    'retry',
    'signature-report',
  ],
  http: ['http/'],
  simulator: ['simulator/'],
  commands: ['commands/'],
  main: ['main'],
};

const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  base: ['base'],
  config: ['config', 'base'],
  api: ['api', 'config', 'base'],
  ledger: ['ledger', 'api', 'config', 'base'],
  store: ['store', 'ledger', 'api', 'config', 'base'],
  metrics: ['metrics', 'api', 'base'],
  exposition: ['exposition', 'metrics', 'store', 'base'],
  work: ['work', 'metrics', 'store', 'ledger', 'api', 'config', 'base'],
  history: ['history', 'work', 'exposition', 'metrics', 'store', 'ledger', 'api', 'config', 'base'],
  http: ['http', 'work', 'exposition', 'store', 'api', 'config', 'base'],
  // Nothing of the exporter: a mistake in signing or parsing must not cancel itself out.
  simulator: ['simulator'],
  commands: [
    'commands',
    'simulator',
    'http',
    'history',
    'work',
    'exposition',
    'metrics',
    'store',
    'ledger',
    'api',
    'config',
    'base',
  ],
  main: ['commands', 'base'],
};

/** Packages that belong to some parts alone. */
const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  undici: ['api', 'history', 'commands'],
  express: ['http'],
  negotiator: ['http'],
  'node:http': ['http', 'simulator'],
  'node:https': ['http', 'simulator'],
  'prom-client': ['metrics'],
  pino: ['base'],
  selfsigned: ['simulator'],
};

interface Source {
  /** Relative to src, with forward slashes. */
  readonly path: string;
  readonly part: string;
  readonly imports: readonly string[];
  readonly reexports: readonly string[];
  /** `process.argv` and the like. */
  readonly edges: readonly string[];
}

const src = fileURLToPath(new URL('../src', import.meta.url));

function partOf(path: string): string {
  const name = path.replace(/\.ts$/, '');
  const owns = (owned: string) => (owned.endsWith('/') ? path.startsWith(owned) : name === owned);
  const found = Object.keys(PARTS).find((part) => PARTS[part]?.some(owns));
  if (found === undefined && path.includes('/')) throw new Error(`Say in this test to which part ${path} belongs`);
  return found ?? 'work';
}

function read(path: string): Source {
  const file = ts.createSourceFile(path, readFileSync(join(src, path), 'utf8'), ts.ScriptTarget.ES2022, true);
  const imports: string[] = [];
  const reexports: string[] = [];
  const edges: string[] = [];
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
      if (['argv', 'env', 'exit', 'exitCode'].includes(node.name.text)) edges.push(node.getText());
    }
    ts.forEachChild(node, visit);
  };
  visit(file);
  return { path, part: partOf(path), imports, reexports, edges };
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

describe('the house', () => {
  test('was read', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(new Set(sources.map(({ part }) => part))).toEqual(new Set(Object.keys(MAY_IMPORT)));
    expect(sources.flatMap(targets).length).toBeGreaterThan(100);
  });

  test('every import goes upstream', () => {
    const wrong = sources.flatMap((source) =>
      targets(source)
        .filter(({ part }) => MAY_IMPORT[source.part]?.includes(part) !== true)
        .map((target) => `${source.path} (${source.part}) imports ${target.path} (${target.part})`),
    );
    expect(wrong).toEqual([]);
  });

  test('packages stay with the part that they belong to', () => {
    const wrong = sources.flatMap(({ path, part, imports }) =>
      imports
        .filter((specifier) => PACKAGES[specifier]?.includes(part) === false)
        .map((specifier) => `${path} (${part}) imports ${specifier}`),
    );
    expect(wrong).toEqual([]);
  });

  test('no file imports itself, by whatever way', () => {
    const finished = new Set<Source>();
    const cycles: string[] = [];
    const walk = (source: Source, way: readonly Source[]): void => {
      if (way.includes(source)) {
        cycles.push([...way.slice(way.indexOf(source)), source].map(({ path }) => path).join(' -> '));
        return;
      }
      if (finished.has(source)) return;
      for (const target of targets(source)) walk(target, [...way, source]);
      finished.add(source);
    };
    for (const source of sources) walk(source, []);
    expect(cycles).toEqual([]);
  });

  test('there are no barrels', () => {
    expect(sources.filter(({ path }) => basename(path) === 'index.ts')).toEqual([]);
    expect(sources.flatMap(({ path, reexports }) => reexports.map((text) => `${path}: ${text}`))).toEqual([]);
  });

  test('only main and the commands touch the arguments, the environment and the exit of the process', () => {
    const elsewhere = sources.filter(({ part }) => part !== 'main' && part !== 'commands');
    expect(elsewhere.flatMap(({ path, edges }) => edges.map((edge) => `${path}: ${edge}`))).toEqual([]);
    expect(sources.flatMap(({ imports }) => imports)).not.toContain('node:process');
    expect(known.get('main.ts')?.edges).toContain('process.argv');
  });
});
