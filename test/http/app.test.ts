import { once } from 'node:events';
import { createServer, request } from 'node:http';
import type { IncomingHttpHeaders, Server } from 'node:http';
import { get as secureGet } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { ConfigError } from '../../src/core/errors.ts';
import { createExposition } from '../../src/exposition/exposition.ts';
import { createApp } from '../../src/http/app.ts';
import { createLogger } from '../../src/core/log.ts';
import { makeCertificates } from '../../src/simulator/certificates.ts';
import { type Simulator, startSimulator } from '../../src/simulator/simulator.ts';
import { eventually } from '../support/eventually.ts';
import { type RunningExporter, startExporter } from '../support/running-exporter.ts';

interface Reply {
  readonly status: number | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** A request whose path is sent as it is. */
function send(url: string, path: string, method = 'GET', headers: Record<string, string> = {}): Promise<Reply> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const sent = request({ hostname, port, path, method, headers }, (res) => {
      let body = '';
      res.setEncoding('utf8').on('data', (text: string) => (body += text));
      res.on('end', () => {
        resolve({ status: res.statusCode, headers: res.headers, body });
      });
    });
    sent.on('error', reject).end();
  });
}

/** What comes back for the lines of a request that a well-behaved client would not send. */
async function exchange(url: string, lines: readonly string[]): Promise<string> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.write([...lines, '', ''].join('\r\n'));
  return text(socket);
}

const SECRETS = {
  AICC_ACCESS_KEY: 'the-access-key',
  AICC_SECRET_KEY: 'the-secret-key',
  PROXY_PASSWORD: 'the-proxy-password',
};

const yaml = (url: string, more = '') => `call_centers:
  - name: head "quarters" <1>
    url: ${url}
    cc_id: 1
    access_key: \${AICC_ACCESS_KEY}
    secret_key: \${AICC_SECRET_KEY}
    vdns: [1-3, { id: 9, name: Sales, labels: { team: a } }]
${more}`;

let simulator: Simulator;
let exporter: RunningExporter;

beforeAll(async () => {
  simulator = await startSimulator({ accessKey: SECRETS.AICC_ACCESS_KEY, secretKey: SECRETS.AICC_SECRET_KEY });
  exporter = await startExporter(yaml(simulator.url), { env: SECRETS });
  await eventually(async () => (await exporter.get('/-/ready')) === 'Ready\n');
});

afterAll(async () => {
  await exporter.stop();
  await simulator.close();
});

const GET_ROUTES = ['/', '/metrics', '/config', '/sd', '/docs', '/docs/runbooks', '/-/healthy', '/-/ready'];

describe('every route', () => {
  it.each(GET_ROUTES)('%s responds to HEAD like to GET, without a body', async (path) => {
    const [get, head] = [await send(exporter.url, path), await send(exporter.url, path, 'HEAD')];
    expect(get.status).toBe(200);
    expect(get.body.length).toBeGreaterThan(0);
    const monotonic = ({ headers }: Reply) => ({ ...headers, date: '', 'content-length': '' });
    expect(monotonic(head)).toEqual(monotonic(get));
    expect(Number(head.headers['content-length'])).toBeGreaterThan(0);
    expect(head.body).toBe('');
  });

  it.each(GET_ROUTES)('%s refuses other methods and says which are allowed', async (path) => {
    for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'TRACE']) {
      const { status, headers, body } = await send(exporter.url, path, method);
      expect([method, status, headers.allow, body]).toEqual([method, 405, 'GET, HEAD', 'Method not allowed\n']);
    }
  });

  it('of a reload refuses all but POST', async () => {
    for (const method of ['GET', 'PUT']) {
      const { status, headers } = await send(exporter.url, '/-/reload', method);
      expect([status, headers.allow]).toEqual([405, 'POST']);
    }
    expect((await send(exporter.url, '/-/reload', 'HEAD')).status).toBe(405);
  });

  it('tells browsers not to guess types, and nobody what it is made with', async () => {
    for (const path of [...GET_ROUTES, '/nowhere']) {
      const { headers } = await send(exporter.url, path);
      expect([path, headers['x-content-type-options'], headers['x-powered-by'], headers.etag]).toEqual([
        path,
        'nosniff',
        undefined,
        undefined,
      ]);
    }
  });

  it.each([
    ...['/nowhere', '/metrics/x', '/metrics/', '//metrics', '/-//ready', '/Config', '/-/', '/x/../config'],
    ...['/%zz', '/%63onfig', '//x', '/..%2f..%2fetc/passwd', '*', 'ftp://host/metrics', 'http:///x', 'http://host//'],
    ...['/constructor', '/__proto__', 'http://[/config', 'http://[/metrics'],
  ])('%s, which is no URL, gets a short response', async (path) => {
    const { status, headers, body } = await send(exporter.url, path);
    expect([status, headers['content-type'], body]).toEqual([404, 'text/plain; charset=utf-8', 'Not found\n']);
  });

  it.each([
    ['/', ['/?', '/?/../x/y/config/x', 'http://host', 'http://host/', 'HTTPS://host?sort=id']],
    ['/-/healthy', ['/-/healthy?', '/-/healthy?a=1&a=2', 'http://host:1/-/healthy', 'http://[::1]/-/healthy?a?b']],
  ])('%s is found by every way to write its address', async (path, ways) => {
    const { headers } = await send(exporter.url, path);
    for (const way of ways) {
      const response = await send(exporter.url, way);
      expect([way, response.status, response.headers['content-type']]).toEqual([way, 200, headers['content-type']]);
    }
  });
});

describe('health and readiness', () => {
  it('are told apart: ready is who has ended the first poll of each call center, whatever came of it', async () => {
    const slow = await startSimulator({ faults: [{ kind: 'hang', seconds: 60 }] });
    const other = await startExporter(yaml(slow.url), { env: SECRETS });
    expect(await send(other.url, '/-/healthy')).toMatchObject({ status: 200, body: 'Healthy\n' });
    expect(await send(other.url, '/-/ready')).toMatchObject({
      status: 503,
      body: 'Not ready: the first poll of a call center has not ended yet\n',
    });
    expect((await send(other.url, '/metrics')).body).toContain(
      'aicc_cti_polls_total{call_center="head \\"quarters\\" <1>"} 0\n',
    );
    expect((await send(other.url, '/')).body).toContain('Waiting for first poll');
    await slow.close(); // Now the request under way fails.
    await eventually(async () => (await other.get('/-/ready')) === 'Ready\n');
    expect((await send(other.url, '/')).body).toContain('Failing');
    await other.stop();
  });
});

describe('the page of the config', () => {
  it('shows every setting, and of the secrets that there are some', async () => {
    const { headers, body } = await send(exporter.url, '/config');
    expect(headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(headers['cache-control']).toBe('no-store');
    expect(parse(body)).toEqual({
      call_centers: [
        {
          name: 'head "quarters" <1>',
          url: simulator.url,
          cc_id: 1,
          access_key: '<secret>',
          secret_key: '<secret>',
          vdns: ['1-3', { id: 9, name: 'Sales', labels: { team: 'a' } }],
          poll: {
            settle_delay: '10s',
            retry_interval: '15s',
            lookback_windows: 2,
            catch_up: '1d',
            stale_after: '12m',
            timeout: '10s',
            concurrency: 4,
          },
          tls: { insecure_skip_verify: false },
          signing: { headers: ['content-length', 'content-type', 'host'], milliseconds: true },
          targets: {
            answer_ratio: { warning: 0.8, critical: 0.6 },
            occupancy_ratio: { warning: 0.9, critical: 'off' },
            unavailable_ratio: { warning: 0.5, critical: 'off' },
            service_level: { warning: 0.8, critical: 0.6 },
            wait_seconds: { warning: 60, critical: 300 },
          },
        },
      ],
    });
  });
});

describe('secrets', () => {
  /** A CMS or a gateway that repeats everything it was sent. */
  async function startEcho(status: number, type: 'html' | 'json'): Promise<Server> {
    const server = createServer((req, res) => {
      const told = req.headers.authorization ?? req.headers['proxy-authorization'] ?? '';
      const body =
        type === 'html'
          ? `<title>${told}</title>`
          : JSON.stringify({ resultCode: '1', resultDesc: told, message: told });
      res.writeHead(status, { 'content-type': type === 'html' ? 'text/html' : 'application/json' }).end(body);
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    return server;
  }

  const urlOf = (server: Server) => `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  it.each([
    [401, 'html'],
    [403, 'html'],
    [200, 'html'],
    [200, 'json'],
    [500, 'json'],
  ] as const)(
    'stay out of pages, metrics and log, even if the other side echoes them (%i, %s)',
    async (status, type) => {
      const echo = await startEcho(status, type);
      const proxied = `    proxy_url: http://user:\${PROXY_PASSWORD}@${new URL(urlOf(echo)).host}\n`;
      const other = await startExporter(
        yaml(urlOf(echo)) + yaml('https://127.0.0.1:9', proxied).slice(14).replace('head', 'via'),
        {
          env: SECRETS,
        },
      );
      await eventually(async () => (await other.get('/-/ready')) === 'Ready\n');
      const pages = await Promise.all(GET_ROUTES.map((path) => other.get(path)));
      expect(pages[0]).toContain('What to check');
      expect(pages[0]?.match(/✖ Failing/g)).toHaveLength(2);
      const shown = [...pages, other.log()].join('\n');
      for (const secret of Object.values(SECRETS)) expect(shown).not.toContain(secret);
      expect(shown).not.toContain(Buffer.from(`user:${SECRETS.PROXY_PASSWORD}`).toString('base64'));
      await other.stop();
      echo.close();
      echo.closeAllConnections();
    },
  );
});

describe('an app whose parts fail', () => {
  let server: Server;
  let url: string;
  let log = '';
  let failure: Error = new Error();

  beforeAll(async () => {
    const app = createApp({
      exporter: {
        callCenters: () => [],
        config: () => ({ callCenters: [], vdnLabelNames: [], warnings: [] }),
        isReady: () => true,
      },
      exposition: createExposition({
        sources: () => [],
        labelNames: () => [],
        now: () => 0,
        selfMetrics: () => Promise.reject(failure),
      }),
      telemetryPath: '/metrics',
      docsUrl: '/docs',
      statusPage: () => {
        throw failure;
      },
      reload: () => Promise.reject(failure),
      logger: createLogger('info', 'logfmt', { write: (line) => (log += line) }),
    });
    server = createServer(app).listen(0, '127.0.0.1');
    await once(server, 'listening');
    url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });

  afterAll(() => server.close());

  it.each([
    ['/', 'GET'],
    ['/metrics', 'GET'],
    ['/-/reload', 'POST'],
  ])('responds to %s without the stack, and logs it', async (path, method) => {
    failure = new TypeError('Mistake in a test');
    log = '';
    const { status, headers, body } = await send(url, path, method);
    expect([status, headers['content-type'], body]).toEqual([
      500,
      'text/plain; charset=utf-8',
      'Internal error: see the log\n',
    ]);
    expect(log).toContain('Mistake in a test');
    expect(log).toContain('app.test.ts');
  });

  it('responds to a reload with the problems', async () => {
    failure = new ConfigError([
      { file: 'a.yaml', line: 1, message: 'One' },
      { file: 'a.yaml', line: 2, message: 'Two' },
    ]);
    const { status, body } = await send(url, '/-/reload', 'POST');
    expect([status, body]).toEqual([500, 'The configuration was not changed:\na.yaml:1: One\na.yaml:2: Two\n']);
  });
});

describe('a reload', () => {
  const HOST = 'exporter.example.com:10122';

  it.each<[string, Record<string, string>]>([
    ['another site', { 'Sec-Fetch-Site': 'cross-site' }],
    ['another host of the site', { 'Sec-Fetch-Site': 'same-site' }],
    ['another site, whatever Origin says', { 'Sec-Fetch-Site': 'cross-site', Origin: `http://${HOST}` }],
    ['another origin', { Origin: 'https://evil.example' }],
    ['another port', { Origin: 'http://exporter.example.com' }],
    ['a page without an origin', { Origin: 'null' }],
    ['an origin that is none', { Origin: HOST }],
  ])('is refused when a browser requests it for %s', async (_, headers) => {
    const reloads = exporter.log().split('msg="Configuration reloaded"').length;
    const { status, body } = await send(exporter.url, '/-/reload', 'POST', { Host: HOST, ...headers });
    expect([status, body]).toEqual([403, 'Refused: a browser sent this request for a page of another site\n']);
    expect(exporter.log().split('msg="Configuration reloaded"')).toHaveLength(reloads);
  });

  it.each<[string, Record<string, string>]>([
    ['any other program', {}],
    ['its user', { 'Sec-Fetch-Site': 'none' }],
    ['a page of the exporter', { 'Sec-Fetch-Site': 'same-origin', Origin: 'https://proxied.example' }],
    ['a page of the exporter, in an old browser', { Origin: `http://${HOST}` }],
    ['a page of the exporter at the usual port', { Host: 'EXPORTER:443', Origin: 'https://exporter' }],
  ])('is carried out for %s', async (_, headers) => {
    expect(await send(exporter.url, '/-/reload', 'POST', { Host: HOST, ...headers })).toMatchObject({ status: 200 });
  });
});

describe('another telemetry path', () => {
  it.each(['/probe/metrics', '/'])('%s serves the metrics', async (path) => {
    const other = await startExporter(yaml(simulator.url), { env: SECRETS, args: [`--web.telemetry-path=${path}`] });
    expect((await send(other.url, path)).body).toContain('aicc_cti_up{');
    expect((await send(other.url, '/metrics')).status).toBe(404);
    const [target] = JSON.parse((await send(other.url, '/sd')).body) as { labels: Record<string, string> }[];
    expect(target?.labels['__metrics_path__']).toBe(path);
    await other.stop();
  });
});

describe('service discovery', () => {
  it('has a target for each call center, at the address of the request', async () => {
    const { headers, body } = await send(exporter.url, '/sd', 'GET', { Host: 'exporter.example.com:10122' });
    expect(headers['content-type']).toBe('application/json; charset=utf-8');
    expect(JSON.parse(body)).toEqual([
      {
        targets: ['exporter.example.com:10122'],
        labels: {
          instance: 'exporter.example.com:10122/head "quarters" <1>',
          __metrics_path__: '/metrics',
          __param_call_center: 'head "quarters" <1>',
          __meta_aicc_cti_call_center: 'head "quarters" <1>',
        },
      },
    ]);
  });

  it.each([
    ['a name that is none', ['Host: a b/c,d']],
    ['two Host headers', ['Host: a.example.com', 'Host: b.example.com']],
    ['an empty Host header', ['Host:']],
    ['a port that is none', ['Host: a:99999']],
    ['a broken IPv6 address', ['Host: [::x]:80']],
    ['user information', ['Host: user@a.example.com']],
  ])('refuses %s', async (_, headers) => {
    const response = await exchange(exporter.url, ['GET /sd HTTP/1.1', ...headers, 'Connection: close']);
    expect(response).toMatch(/^HTTP\/1\.1 400 /);
    expect(response).not.toContain('__param_call_center');
  });

  it('refuses a request of HTTP/1.0 that has no Host header', async () => {
    expect(await exchange(exporter.url, ['GET /sd HTTP/1.0'])).toMatch(/^HTTP\/1\.1 400 /);
  });

  it.each(['exporter_1', 'exporter.example.com.', '192.0.2.1:10122', '[2001:db8::1]:10122', '[::1]'])(
    'takes %s as it is',
    async (host) => {
      const { status, body } = await send(exporter.url, '/sd', 'GET', { Host: host });
      expect(status).toBe(200);
      expect(body).toContain(JSON.stringify({ targets: [host] }).slice(1, -1));
    },
  );

  it('names the scheme where the exporter serves TLS itself', async () => {
    const { server, caPem } = await makeCertificates({});
    const other = await startExporter(yaml(simulator.url), {
      env: SECRETS,
      args: ['--web.config.file=FOLDER/web.yaml'],
      files: {
        'web.yaml': 'tls_server_config: { cert_file: cert.pem, key_file: key.pem }\n',
        'cert.pem': server.certPem,
        'key.pem': server.keyPem,
      },
    });
    const body = await new Promise<string>((resolve, reject) => {
      secureGet(`${other.url}/sd`, { ca: caPem }, (res) => {
        res.setEncoding('utf8').once('data', resolve);
      }).on('error', reject);
    });
    expect(body).toContain('"__scheme__":"https"');
    await other.stop();
  });
});
