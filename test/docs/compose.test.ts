import { execFile, execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';

interface Service {
  readonly image: string;
  readonly command?: readonly string[];
  readonly healthcheck?: { readonly test: readonly string[] };
  readonly volumes?: readonly string[];
  readonly ports?: readonly string[];
  readonly secrets?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
}

const compose = parse(readFileSync('compose.yaml', 'utf8')) as {
  readonly services: Readonly<Record<string, Service>>;
  readonly secrets: Readonly<Record<string, { readonly file: string }>>;
};
const SERVICES = Object.entries(compose.services);
/** `${NAME:-default}` as compose reads it without the variable. */
const withDefaults = (text: string): string => text.replace(/\$\{\w+:-([^}]*)\}/g, '$1');

function hasDockerCompose(): boolean {
  try {
    execFileSync('docker', ['compose', 'version'], { stdio: 'ignore' });
    return true;
  } catch {
    process.stderr.write('Skipped what needs docker compose: it is not installed\n');
    return false;
  }
}

describe('compose.yaml', () => {
  it('pins every image and publishes on loopback alone', () => {
    for (const [name, { image, ports = [] }] of SERVICES) {
      expect(image, name).toMatch(/:(v?\d+\.\d+\.\d+|local)$/);
      for (const port of ports) expect(port, name).toMatch(/^127\.0\.0\.1:/);
    }
  });

  it("checks the simulator on its own port, since the image checks the exporter's", async () => {
    const { command = [], healthcheck } = compose.services['simulator'] ?? {};
    const port = command.find((flag) => flag.startsWith('--port='))?.slice('--port='.length) ?? '';
    const [kind, program = '', ...args] = healthcheck?.test ?? [];
    expect([kind, program]).toEqual(['CMD', 'node']);
    expect(args.at(-1)).toContain(`http://127.0.0.1:${port}/`);
    // The same check, before a simulator on a free port and after it is gone.
    const simulator = await startSimulator();
    const check = (): Promise<unknown> =>
      promisify(execFile)(
        program,
        args.map((arg) => arg.replace(`http://127.0.0.1:${port}`, simulator.url)),
      );
    await expect(check()).resolves.toBeDefined();
    await simulator.close();
    await expect(check()).rejects.toThrow();
  });

  it('mounts files that are there', () => {
    const mounted = SERVICES.flatMap(([, { volumes = [] }]) => volumes.map(withDefaults)).filter((volume) =>
      volume.startsWith('./'),
    );
    for (const volume of mounted) expect(existsSync(volume.split(':')[0] ?? ''), volume).toBe(true);
    for (const file of ['prometheus/prometheus.yml', 'prometheus/alertmanager.yml', 'prometheus/aicc-cti.rules.yaml'])
      expect(
        mounted.some((volume) => volume.startsWith(`./${file}:`)),
        file,
      ).toBe(true);
  });

  it('hands over secrets as files', () => {
    for (const [name, { environment = {}, secrets = [] }] of SERVICES) {
      for (const secret of secrets) expect(compose.secrets[secret]?.file, name).toBeDefined();
      for (const [variable, value] of Object.entries(environment))
        if (/PASSWORD|SECRET|KEY/.test(variable)) expect(value, variable).toMatch(/^\/run\/secrets\//);
    }
  });

  it('needs no file that a fresh checkout does not have', () => {
    const tracked = execFileSync('git', ['ls-files', 'compose'], { encoding: 'utf8' }).split('\n');
    for (const [name, { file }] of Object.entries(compose.secrets)) {
      const path = withDefaults(file).replace(/^\.\//, '');
      expect(existsSync(path), name).toBe(true);
      expect(tracked, name).toContain(path);
    }
  });

  it('comes with services under the names that the configurations use', () => {
    const names = SERVICES.map(([name]) => name);
    const hosts = [
      ...readFileSync('prometheus/prometheus.yml', 'utf8').matchAll(/\['([\w-]+):\d+'\]/g),
      ...readFileSync('grafana/provisioning/datasources/prometheus.yaml', 'utf8').matchAll(/http:\/\/([\w-]+):/g),
      ...readFileSync('compose/config.yaml', 'utf8').matchAll(/http:\/\/([\w-]+):/g),
    ].map((match) => match[1]);
    expect(hosts.length).toBe(4);
    for (const host of hosts) expect(names).toContain(host);
  });

  it('has a configuration that the exporter accepts, with the secret key beside it', async () => {
    const text = readFileSync('compose/config.yaml', 'utf8');
    expect(text).toContain('/run/secrets/aicc_secret_key');
    const file = join(mkdtempSync(join(tmpdir(), 'aicc-')), 'config.yaml');
    writeFileSync(file, text.replace('/run/secrets/aicc_secret_key', resolve('compose/demo-secret-key')));
    expect((await loadConfig(file, {})).callCenters.map(({ name }) => name)).toEqual(['demo']);
  });

  it.skipIf(!hasDockerCompose())('is understood by docker compose', () => {
    execFileSync('docker', ['compose', '-f', 'compose.yaml', 'config', '-q']);
  });
});
