// `npm run mutations [-- --runs=1000 --seed=1 --only=TEXT]`: does the model test see mistakes? Each mutation of
// mutations-list.mjs is put into a copy of the sources, which must compile, and lives the model's random lives until one
// of them counts wrong. Exit code 1 when a mutation survives, or proves nothing: it does not compile, crashes or hangs.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import ts from 'typescript';
import { MUTATIONS } from './mutations-list.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '1000' },
    seed: { type: 'string', default: '1' },
    only: { type: 'string', default: '' },
    seconds: { type: 'string', default: '300' },
  },
});

/** Lives until a life goes wrong; in a process of its own. Says as JSON how it ended. */
const LIVE = `
import fc from 'fast-check';
import { live } from './test/ledger/model/scenario.js';
import { schedules } from './test/ledger/model/schedules.js';
let wrong = [];
const property = fc.asyncProperty(schedules, async (schedule) => {
  wrong = [];
  wrong = await live(schedule);
  return wrong.length === 0;
});
const { failed, numRuns, errorInstance } = await fc.check(property, {
  ...{ numRuns: Number(process.argv[2]), seed: Number(process.argv[3]), endOnFailure: true },
});
const crash = failed && wrong.length === 0 ? String(errorInstance?.stack) : undefined;
console.log(JSON.stringify({ failed, lives: numRuns, wrong, crash }));
`;

const { options } = ts.parseJsonConfigFileContent(
  ts.readConfigFile(join(root, 'tsconfig.json'), (file) => ts.sys.readFile(file)).config,
  ts.sys,
  root,
);

function toJavaScript(source) {
  const { target, verbatimModuleSyntax } = options;
  const module = ts.ModuleKind.ESNext;
  const compilerOptions = { target, module, verbatimModuleSyntax, rewriteRelativeImportExtensions: true };
  return ts.transpileModule(source, { compilerOptions }).outputText;
}

const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-mutations-'));
symlinkSync(join(root, 'node_modules'), join(directory, 'node_modules'));
writeFileSync(join(directory, 'package.json'), '{ "type": "module" }');
/** As they were at the start: they may be edited meanwhile. */
const sources = new Map();
for (const part of ['src', 'test/ledger/model']) {
  for (const name of readdirSync(join(root, part), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const target = join(directory, 'sound', part, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const source = readFileSync(join(root, part, name), 'utf8');
    sources.set(join(root, part, name), source);
    writeFileSync(target, toJavaScript(source));
  }
}
writeFileSync(join(directory, 'sound', 'live.js'), LIVE);

const parse = (file, source) => ts.createSourceFile(file, source, options.target, true);
let program;
/** Why a source does not compile in its place; undefined when it does. */
function complaint(path, source) {
  const host = ts.createCompilerHost(options);
  const getSourceFile = host.getSourceFile.bind(host);
  const known = program;
  host.getSourceFile = (file, ...rest) =>
    file === path
      ? parse(file, source)
      : (known?.getSourceFile(file) ??
        (sources.has(file) ? parse(file, sources.get(file)) : getSourceFile(file, ...rest)));
  program = ts.createProgram([path], { ...options, noEmit: true }, host, known);
  const file = program.getSourceFile(path);
  const [first] = [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)];
  // The next program must not take the mutated file over.
  if (known !== undefined) program = known;
  return first && ts.flattenDiagnosticMessageText(first.messageText, ' ');
}

async function live(tree) {
  const limit = { timeout: Number(values.seconds) * 1000, killSignal: 'SIGKILL' };
  const child = spawn(process.execPath, ['live.js', values.runs, values.seed], { cwd: tree, ...limit });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors += data));
  const [, signal] = await new Promise((resolve) => child.once('close', (...end) => resolve(end)));
  if (signal !== null) return { crash: `it did not end within ${values.seconds} s` };
  return output === '' ? { crash: errors } : JSON.parse(output);
}

/** What became of a mutation, in words, and whether that is what it should be. */
async function tryOut({ file, find, replace }) {
  const path = join(root, 'src', file);
  const source = sources.get(path) ?? '';
  const places = source.split(find).length - 1;
  if (places !== 1) return [false, `USELESS: its text stands ${places} times in src/${file}`];
  const mutated = source.replace(find, () => replace);
  const problem = complaint(path, mutated);
  if (problem !== undefined) return [false, `USELESS: does not compile: ${problem}`];
  const tree = join(directory, 'mutated');
  cpSync(join(directory, 'sound'), tree, { recursive: true });
  writeFileSync(join(tree, 'src', file.replace(/\.ts$/, '.js')), toJavaScript(mutated));
  const { failed, lives, wrong, crash } = await live(tree);
  rmSync(tree, { recursive: true });
  if (crash !== undefined) return [false, `USELESS: not counted wrong, but crashed: ${crash.split('\n')[0]}`];
  if (!failed) return [false, `NOT CAUGHT in ${lives} lives`];
  return [true, `caught after ${lives} lives: ${wrong[0]}`];
}

let isSound;
try {
  const sound = await live(join(directory, 'sound'));
  isSound = sound.failed === false;
  console.log(isSound ? `Without a mutation all ${sound.lives} lives are well (seed ${values.seed})` : sound);
  for (const mutation of isSound ? MUTATIONS : []) {
    if (!mutation.name.includes(values.only)) continue;
    const [isGood, outcome] = await tryOut(mutation);
    console.log(`${mutation.name}: ${outcome}`);
    if (!isGood) isSound = false;
  }
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(isSound ? 0 : 1);
