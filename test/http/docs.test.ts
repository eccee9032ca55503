import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openDocs } from '../../src/http/docs.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';

const CONFIG = `call_centers:
  - { name: main, url: 'https://127.0.0.1:9', access_key: a-key, secret_key: b-key, vdns: [1] }
`;

let exporter: RunningExporter;

beforeAll(async () => {
  exporter = await startExporter(CONFIG);
});
afterAll(() => exporter.stop());

async function get(address: string): Promise<{ status: number; type: string; body: string }> {
  const response = await fetch(exporter.url + address);
  return { status: response.status, type: response.headers.get('content-type') ?? '', body: await response.text() };
}

const linksOf = (body: string) =>
  [...body.matchAll(/ (?:href|src)="([^"]*)"/g)]
    .map(([, link]) => link ?? '')
    .filter((link) => !link.startsWith('data:'));

/** Every page that can be reached from the status page and the start page of the documentation. */
async function crawl(): Promise<Map<string, string>> {
  const pages = new Map<string, string>();
  const waiting = ['/', '/docs'];
  for (let address = waiting.pop(); address !== undefined; address = waiting.pop()) {
    const { status, type, body } = await get(address);
    expect([address, status]).toEqual([address, 200]);
    pages.set(address, type.startsWith('text/html') ? body : '');
    for (const link of linksOf(pages.get(address) ?? '')) {
      const [target = ''] = link.replaceAll('&amp;', '&').split(/[?#]/);
      if (target.startsWith('/') && !pages.has(target) && !waiting.includes(target)) waiting.push(target);
    }
  }
  return pages;
}

describe('the documentation that the exporter serves', () => {
  it('has no dead link, anchors and images included', async () => {
    const pages = await crawl();
    const names = readdirSync('docs').filter((name) => name.endsWith('.md'));
    for (const name of names) expect([...pages.keys()]).toContain(`/docs/${name.replace('.md', '')}`);
    const dead: string[] = [];
    for (const [address, body] of pages) {
      for (const link of linksOf(body)) {
        const [target, anchor] = link.split('#');
        if (anchor === undefined || link.startsWith('http')) continue;
        const text = target === '' || target?.startsWith('?') === true ? body : pages.get(target ?? '');
        if (text?.includes(`id="${decodeURIComponent(anchor)}"`) !== true) dead.push(`${address}: ${link}`);
      }
    }
    expect(dead).toEqual([]);
    expect([...pages.keys()].filter((address) => address.endsWith('.png')).length).toBeGreaterThan(0);
  });

  it('has a section for the runbook of every alert', async () => {
    const { body } = await get('/docs/runbooks');
    const alerts = [...readFileSync('prometheus/aicc-cti.rules.yaml', 'utf8').matchAll(/- alert: (\w+)/g)];
    expect(alerts.length).toBeGreaterThan(10);
    for (const [, name] of alerts) expect(body).toContain(` id="${name?.toLowerCase()}"`);
  });

  it('allows nothing but its style and images, and leads back to the status page', async () => {
    const response = await fetch(`${exporter.url}/docs/storage`);
    const policy = response.headers.get('content-security-policy');
    expect(policy).toMatch(/^default-src 'none'; style-src 'sha256-[^']+'; img-src 'self' data:;/);
    const body = await response.text();
    expect(body).toContain('<a href="/"');
    expect(body).not.toMatch(/<script| style=| on\w+=/);
  });

  it.each([
    ...['/docs/', '/docs/nothing', '/docs/../config', '/docs/index', '/docs/%2e%2e', '/docs/README.md'],
    ...['/docs/files/', '/docs/files/package.json', '/docs/files/../../main.js', '/docs/files//etc/passwd'],
  ])('has no %s', async (address) => {
    const { hostname, port } = new URL(exporter.url);
    const status = await new Promise((resolve, reject) => {
      request({ hostname, port, path: address }, (res) => {
        resolve(res.resume().statusCode);
      })
        .on('error', reject)
        .end();
    });
    expect(status).toBe(404);
  });

  it('can be told to be elsewhere: then every link of the pages leads there', async () => {
    const other = await startExporter(CONFIG, { args: ['--web.docs-url=https://docs.example.com/aicc/'] });
    for (const address of ['/', '/docs']) {
      const body = await other.get(address);
      expect(body).toContain('<a href="https://docs.example.com/aicc"');
      expect(body).toContain('<a href="https://docs.example.com/aicc/runbooks"');
    }
    await other.stop();
  });
});

describe('a page of the documentation', () => {
  const root = mkdtempSync(join(tmpdir(), 'aicc-docs-'));
  afterAll(() => {
    rmSync(root, { recursive: true });
  });

  it('holds no markup but that of Markdown, no dangerous link, and the anchors of GitHub', async () => {
    mkdirSync(join(root, 'docs'));
    writeFileSync(
      join(root, 'README.md'),
      [
        '# Title & more',
        '<script>alert(1)</script>',
        '<img src=x onerror=alert(1)> <!-- a comment -->',
        '[evil](javascript:alert(1)) [data](data:text/html,x) [page](docs/a.md#two-words) [no](../secret.yaml) [gone](docs/b.md)',
        '![outside](https://example.com/x.png) [web](https://example.com/?a=1&b=2)',
        '## `Code`, twice?',
        '## Code twice',
      ].join('\n\n'),
    );
    writeFileSync(join(root, 'docs/a.md'), '# A\n\n## Two words\n\n[back](../README.md)\n');
    const output = join(root, 'out');
    const { stderr, status } = spawnSync('node', ['scripts/build-docs.mjs', root, output]);
    expect([stderr.toString(), status]).toEqual(['', 0]);
    const links = { telemetryPath: '/metrics', docsUrl: '/docs' };
    const page = (await openDocs(links, pathToFileURL(`${output}/`)).page('')) ?? '';
    const text = page.slice(page.indexOf('<article'));
    expect(text).not.toMatch(/<script|<img|javascript:|data:text|secret|b\.md/);
    expect(text).toContain('&#60;script&#62;');
    expect(text).not.toContain('a comment');
    expect(text).toContain('<a href="/docs/a#two-words">page</a>');
    expect(text).toContain('<a href="https://example.com/?a=1&#38;b=2">web</a>');
    expect([...text.matchAll(/<h2 id="([^"]*)"/g)].map(([, id]) => id)).toEqual(['code-twice', 'code-twice-1']);
  });
});
