import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { createServer, request, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createExposition } from '../../src/exposition/exposition.ts';
import { metricsHandler, negotiateEncoding, negotiateFormat } from '../../src/http/metrics-handler.ts';
import type { Format } from '../../src/exposition/text-format.ts';
import { installed } from '../support/installed.ts';
import { snapshot } from '../support/snapshots.ts';

const run = promisify(execFile);
const snapshots = [snapshot('headquarters', 300), snapshot('branch', 2)];

const UP = { name: 'up', help: 'Up', type: 'gauge', values: [{ labels: {}, value: 1 }] };

let server: Server;
let url: string;

beforeAll(async () => {
  const exposition = createExposition({
    sources: () => snapshots.map((current) => ({ name: current.callCenter, snapshot: () => current })),
    labelNames: () => [],
    now: () => 0,
    selfMetrics: () => Promise.resolve({ callCenters: new Map(), exporter: [UP] }),
  });
  const handle = metricsHandler(exposition);
  server = createServer((req, res) => void handle(req, res)).listen(0, '127.0.0.1');
  await once(server, 'listening');
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/metrics`;
});

afterAll(() => server.close());

async function send(
  options: { method?: string; headers?: Record<string, string>; search?: string } = {},
): Promise<{ status: number | undefined; headers: IncomingHttpHeaders; body: Buffer }> {
  return new Promise((resolve, reject) => {
    const { method = 'GET', headers = {}, search = '' } = options;
    const sent = request(`${url}${search}`, { method, headers }, (res) => {
      const chunks: Buffer[] = [];
      res.on('data', (chunk: Buffer) => chunks.push(chunk));
      res.on('error', reject);
      res.on('end', () => {
        resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) });
      });
    });
    sent.on('error', reject).end();
  });
}

describe('the choice of the format', () => {
  it.each<[Format, string | undefined, string]>([
    ['text', undefined, 'no header'],
    ['text', '*/*', 'curl'],
    ['text', 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8', 'a browser'],
    ['text', 'text/plain;version=0.0.4;q=1,*/*;q=0.1', 'VictoriaMetrics'],
    [
      'openmetrics',
      'application/openmetrics-text;version=1.0.0,application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1',
      'Prometheus 2',
    ],
    [
      'openmetrics',
      'application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.5,application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.3,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'Prometheus 3',
    ],
    [
      'openmetrics',
      'application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited;q=0.6,application/openmetrics-text;version=1.0.0;escaping=underscores;q=0.5,text/plain;version=0.0.4;q=0.2,*/*;q=0.1',
      'Prometheus 3 with native histograms',
    ],
    ['text', 'application/vnd.google.protobuf;q=0.9,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.5,*/*;q=0.1', ''],
    ['openmetrics', 'application/openmetrics-text', 'no version'],
    ['openmetrics', 'application/openmetrics-text; version=1.0.0; charset=utf-8', 'charset'],
    ['openmetrics', 'APPLICATION/OpenMetrics-Text', 'capitals'],
    ['text', 'application/openmetrics-text; version=0.0.1', 'an old version only'],
    ['text', 'application/openmetrics-text;q=0.3, text/plain;q=0.7', 'text liked better'],
    ['text', 'application/openmetrics-text;q=0, */*', 'OpenMetrics refused'],
    ['openmetrics', 'text/plain;q=0, */*', 'text refused'],
    ['text', 'application/json', 'nothing we have'],
    ['text', '', 'empty'],
    ['text', ';;,,q=1,/', 'nonsense'],
  ])('is %s for %s (%s)', (format, accept) => {
    expect(negotiateFormat(accept)).toBe(format);
  });
});

describe('the choice of the encoding', () => {
  it.each([
    ['identity', undefined],
    ['identity', ''],
    ['gzip', 'gzip'],
    ['gzip', 'GZIP'],
    ['gzip', 'deflate, gzip, br, zstd'],
    ['gzip', 'gzip;q=0.1'],
    ['gzip', '*'],
    ['gzip', 'identity;q=0, *'],
    ['gzip', 'identity;q=0.5, gzip;q=0.8'],
    ['identity', 'gzip;q=0'],
    ['identity', 'gzip;q=0.000, br'],
    ['identity', 'gzip;q=0, *'],
    ['identity', 'identity, gzip;q=0.5'],
    ['identity', 'br, zstd'],
    [undefined, 'identity;q=0'],
    [undefined, '*;q=0'],
    [undefined, 'gzip;q=0, identity;q=0'],
  ] as const)('is %s for %s', (encoding, header) => {
    expect(negotiateEncoding(header)).toBe(encoding);
  });
});

describe('the metrics page', () => {
  it('says what it is', async () => {
    const { status, headers, body } = await send();
    expect(status).toBe(200);
    expect(headers).toMatchObject({
      'content-type': 'text/plain; version=0.0.4; charset=utf-8',
      'content-length': String(body.length),
      vary: 'Accept, Accept-Encoding',
    });
    expect(headers).not.toHaveProperty('content-encoding');
    expect(headers).not.toHaveProperty('etag');
    expect(body.toString().endsWith('up 1\n')).toBe(true);
  });

  it('comes as gzipped OpenMetrics when the request accepts it', async () => {
    const accept = { Accept: 'application/openmetrics-text', 'Accept-Encoding': 'gzip' };
    const { headers, body } = await send({ headers: accept });
    expect(headers).toMatchObject({
      'content-type': 'application/openmetrics-text; version=1.0.0; charset=utf-8',
      'content-encoding': 'gzip',
      'content-length': String(body.length),
    });
    expect(gunzipSync(body).toString().endsWith('up 1\n# EOF\n')).toBe(true);
  });

  it('has the same headers for HEAD, and no body', async () => {
    for (const headers of [{}, { 'Accept-Encoding': 'gzip' }]) {
      const [got, head] = [await send({ headers }), await send({ headers, method: 'HEAD' })];
      expect({ ...head.headers, date: '' }).toEqual({ ...got.headers, date: '' });
      expect(head.body).toHaveLength(0);
    }
  });

  it('shows the call centers that were requested', async () => {
    const one = await send({ search: '?call_center=branch' });
    expect(one.body.toString()).not.toContain('headquarters');
    expect(one.body.toString()).toContain('call_center="branch"');
    const both = await send({ search: '?call_center=branch&call_center=headquarters&call_center=branch&other=1' });
    expect(both.body.toString()).toEqual((await send()).body.toString());
  });

  it('responds with 404 and a short text to an unknown call center', async () => {
    for (const search of ['?call_center=', '?call_center=branch&call_center=x', `?call_center=${'x'.repeat(5000)}`]) {
      const { status, headers, body } = await send({ search });
      expect(status).toBe(404);
      expect(headers['content-type']).toBe('text/plain; charset=utf-8');
      expect(body.toString()).toBe('Unknown call_center: use names from the config\n');
      expect(body.length).toBeLessThan(300);
    }
  });

  it('responds with 406 to a client that refuses every encoding', async () => {
    const { status, headers } = await send({ headers: { 'Accept-Encoding': 'identity;q=0' } });
    expect([status, headers.vary]).toEqual([406, 'Accept, Accept-Encoding']);
  });

  const readers: [string, string[]][] = [
    ['curl', ['-sS', '--compressed']],
    ['wget', ['-q', '-O-', '--compression=gzip']],
    [
      'python3',
      [
        '-c',
        'import gzip,sys,urllib.request as r\nq=r.Request(sys.argv[1],headers={"Accept-Encoding":"gzip"})\nsys.stdout.write(gzip.decompress(r.urlopen(q).read()).decode())',
      ],
    ],
  ];
  for (const [program, args] of readers) {
    it.runIf(installed(program))(`is read whole by ${program} with compression`, async () => {
      const { stdout } = await run(program, [...args, url], { maxBuffer: 1e8 });
      expect(stdout).toBe((await send()).body.toString());
    });
  }

  it('is read whole by fetch', async () => {
    const response = await fetch(url);
    expect(response.headers.get('content-encoding')).toBe('gzip');
    expect(await response.text()).toBe((await send()).body.toString());
  });
});
