import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** One job of `scrape_configs`, without its name. */
type Job = Readonly<Record<string, unknown>>;

export interface QueryResult {
  readonly metric: Readonly<Record<string, string>>;
  readonly value: readonly [time: number, value: string];
}

export interface MonitoringServer {
  readonly url: string;
  /** An instant query of the Prometheus API. */
  query(expression: string): Promise<readonly QueryResult[]>;
  /** Repeats a query until it has a result. */
  until(expression: string): Promise<readonly QueryResult[]>;
  /** Repeats a query until its only value is this. */
  untilValue(expression: string, value: number): Promise<void>;
  /** What was logged so far. */
  log(): string;
  stop(): Promise<void>;
}

/** A port of the loopback address that nothing uses. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function scrapeConfig(jobs: readonly Job[], rules: string | undefined): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    ...(rules === undefined ? {} : { rule_files: [rules] }),
    scrape_configs: jobs.map((job) => ({ job_name: 'aicc', ...job })),
  });
}

async function start(
  program: string,
  jobs: readonly Job[],
  args: (port: number, config: string, data: string) => string[],
  rules?: string,
): Promise<MonitoringServer> {
  const folder = mkdtempSync(join(tmpdir(), `aicc-${program}-`));
  const config = join(folder, 'config.yml');
  writeFileSync(config, scrapeConfig(jobs, rules)); // JSON is YAML.
  const port = await freePort();
  const child: ChildProcess = spawn(program, args(port, config, join(folder, 'data')), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;

  async function query(expression: string): Promise<readonly QueryResult[]> {
    const response = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    const body = (await response.json()) as { status: string; data: { result: QueryResult[] } };
    if (body.status !== 'success') throw new Error(`${expression}: ${JSON.stringify(body)}`);
    return body.data.result;
  }

  /** Fails when it has not come in 20 s, or the program ended. */
  async function wait(expression: string, enough: (found: readonly QueryResult[]) => boolean) {
    let found: readonly QueryResult[] = [];
    for (let attempt = 0; attempt < 200; attempt++) {
      if (child.exitCode !== null) throw new Error(`${program} ended:\n${log}`);
      found = await query(expression).catch(() => []); // It may still be starting.
      if (enough(found)) return found;
      await delay(100);
    }
    throw new Error(`${expression} from ${program} is ${JSON.stringify(found)}:\n${log}`);
  }

  return {
    url,
    query,
    until: (expression) => wait(expression, ({ length }) => length > 0),
    untilValue: async (expression, value) => {
      await wait(expression, (found) => found.length === 1 && Number(found[0]?.value[1]) === value);
    },
    log: () => log,
    stop: async () => {
      if (child.exitCode === null) {
        const ended = once(child, 'exit');
        child.kill();
        await ended;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** A Prometheus of its own with one job, which scrapes every second, and a file of rules. */
export async function startPrometheus(job: Job, rules?: string): Promise<MonitoringServer> {
  const args = (port: number, config: string, data: string) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
    '--log.level=debug',
  ];
  return start('prometheus', [job], args, rules);
}

/** A VictoriaMetrics of its own with one job, which scrapes every second. */
export async function startVictoriaMetrics(job: Job): Promise<MonitoringServer> {
  return start('victoria-metrics', [job], (port, config, data) => [
    `-promscrape.config=${config}`,
    `-storageDataPath=${data}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-search.latencyOffset=0s',
    '-search.disableCache',
  ]);
}

/** A Prometheus of its own with the blocks of a folder, and nothing to scrape. */
export async function startPrometheusOn(blocks: string): Promise<MonitoringServer> {
  return start('prometheus', [], (port, config, data) => {
    cpSync(blocks, data, { recursive: true });
    return [
      `--config.file=${config}`,
      `--storage.tsdb.path=${data}`,
      '--storage.tsdb.retention.time=10y',
      `--web.listen-address=127.0.0.1:${port}`,
    ];
  });
}

/** A VictoriaMetrics of its own that keeps history, and has nothing to scrape. */
export async function startVictoriaMetricsForHistory(): Promise<MonitoringServer> {
  return start('victoria-metrics', [], (port, _, data) => [
    `-storageDataPath=${data}`,
    '-retentionPeriod=10y',
    `-httpListenAddr=127.0.0.1:${port}`,
    '-search.latencyOffset=0s',
    '-search.disableCache',
  ]);
}
