import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';

/** The addresses that scripts/stack.mjs prints, without a scheme but for the simulator's. */
interface Addresses {
  readonly exporter: string;
  readonly prometheus: string;
  readonly alertmanager: string;
  readonly simulator: string;
  readonly exporterPid: number;
  /** The file of the exporter's configuration. */
  readonly config: string;
}

export interface Stack extends Addresses {
  /** The alerts that reached the webhook, as they were printed. */
  readonly printed: readonly string[];
  /** Sets the simulator's faults through its control endpoint. */
  setFaults(faults: readonly unknown[]): Promise<void>;
  /** Polls now: the next window may be minutes away. A reload with another timeout starts the call center anew. */
  pollNow(): Promise<void>;
  stop(): Promise<void>;
}

const CONFIG = `
poll: { retry_interval: 1s }
targets:
  occupancy_ratio: { critical: 0.99 }
  unavailable_ratio: { critical: 0.9 }
  service_level: { critical: 0.1 }
  wait_seconds: { critical: 3600 }
call_centers:
  - name: hq
    url: \${DEMO_URL}
    cc_id: 1
    queues: { interval: 10s }
    access_key: demo-access-key
    secret_key: demo-secret-key
    tls: { ca_file: "\${DEMO_CA_FILE}" }
    vdns: [{ id: 1, name: Emergency line }, { id: 18, name: Sales hotline }, { id: 17, name: Orders }, 4-6]
`;

/** The committed files with minutes turned into seconds, so that nobody waits for a `for: 8m`. */
function hurried(directory: string, file: string, replacements: readonly (readonly [RegExp, string])[]): string {
  const text = replacements.reduce((all, [from, to]) => all.replace(from, to), readFileSync(file, 'utf8'));
  const path = join(directory, file.replace(/^.*\//, ''));
  writeFileSync(path, text);
  return path;
}

/** `npm run demo -- --stack` with short waits, and faults from before its start; resolves when it is ready. */
export async function startStack(faults: readonly unknown[]): Promise<Stack> {
  const directory = mkdtempSync(join(tmpdir(), 'aicc-cti-e2e-'));
  const config = join(directory, 'config.yaml');
  writeFileSync(config, CONFIG);
  const files = [
    `--config=${config}`,
    `--rules=${hurried(directory, 'prometheus/aicc-cti.rules.yaml', [
      [/^( +(?:for|keep_firing_for)): (\d+)m$/gm, '$1: $2s'],
      [/^( +interval): \d+m$/gm, '$1: 1s'],
      // Failing polls are an outage as soon as any VDN has no data: windows take ten real minutes to become old.
      [/ 0\.5 \* call_center:/g, ' 0 * call_center:'],
    ])}`,
    `--prometheus=${hurried(directory, 'prometheus/prometheus.yml', [[/_interval: \w+$/gm, '_interval: 1s']])}`,
    `--alertmanager=${hurried(directory, 'prometheus/alertmanager.yml', [[/(group_wait|group_interval): \w+$/gm, '$1: 1s']])}`,
  ];
  const child = spawn(
    process.execPath,
    [
      'scripts/stack.mjs',
      '--any-port',
      '--flat',
      '--days=8',
      '--vdns=18',
      ...files,
      `--faults=${JSON.stringify(faults)}`,
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  );
  const printed: string[] = [];
  const exited = new Promise<void>((resolve) =>
    child.once('exit', () => {
      resolve();
    }),
  );
  const addresses = await new Promise<Addresses>((resolve, reject) => {
    for (const input of [child.stdout, child.stderr])
      createInterface({ input }).on('line', (line) => {
        printed.push(line);
        if (line.startsWith('STACK ')) resolve(JSON.parse(line.slice(6)) as Addresses);
      });
    void exited.then(() => {
      reject(new Error(printed.join('\n')));
    });
  });
  return {
    ...addresses,
    printed,
    setFaults: (next) =>
      new Promise((resolve, reject) => {
        const url = `${addresses.simulator}/-/faults`;
        // The certificate is the simulator's own, made a moment ago.
        request(url, { method: 'POST', rejectUnauthorized: false }, (response) => {
          response.resume();
          if (response.statusCode === 200) resolve();
          else reject(new Error(`${url}: HTTP ${String(response.statusCode)}`));
        })
          .on('error', reject)
          .end(JSON.stringify(next));
      }),
    async pollNow() {
      writeFileSync(
        addresses.config,
        readFileSync(addresses.config, 'utf8').replace('retry_interval: 1s', 'retry_interval: 1s, timeout: 9s'),
      );
      const { status } = await fetch(`http://${addresses.exporter}/-/reload`, { method: 'POST' });
      if (status !== 200) throw new Error(`The reload failed: HTTP ${status}`);
    },
    async stop() {
      child.kill('SIGTERM');
      await exited;
      rmSync(directory, { recursive: true });
    },
  };
}
