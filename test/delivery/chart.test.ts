import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { installed } from '../support/installed.ts';

const CHART = 'deploy/helm/aicc-cti-exporter';
const VALUES = readdirSync(`${CHART}/ci`);

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly data?: Readonly<Record<string, string>>;
  readonly spec?: unknown;
}
interface StatefulSet {
  readonly replicas: number;
  readonly volumeClaimTemplates?: readonly unknown[];
  readonly template: {
    readonly metadata: { readonly annotations: Readonly<Record<string, string>> };
    readonly spec: {
      readonly automountServiceAccountToken: boolean;
      readonly securityContext: unknown;
      readonly containers: readonly [Container];
    };
  };
}
interface Container {
  readonly args: readonly string[];
  readonly securityContext: unknown;
  readonly livenessProbe: { readonly exec?: { readonly command: readonly string[] }; readonly httpGet?: unknown };
}

/** `helm template`: the manifests, or what it says. */
function render(...args: string[]): { manifests: readonly Manifest[]; text: string; error: string } {
  const command = ['template', 'release', CHART, '--kube-version=1.31.0', ...args];
  const { stdout, stderr, status } = spawnSync('helm', command, { encoding: 'utf8' });
  if (status !== 0) return { manifests: [], text: '', error: stderr };
  const manifests = parseAllDocuments(stdout).map((document) => document.toJS() as Manifest);
  return { manifests, text: stdout, error: '' };
}

const values = (file: string): string => `--values=${CHART}/ci/${file}`;
const ofKind = (manifests: readonly Manifest[], kind: string): readonly Manifest[] =>
  manifests.filter((manifest) => manifest.kind === kind);
const statefulSet = (...args: string[]): StatefulSet => {
  const [found] = ofKind(render(...args).manifests, 'StatefulSet');
  return found?.spec as StatefulSet;
};

describe('the chart', () => {
  test('has the version of the package, and ships the rules and the dashboards of the repository', () => {
    const chart = parse(readFileSync(`${CHART}/Chart.yaml`, 'utf8')) as { version: string; appVersion: string };
    const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string };
    expect([chart.version, chart.appVersion]).toEqual([version, version]);
    expect(realpathSync(`${CHART}/files/aicc-cti.rules.yaml`)).toBe(realpathSync('prometheus/aicc-cti.rules.yaml'));
    expect(realpathSync(`${CHART}/files/grafana`)).toBe(realpathSync('grafana'));
  });

  test('describes each value in the schema', () => {
    const schema = JSON.parse(readFileSync(`${CHART}/values.schema.json`, 'utf8')) as { properties: object };
    const defaults = parse(readFileSync(`${CHART}/values.yaml`, 'utf8')) as object;
    expect(Object.keys(schema.properties).sort()).toEqual([...Object.keys(defaults), 'global'].sort());
  });
});

describe.runIf(installed('helm'))('the rendered chart', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'chart-'));
  });
  afterAll(() => {
    rmSync(directory, { recursive: true });
  });

  test.each(VALUES)('of %s meets the restricted Pod Security Standard', (file) => {
    const { template } = statefulSet(values(file));
    expect(template.spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: 'RuntimeDefault' } },
    });
    expect(template.spec.containers[0].securityContext).toEqual({
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
    });
  });

  test.each(VALUES)('of %s holds a configuration that the exporter accepts', async (file) => {
    const maps = ofKind(render(values(file)).manifests, 'ConfigMap');
    const text = maps.find(({ data }) => data?.['config.yaml'] !== undefined)?.data?.['config.yaml'];
    if (file === 'secured-values.yaml') {
      expect(text).toBeUndefined();
      return;
    }
    const secret = join(directory, 'secret');
    writeFileSync(secret, 'secret');
    const config = join(directory, 'config.yaml');
    writeFileSync(config, (text ?? '').replaceAll(/\/run\/secrets\/aicc\/\w+/g, secret));
    const loaded = await loadConfig(config, { AICC_ACCESS_KEY: 'a', B_ACCESS_KEY: 'b' });
    expect(loaded.callCenters.length).toBeGreaterThan(0);
  });

  test('restarts the pod when the configuration changes, and only then', () => {
    const checksum = (...args: string[]) =>
      statefulSet(values('minimal-values.yaml'), ...args).template.metadata.annotations['checksum/config'];
    expect(checksum()).toBe(checksum('--set=resources.limits.memory=1Gi'));
    expect(checksum()).not.toBe(checksum('--set=config.poll.timeout=5s'));
  });

  test('gives each replica a volume of its own', () => {
    const { replicas, volumeClaimTemplates } = statefulSet(values('monitoring-values.yaml'));
    expect(replicas).toBe(2);
    expect(volumeClaimTemplates).toHaveLength(1);
    expect(statefulSet(values('placed-values.yaml')).volumeClaimTemplates).toBeUndefined();
    const [container] = statefulSet(values('trial-values.yaml')).template.spec.containers;
    expect(container.args).not.toContain('--storage.path=/data');
  });

  test('probes by HTTP, or by the command that follows TLS and users', () => {
    const probeOf = (file: string) => statefulSet(values(file)).template.spec.containers[0].livenessProbe;
    expect(probeOf('minimal-values.yaml').httpGet).toEqual({ path: '/-/healthy', port: 'http' });
    expect(probeOf('secured-values.yaml').exec?.command).toEqual(['node', '/app/dist/main.js', 'healthcheck']);
  });

  test('carries every dashboard, and the rules', () => {
    const { manifests } = render(values('monitoring-values.yaml'));
    const boards = readdirSync('grafana').filter((name) => name.endsWith('.json'));
    const shipped = new Map(ofKind(manifests, 'ConfigMap').flatMap(({ data = {} }) => Object.entries(data)));
    for (const name of boards) expect(shipped.get(name)).toBe(readFileSync(`grafana/${name}`, 'utf8'));
    const [rule] = ofKind(manifests, 'PrometheusRule');
    expect(rule?.spec).toEqual(parse(readFileSync('prometheus/aicc-cti.rules.yaml', 'utf8')));
    const [monitor] = ofKind(manifests, 'ServiceMonitor');
    expect(JSON.stringify(monitor?.spec)).toContain(
      '{"sourceLabels":["__meta_kubernetes_namespace","__meta_kubernetes_pod_name"],"separator":".","targetLabel":"instance"},' +
        '{"action":"labeldrop","regex":"pod|container|endpoint|service|node"}',
    );
  });

  test.each([
    ['no call center', ['--set=image.repository=r'], 'Set config.call_centers to at least one call center'],
    ['no image', [values('minimal-values.yaml'), '--set=image.repository='], 'Set image.repository'],
    [
      'both forms of the keys',
      [values('minimal-values.yaml'), '--set=credentials.data.secret_key=x'],
      'Set either credentials.existingSecret or credentials.data, not both',
    ],
    [
      'two replicas on one volume',
      [values('placed-values.yaml'), '--set=replicas=2'],
      'Replicas cannot share one volume: set replicas to 1',
    ],
    [
      'a claim that nothing mounts',
      [values('placed-values.yaml'), '--set=persistence.enabled=false'],
      'persistence.existingClaim needs persistence.enabled: true',
    ],
    [
      'two configurations',
      [values('minimal-values.yaml'), '--set=existingConfigMap=x'],
      'Set either config.call_centers or existingConfigMap, not both',
    ],
    [
      'a secret key in the ConfigMap',
      [values('minimal-values.yaml'), '--set=config.call_centers[0].secret_key=x'],
      'secret_key would be readable in a ConfigMap',
    ],
    [
      'a misspelled value',
      [values('minimal-values.yaml'), '--set=web.prot=1'],
      "additional properties 'prot' not allowed",
    ],
    ['a word for a number', [values('minimal-values.yaml'), '--set=replicas=two'], '/replicas'],
  ])('is refused with %s', (_, args, sentence) => {
    expect(render(...args).error).toContain(sentence);
  });

  test.runIf(installed('kubernetes-validate')).each(VALUES)('of %s is what the API of Kubernetes takes', (file) => {
    const manifests = join(directory, `manifests-${file}`);
    writeFileSync(manifests, render(values(file)).text);
    for (const version of ['1.27', '1.31', '1.35'])
      execFileSync('kubernetes-validate', ['--strict', '-k', version, manifests], { stdio: 'pipe' });
  });

  test('is packed without the values of these tests', () => {
    execFileSync('helm', ['package', CHART, `--destination=${directory}`], { stdio: 'pipe' });
    const [archive = ''] = readdirSync(directory).filter((name) => name.endsWith('.tgz'));
    const files = execFileSync('tar', ['tzf', join(directory, archive)], { encoding: 'utf8' });
    expect(files).toContain('aicc-cti-exporter/files/aicc-cti.rules.yaml');
    expect(files).toContain('aicc-cti-exporter/files/grafana/aicc-cti.json');
    expect(files).not.toMatch(/\/ci\/|provisioning/);
  });
});
