import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { serve } from '../../src/commands/serve.ts';
import { eventually } from './eventually.ts';

export interface RunningExporter {
  readonly url: string;
  /** A directory of its own, with `config.yaml`. */
  readonly folder: string;
  /** What was logged so far. */
  log(): string;
  /** What SIGHUP does. */
  hangUp(): void;
  writeConfig(yaml: string): void;
  get(path: string): Promise<string>;
  /** The value of a sample as it is written in `/metrics`; undefined when it is not there. */
  sample(series: string): Promise<number | undefined>;
  stop(): Promise<void>;
}

/** Runs the `serve` command in this process, on a free port. */
export async function startExporter(
  yaml: string,
  options: { args?: readonly string[]; files?: Readonly<Record<string, string>>; env?: Record<string, string> } = {},
): Promise<RunningExporter> {
  const folder = mkdtempSync(join(tmpdir(), 'aicc-serve-'));
  const configFile = join(folder, 'config.yaml');
  writeFileSync(configFile, yaml);
  for (const [name, content] of Object.entries(options.files ?? {})) writeFileSync(join(folder, name), content);
  const stopping = new AbortController();
  let log = '';
  const sink = { write: (text: string) => (log += text) };
  let hangUp = (): void => undefined;
  const args = [`--config.file=${configFile}`, '--web.listen-address=127.0.0.1:0', '--log.level=debug'];
  const ended = serve([...args, ...(options.args ?? []).map((arg) => arg.replace('FOLDER', folder))], {
    stdout: sink,
    stderr: sink,
    env: options.env ?? {},
    signal: stopping.signal,
    onHangup: (reload) => (hangUp = reload),
  });
  const failed = ended.then(() => Promise.reject(new Error(`It ended:\n${log}`)));
  failed.catch(() => undefined);
  const address = /msg=Listening url=(\S+)/;
  const url = await Promise.race([eventually(() => address.exec(log)?.[1]), failed]);

  const get = async (path: string) => (await fetch(url + path)).text();
  return {
    url,
    folder,
    log: () => log,
    hangUp: () => {
      hangUp();
    },
    writeConfig: (text) => {
      writeFileSync(configFile, text);
    },
    get,
    async sample(series) {
      const line = (await get('/metrics')).split('\n').find((text) => text.startsWith(`${series} `));
      return line === undefined ? undefined : Number(line.slice(series.length + 1));
    },
    async stop() {
      stopping.abort();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
