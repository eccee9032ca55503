import { loadConfig } from '../config/load.ts';
import type { Config } from '../config/schema.ts';
import { type Clock, systemClock } from '../core/clock.ts';
import { ConfigError, formatProblem } from '../core/errors.ts';
import { count } from '../core/format.ts';
import { examineCallCenter } from '../doctor/call-center.ts';
import { type Finding, hasFailed, renderJson, renderText, type Section } from '../doctor/findings.ts';
import { examineStorage } from '../doctor/storage.ts';
import { oneOf, readFlags, required } from './flags.ts';
import type { CommandIo } from './io.ts';
import { select } from './selection.ts';

const DOCTOR_USAGE = `Usage: aicc-cti-exporter doctor --config.file=FILE [flags]

Tests each step to each call center: configuration, DNS, TCP, TLS, clock, signature, permission, rows of every VDN, skill queues.
Says what to do at the step that fails. Exit code 0 if no step fails, 1 if one does.

  --config.file=FILE     configuration (required)
  --call-center=NAME     limit to one call center
  --storage.path=DIR     also test that this directory can be written
  --output=OUTPUT        text (default) or json
  --help
`;

function configSection(file: string, config: Config): Section {
  const detail = `${file}: ${count(config.callCenters.length, 'call center')}`;
  const warnings = config.warnings.map((warning): Finding => ({ step: 'file', status: 'warning', detail: warning }));
  return { name: 'Configuration', findings: [{ step: 'file', status: 'ok', detail }, ...warnings] };
}

function brokenConfig({ problems }: ConfigError): Section {
  const remedy = 'Correct the file; check-config checks it without a connection';
  const findings = problems.map((problem): Finding => ({
    ...{ step: 'file', status: 'failed', detail: formatProblem(problem), remedy },
  }));
  return { name: 'Configuration', findings };
}

/**
 * Runs all tests and prints the findings. Returns 0, or 1 when a step failed.
 * @throws UsageError for a wrong command line; the reason of `io.signal` when it is aborted
 */
export async function doctor(args: readonly string[], io: CommandIo, clock: Clock = systemClock): Promise<number> {
  if (args.includes('--help')) {
    io.stdout.write(DOCTOR_USAGE);
    return 0;
  }
  const flags = readFlags(args, {
    'config.file': { type: 'string' },
    'call-center': { type: 'string' },
    'storage.path': { type: 'string' },
    output: { type: 'string', default: 'text' },
  });
  const configFile = required('config.file', flags['config.file']);
  const output = oneOf('output', flags.output, ['text', 'json']);
  const sections: Section[] = [];
  try {
    const config = await loadConfig(configFile, io.env);
    const selections = select(config, { callCenter: flags['call-center'], vdn: undefined });
    sections.push(configSection(configFile, config));
    const context = { clock, environment: io.env, signal: io.signal };
    // One after the other: the steps of a slow call center must not disturb the times of another.
    for (const selection of selections) sections.push(await examineCallCenter(selection.config, context));
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    sections.push(brokenConfig(error));
  }
  const storage = flags['storage.path'];
  if (storage !== undefined) sections.push({ name: 'Storage', findings: [await examineStorage(storage)] });
  io.stdout.write(output === 'json' ? renderJson(sections) : renderText(sections));
  return hasFailed(sections) ? 1 : 0;
}
