import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

/** A target that refuses connections. */
const NOWHERE = '127.0.0.1:1';

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
  stop(): Promise<void>;
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

function scrapeConfig(target: string): string {
  return JSON.stringify({
    global: { scrape_interval: '1s', scrape_timeout: '1s' },
    scrape_configs: [{ job_name: 'aicc', static_configs: [{ targets: [target] }] }],
  });
}

async function start(
  program: string,
  target: string,
  args: (port: number, config: string, data: string) => string[],
): Promise<MonitoringServer> {
  const folder = mkdtempSync(join(tmpdir(), `aicc-${program}-`));
  const config = join(folder, 'config.yml');
  writeFileSync(config, scrapeConfig(target)); // JSON is YAML.
  const port = await freePort();
  const child: ChildProcess = spawn(program, args(port, config, join(folder, 'data')), {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let log = '';
  child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
  const url = `http://127.0.0.1:${port}`;

  async function query(expression: string): Promise<readonly QueryResult[]> {
    const answer = await fetch(`${url}/api/v1/query?${new URLSearchParams({ query: expression }).toString()}`);
    const body = (await answer.json()) as { status: string; data: { result: QueryResult[] } };
    if (body.status !== 'success') throw new Error(`${expression}: ${JSON.stringify(body)}`);
    return body.data.result;
  }

  async function until(expression: string): Promise<readonly QueryResult[]> {
    for (let attempt = 0; attempt < 150; attempt++) {
      if (child.exitCode !== null) throw new Error(`${program} ended:\n${log}`);
      const result = await query(expression).catch(() => []);
      if (result.length > 0) return result;
      await delay(100);
    }
    throw new Error(`No result for ${expression} from ${program}:\n${log}`);
  }

  return {
    url,
    query,
    until,
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

/** A Prometheus of its own that scrapes `target` (host:port) every second. */
export async function startPrometheus(target: string): Promise<MonitoringServer> {
  return start('prometheus', target, (port, config, data) => [
    `--config.file=${config}`,
    `--storage.tsdb.path=${data}`,
    `--web.listen-address=127.0.0.1:${port}`,
  ]);
}

/** A VictoriaMetrics of its own that scrapes `target` (host:port) every second. */
export async function startVictoriaMetrics(target: string): Promise<MonitoringServer> {
  return start('victoria-metrics', target, (port, config, data) => [
    `-promscrape.config=${config}`,
    `-storageDataPath=${data}`,
    `-httpListenAddr=127.0.0.1:${port}`,
    '-search.latencyOffset=0s',
    '-search.disableCache',
  ]);
}

/** A Prometheus of its own with the blocks of a folder, and nothing to scrape. */
export async function startPrometheusOn(blocks: string): Promise<MonitoringServer> {
  return start('prometheus', NOWHERE, (port, config, data) => {
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
  return start('victoria-metrics', NOWHERE, (port, _, data) => [
    `-storageDataPath=${data}`,
    '-retentionPeriod=10y',
    `-httpListenAddr=127.0.0.1:${port}`,
    '-search.latencyOffset=0s',
    '-search.disableCache',
  ]);
}
