// `npm run mutations [-- --runs=1000 --seed=1 --only=TEXT]`: do the tests catch mistakes? Each mutation of
// mutations-list.mjs is put into a copy of the sources, which must compile. Then the test file that the mutation names
// must fail, or random scenarios of the model run until one of them goes wrong. Exit code 1 when a mutation survives, or proves nothing: it does not compile, crashes or hangs.
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
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

/** Runs scenarios until one goes wrong, in a process of its own. Prints the outcome as JSON. */
const RUN_SCENARIOS = `
import fc from 'fast-check';
import { scenarios } from './test/ledger/model/random-scenarios.js';
import { runScenario } from './test/ledger/model/run-scenario.js';
let problems = [];
const property = fc.asyncProperty(scenarios, async (scenario) => {
  problems = [];
  problems = await runScenario(scenario);
  return problems.length === 0;
});
const { failed, numRuns, errorInstance } = await fc.check(property, {
  ...{ numRuns: Number(process.argv[2]), seed: Number(process.argv[3]), endOnFailure: true },
});
const crash = failed && problems.length === 0 ? String(errorInstance?.stack) : undefined;
console.log(JSON.stringify({ failed, scenarios: numRuns, problems, crash }));
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
/** The sources as they were at the start: they may be edited meanwhile. */
const sources = new Map();
for (const part of ['src', 'test/ledger/model', 'test/support']) {
  for (const name of readdirSync(join(root, part), { recursive: true })) {
    if (!name.endsWith('.ts')) continue;
    const target = join(directory, 'sound', part, name.replace(/\.ts$/, '.js'));
    mkdirSync(dirname(target), { recursive: true });
    const source = readFileSync(join(root, part, name), 'utf8');
    sources.set(join(root, part, name), source);
    writeFileSync(target, toJavaScript(source));
  }
}
writeFileSync(join(directory, 'sound', 'run-scenarios.js'), RUN_SCENARIOS);

const parse = (file, source) => ts.createSourceFile(file, source, options.target, true);
let program;
/** Why a source does not compile in its place; undefined when it does. */
function compileError(path, source) {
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
  // The next program must not reuse the mutated file.
  if (known !== undefined) program = known;
  return first && ts.flattenDiagnosticMessageText(first.messageText, ' ');
}

/** Runs a Node.js program to its end, or until its time is over. */
async function run(args, cwd) {
  const limit = { timeout: Number(values.seconds) * 1000, killSignal: 'SIGKILL' };
  const child = spawn(process.execPath, args, { cwd, ...limit });
  let output = '';
  let errors = '';
  child.stdout.on('data', (data) => (output += data));
  child.stderr.on('data', (data) => (errors += data));
  const [, signal] = await new Promise((resolve) => child.once('close', (...end) => resolve(end)));
  return { output, errors, signal };
}

async function runScenarios(tree) {
  const { output, errors, signal } = await run(['run-scenarios.js', values.runs, values.seed], tree);
  if (signal !== null) return { crash: `it did not end within ${values.seconds} s` };
  return output === '' ? { crash: errors } : JSON.parse(output);
}

/** Runs one test file on mutated sources. Returns whether tests failed, and the name of the first. */
async function runTest(test, path, mutated) {
  const tree = join(directory, 'mutated');
  for (const part of ['src', 'test']) cpSync(join(root, part), join(tree, part), { recursive: true });
  for (const [name, source] of sources)
    if (name.startsWith(join(root, 'src'))) writeFileSync(join(tree, relative(root, name)), source);
  writeFileSync(join(tree, relative(root, path)), mutated);
  const config = join(tree, 'vitest.config.mjs');
  writeFileSync(config, `export default { test: { include: ['test/**/*.test.ts'], reporters: ['json'] } };`);
  const vitest = join(root, 'node_modules', 'vitest', 'vitest.mjs');
  const args = [vitest, 'run', '--config', config, '--root', tree, test];
  const { output, errors, signal } = await run(args, tree);
  rmSync(tree, { recursive: true });
  if (signal !== null) return { crash: `it did not end within ${values.seconds} s` };
  const start = output.indexOf('{"numTotalTestSuites"');
  if (start < 0) return { crash: errors };
  const results = JSON.parse(output.slice(start)).testResults.flatMap(({ assertionResults }) => assertionResults);
  return { tests: results.length, failed: results.find(({ status }) => status === 'failed')?.fullName };
}

/** Whether a mutation was caught, and the outcome in words. */
async function tryMutation({ file, find, replace, test }) {
  const path = join(root, 'src', file);
  const source = sources.get(path) ?? '';
  const places = source.split(find).length - 1;
  if (places !== 1) return [false, `USELESS: its text stands ${places} times in src/${file}`];
  const mutated = source.replace(find, () => replace);
  const error = compileError(path, mutated);
  if (error !== undefined) return [false, `USELESS: does not compile: ${error}`];
  if (test !== undefined) {
    const { crash, tests, failed } = await runTest(test, path, mutated);
    if (crash !== undefined || tests === 0) return [false, `USELESS: ${test} does not run: ${crash?.split('\n')[0]}`];
    return failed === undefined ? [false, `NOT CAUGHT by ${test}`] : [true, `caught by "${failed}"`];
  }
  const tree = join(directory, 'mutated');
  cpSync(join(directory, 'sound'), tree, { recursive: true });
  writeFileSync(join(tree, 'src', file.replace(/\.ts$/, '.js')), toJavaScript(mutated));
  const { failed, scenarios, problems, crash } = await runScenarios(tree);
  rmSync(tree, { recursive: true });
  if (crash !== undefined) return [false, `USELESS: crashed instead of counting wrong: ${crash.split('\n')[0]}`];
  if (!failed) return [false, `NOT CAUGHT in ${scenarios} scenarios`];
  return [true, `caught after ${scenarios} scenarios: ${problems[0]}`];
}

let isSound;
try {
  const chosen = MUTATIONS.filter(({ name }) => name.includes(values.only));
  const usesModel = chosen.some(({ test }) => test === undefined);
  const sound = usesModel ? await runScenarios(join(directory, 'sound')) : { failed: false, scenarios: 0 };
  isSound = sound.failed === false;
  console.log(isSound ? `Without a mutation all ${sound.scenarios} scenarios pass (seed ${values.seed})` : sound);
  for (const mutation of isSound ? chosen : []) {
    const [isCaught, outcome] = await tryMutation(mutation);
    console.log(`${mutation.name}: ${outcome}`);
    if (!isCaught) isSound = false;
  }
} finally {
  rmSync(directory, { recursive: true });
}
process.exit(isSound ? 0 : 1);
