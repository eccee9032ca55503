import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import { OperationError, UsageError } from '../errors.ts';
import { isShapeName, SHAPES } from '../simulator/answer.ts';
import { SYSINDEX_PATH } from '../simulator/cms.ts';
import {
  DEFAULT_ACCESS_KEY,
  DEFAULT_SECRET_KEY,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../simulator/simulator.ts';

export const SIMULATE_USAGE = `Usage: aicc-cti-exporter simulate [flags]

A stand-in for the CMS of the vendor: answers sysindex with made-up, reproducible traffic.

  --host=127.0.0.1       address to listen on
  --port=28443           port to listen on; 0 takes any free one
  --http                 plain HTTP; default is HTTPS with a CA made at start
  --ca-out=FILE          write the certificate of that CA
  --access-key=AK        default ${DEFAULT_ACCESS_KEY}
  --secret-key=SK        default ${DEFAULT_SECRET_KEY}
  --cc-id=1              id of the call center
  --vdns=1-12            ids and ranges of ids, like 1,2,10-19
  --seed=1               another number, other traffic
  --flat                 traffic without day and night
  --settle-lag=5s        window end to its row
  --late=0               share of rows that come minutes later, 0 to 1
  --corrections=0        share of rows that are corrected after they came, 0 to 1
  --shape=example        how answers are written: ${Object.keys(SHAPES).join(', ')},
                         or cycle for another with every request
  --control              faults can be read and set at /-/faults
  --help                 this text
`;

export interface SimulateEnvironment {
  readonly stdout: NodeJS.WritableStream;
  readonly stderr: NodeJS.WritableStream;
  /** Stops the simulator. */
  readonly signal: AbortSignal;
}

/**
 * Runs the simulator until the signal is aborted; resolves to the exit code. Rejects with a UsageError for wrong flags
 * and an OperationError when the port or the file cannot be had.
 */
export async function simulate(argv: readonly string[], env: SimulateEnvironment): Promise<number> {
  const flags = readFlags(argv);
  if (flags.help === true) {
    env.stdout.write(SIMULATE_USAGE);
    return 0;
  }
  const simulator = await start(readOptions(flags));
  try {
    const caFile = flags['ca-out'];
    if (caFile !== undefined) await writeCa(caFile, simulator);
    const ids = `${simulator.vdns.length} VDN${simulator.vdns.length === 1 ? '' : 's'}`;
    env.stdout.write(`Simulated CMS with ${ids} listening on ${simulator.url}${SYSINDEX_PATH}\n`);
    await aborted(env.signal);
    return 0;
  } finally {
    await simulator.close();
  }
}

const OPTIONS = {
  host: { type: 'string' },
  port: { type: 'string' },
  http: { type: 'boolean' },
  'ca-out': { type: 'string' },
  'access-key': { type: 'string' },
  'secret-key': { type: 'string' },
  'cc-id': { type: 'string' },
  vdns: { type: 'string' },
  seed: { type: 'string' },
  flat: { type: 'boolean' },
  'settle-lag': { type: 'string' },
  late: { type: 'string' },
  corrections: { type: 'string' },
  shape: { type: 'string' },
  control: { type: 'boolean' },
  help: { type: 'boolean', short: 'h' },
} as const;

type Flags = ReturnType<typeof parseArgs<{ options: typeof OPTIONS }>>['values'];

function readFlags(argv: readonly string[]): Flags {
  try {
    return parseArgs({ args: [...argv], options: OPTIONS, strict: true, allowPositionals: false }).values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error });
  }
}

function readOptions(flags: Flags): SimulatorOptions {
  const { shape = 'example' } = flags;
  if (shape !== 'cycle' && !isShapeName(shape)) {
    throw new UsageError(`--shape: ${shape} is none of ${Object.keys(SHAPES).join(', ')}, cycle`);
  }
  if (flags.http === true && flags['ca-out'] !== undefined) {
    throw new UsageError('--ca-out: there is no CA with --http; leave one of them out');
  }
  return {
    host: flags.host,
    port: readNumber('--port', flags.port ?? '28443', 0, 65_535),
    tls: flags.http !== true,
    accessKey: flags['access-key'],
    secretKey: flags['secret-key'],
    ccId: readNumber('--cc-id', flags['cc-id'] ?? '1', 1, 65_535),
    vdns: readIds(flags.vdns ?? '1-12'),
    seed: readNumber('--seed', flags.seed ?? '1', 0, Number.MAX_SAFE_INTEGER),
    flat: flags.flat,
    settleLag: readDuration('--settle-lag', flags['settle-lag'] ?? '5s'),
    late: readShare('--late', flags.late ?? '0'),
    corrections: readShare('--corrections', flags.corrections ?? '0'),
    shape,
    control: flags.control,
  };
}

function readNumber(flag: string, text: string, least: number, most: number): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : NaN;
  if (value >= least && value <= most) return value;
  throw new UsageError(`${flag}: ${text} is not an integer from ${least} to ${most}`);
}

function readShare(flag: string, text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (value >= 0 && value <= 1) return value;
  throw new UsageError(`${flag}: ${text} is not a number from 0 to 1`);
}

function readDuration(flag: string, text: string): number {
  const [, amount, unit = ''] = /^(\d{1,9})(ms|s|m|h)$/.exec(text) ?? [];
  const factor = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 }[unit];
  if (factor !== undefined) return Number(amount) * factor;
  throw new UsageError(`${flag}: ${text} is not a duration like 500ms, 5s or 2m`);
}

function readIds(text: string): readonly number[] {
  const ids = new Set<number>();
  for (const part of text.split(',')) {
    const [, first = '', last = first] = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part) ?? [];
    const from = readNumber('--vdns', first === '' ? part : first, 1, 5000);
    const to = readNumber('--vdns', last === '' ? part : last, from, 5000);
    for (let id = from; id <= to; id++) ids.add(id);
  }
  return [...ids];
}

async function start(options: SimulatorOptions): Promise<Simulator> {
  try {
    return await startSimulator(options);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperationError(`The simulator cannot listen: ${reason}; choose another --host or --port`, {
      cause: error,
    });
  }
}

async function writeCa(file: string, { caPem = '' }: Simulator): Promise<void> {
  try {
    await writeFile(file, caPem);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new OperationError(`--ca-out: the file cannot be written: ${reason}`, { cause: error });
  }
}

/** Resolves when the signal is aborted. */
async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => {
    signal.addEventListener(
      'abort',
      () => {
        resolve();
      },
      { once: true },
    );
  });
}
