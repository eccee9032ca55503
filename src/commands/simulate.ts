import { writeFile } from 'node:fs/promises';
import { once } from 'node:events';
import { parseDuration } from '../core/duration.ts';
import { OperationError, UsageError } from '../core/errors.ts';
import { SHAPES, type ShapeName } from '../simulator/response-shapes.ts';
import { PATHS } from '../simulator/interfaces.ts';
import {
  DEFAULT_ACCESS_KEY,
  DEFAULT_SECRET_KEY,
  type Simulator,
  type SimulatorOptions,
  startSimulator,
} from '../simulator/simulator.ts';
import { oneOf, readFlags, readIds, wholeNumber } from './flags.ts';
import { count, errorMessage } from '../core/format.ts';

const SIMULATE_USAGE = `Usage: aicc-cti-exporter simulate [flags]

Stands in for the CMS: responds to requests for sysindex and skill queues with simulated, reproducible traffic.

  --host=127.0.0.1       address to listen on
  --port=28443           port to listen on; 0 takes any free one
  --http                 plain HTTP; default is HTTPS with a CA made at start
  --ca-out=FILE          write the certificate of that CA
  --access-key=AK        default ${DEFAULT_ACCESS_KEY}
  --secret-key=SK        default ${DEFAULT_SECRET_KEY}
  --cc-id=1              id of the call center
  --vdns=1-12            ids and ranges of ids, like 1,2,10-19
  --seed=1               each number gives other traffic
  --flat                 traffic without day and night
  --settle-lag=5s        time from the end of a window to its row
  --late=0               share of rows that come minutes later, 0 to 1
  --corrections=0        share of rows that are corrected later, 0 to 1
  --shape=example        format of the responses, see below
  --control              read and set faults at /-/faults
  --help

Shapes: ${Object.keys(SHAPES).join(', ')}; cycle changes it with every request.
`;

/** The largest VDN id of the vendor's sibling interfaces. */
const MAX_VDN = 5000;

const SHAPE_NAMES = [...(Object.keys(SHAPES) as ShapeName[]), 'cycle'] as const;

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
  if (argv.includes('--help')) {
    env.stdout.write(SIMULATE_USAGE);
    return 0;
  }
  const { options, caFile } = readOptions(argv);
  const simulator = await start(options);
  try {
    if (caFile !== undefined) await writeCa(caFile, simulator);
    const ids = count(simulator.vdns.length, 'VDN');
    env.stdout.write(`Simulated CMS with ${ids} listening on ${simulator.url}${PATHS.sysindex}\n`);
    if (!env.signal.aborted) await once(env.signal, 'abort');
    return 0;
  } finally {
    await simulator.close();
  }
}

function readOptions(argv: readonly string[]): { options: SimulatorOptions; caFile: string | undefined } {
  const flags = readFlags(argv, {
    host: { type: 'string' },
    port: { type: 'string', default: '28443' },
    http: { type: 'boolean', default: false },
    'ca-out': { type: 'string' },
    'access-key': { type: 'string' },
    'secret-key': { type: 'string' },
    'cc-id': { type: 'string', default: '1' },
    vdns: { type: 'string', default: '1-12' },
    seed: { type: 'string', default: '1' },
    flat: { type: 'boolean' },
    'settle-lag': { type: 'string', default: '5s' },
    late: { type: 'string', default: '0' },
    corrections: { type: 'string', default: '0' },
    shape: { type: 'string', default: 'example' },
    control: { type: 'boolean' },
  });
  if (flags.http && flags['ca-out'] !== undefined) {
    throw new UsageError('--ca-out: there is no CA with --http; leave one of them out');
  }
  const options = {
    host: flags.host,
    port: wholeNumber('port', flags.port, 0, 65_535),
    tls: !flags.http,
    accessKey: flags['access-key'],
    secretKey: flags['secret-key'],
    ccId: wholeNumber('cc-id', flags['cc-id'], 1, 65_535),
    vdns: readIds('vdns', flags.vdns, MAX_VDN),
    seed: wholeNumber('seed', flags.seed, 0, 9_999_999_999),
    flat: flags.flat,
    settleLag: readDuration('settle-lag', flags['settle-lag']),
    late: readShare('late', flags.late),
    corrections: readShare('corrections', flags.corrections),
    shape: oneOf('shape', flags.shape, SHAPE_NAMES),
    control: flags.control,
  };
  return { options, caFile: flags['ca-out'] };
}

function readShare(flag: string, text: string): number {
  const value = /^\d*\.?\d+$/.test(text) ? Number(text) : NaN;
  if (value <= 1) return value;
  throw new UsageError(`--${flag} is "${text}": use a number from 0 to 1`);
}

function readDuration(flag: string, text: string): number {
  const ms = parseDuration(text);
  if (ms !== undefined) return ms;
  throw new UsageError(`--${flag} is "${text}": use a duration such as 500ms, 5s or 2m`);
}

async function start(options: SimulatorOptions): Promise<Simulator> {
  try {
    return await startSimulator(options);
  } catch (error) {
    const reason = errorMessage(error);
    throw new OperationError(`The simulator cannot listen: ${reason}; choose another --host or --port`, {
      cause: error,
    });
  }
}

async function writeCa(file: string, { caPem = '' }: Simulator): Promise<void> {
  try {
    await writeFile(file, caPem);
  } catch (error) {
    const reason = errorMessage(error);
    throw new OperationError(`--ca-out: the file cannot be written: ${reason}`, { cause: error });
  }
}
