#!/usr/bin/env node
// Starts the program. Nothing is imported statically, so that an older Node.js gets this far and can say what it lacks.

/** The same range as `engines` in package.json. */
function isSupported(version: string): boolean {
  const numbers = version.split('.').map(Number);
  const major = numbers[0] || 0;
  const minor = numbers[1] || 0;
  return (major === 20 && minor >= 15) || (major === 22 && minor >= 2) || major > 22;
}

if (isSupported(process.versions.node)) {
  void import('./commands/program.ts').then(({ runProgram }) => runProgram(process.argv.slice(2)));
} else {
  process.stderr.write(
    'aicc-cti-exporter: Node.js ' +
      process.version +
      ' is not supported: install 20.15 or newer of 20, or 22.2 or newer\n',
  );
  process.exitCode = 1;
}

export {};
