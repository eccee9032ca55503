import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { OperationError } from '../core/errors.ts';
import { type Simulator, startSimulator } from '../simulator/simulator.ts';
import { readFlags, wholeNumber } from './flags.ts';
import type { CommandIo } from './io.ts';
import { serve } from './serve.ts';

const DEMO_USAGE = `Usage: aicc-cti-exporter demo [--port=10122]

Starts a simulated CMS with twelve VDNs and an exporter that polls it, both on this machine alone. Ctrl-C ends both.

  --port=10122   port of the exporter; 0 takes any free one
  --help
`;

const CONFIG_FILE = fileURLToPath(new URL('../../scripts/demo-config.yaml', import.meta.url));

/** The pages to open, for the terminal. */
function guide(exporterUrl: string, simulatorUrl: string): string {
  return `
The exporter has polled the simulator. Look at:

  ${exporterUrl}/          status page
  ${exporterUrl}/metrics   metrics

  curl -s ${exporterUrl}/metrics | grep aicc_cti_agents
  curl -s ${exporterUrl}/metrics | grep aicc_cti_queue_waiting

Gauges show the last 5-minute window. Counters start with the window that is running now.
Make the CMS fail ([] repairs it), and watch aicc_cti_up and aicc_cti_poll_failures_total. The next poll comes 10 s after
the next full five minutes:

  curl -sk ${simulatorUrl}/-/faults -d '[{"kind":"firewall"}]'

Ctrl-C ends the demo.

`;
}

/** Passes the exporter's log on, and calls back once, with its URL, after the first poll. */
function watchLog(output: NodeJS.WritableStream, onPolled: (url: string) => void): Writable {
  let url = '';
  let isPolled = false;
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      const text = chunk.toString();
      output.write(text);
      url = /\bListening\b.* url=(\S+)/.exec(text)?.[1] ?? url;
      if (!isPolled && text.includes('First poll succeeded')) {
        isPolled = true;
        onPolled(url.replace('127.0.0.1', 'localhost'));
      }
      done();
    },
  });
}

async function runExporter(simulator: Simulator, port: number, io: CommandIo): Promise<number> {
  const directory = await mkdtemp(join(tmpdir(), 'aicc-cti-demo-'));
  try {
    const caFile = join(directory, 'ca.pem');
    await writeFile(caFile, simulator.caPem ?? '');
    const log = watchLog(io.stderr, (url) => io.stdout.write(guide(url, simulator.url)));
    return await serve([`--config.file=${CONFIG_FILE}`, `--web.listen-address=127.0.0.1:${port}`], {
      stdout: io.stdout,
      stderr: log,
      env: { ...io.env, DEMO_URL: simulator.url, DEMO_CA_FILE: caFile },
      signal: io.signal,
      onHangup: () => undefined,
    });
  } finally {
    await rm(directory, { recursive: true, force: true });
  }
}

/**
 * `demo`: a simulator and an exporter in this process until the signal is aborted.
 * @throws UsageError for wrong flags, OperationError when the port is taken
 */
export async function demo(argv: readonly string[], io: CommandIo): Promise<number> {
  if (argv.includes('--help')) {
    io.stdout.write(DEMO_USAGE);
    return 0;
  }
  const flags = readFlags(argv, { port: { type: 'string', default: '10122' } });
  const port = wholeNumber('port', flags.port, 0, 65_535);
  const simulator = await startSimulator({ tls: true, flat: true, control: true });
  io.stdout.write(`Simulated CMS with ${simulator.vdns.length} VDNs listening on ${simulator.url}\n`);
  try {
    return await runExporter(simulator, port, io);
  } catch (error) {
    if (!(error instanceof OperationError)) throw error;
    throw new OperationError(`${error.message}\nIf the port is taken, choose another: demo --port=10123`, {
      cause: error,
    });
  } finally {
    await simulator.close();
  }
}
