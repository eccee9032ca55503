import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent } from 'undici';
import { afterEach, describe, expect, test } from 'vitest';
import { OperationError, UsageError } from '../../src/core/errors.ts';
import { createPrometheus, parseHeaders } from '../../src/history/prometheus-client.ts';

let server: Server | undefined;
const warnings: string[] = [];
const options = { headers: {}, dispatcher: new Agent(), onWarning: (text: string) => warnings.push(text) };
const never = new AbortController().signal;

afterEach(() => {
  server?.close();
  server?.closeAllConnections();
});

async function start(listener: RequestListener): Promise<string> {
  server = createServer(listener).listen(0, '127.0.0.1');
  await new Promise((resolve) => server?.once('listening', resolve));
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function failure(url: string): Promise<OperationError> {
  const error: unknown = await createPrometheus({ url, ...options })
    .samples('x', 0, 300_000, never)
    .catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(OperationError);
  return error as OperationError;
}

describe('the query API', () => {
  test('gets a query for raw samples, with the credentials and the path of the URL', async () => {
    let seen = '';
    let body = '';
    const host = await start((request, response) => {
      seen = `${request.method ?? ''} ${request.url ?? ''} ${request.headers.authorization ?? ''}`;
      request.on('data', (chunk: Buffer) => (body += chunk.toString()));
      request.on('end', () => {
        const result = [
          {
            metric: { vdn: '1' },
            values: [
              [299.999, '1'],
              [300, '2'],
              [599.999, '3'],
            ],
          },
        ];
        response.end(JSON.stringify({ status: 'success', data: { resultType: 'matrix', result } }));
      });
    });
    const prometheus = createPrometheus({ url: `http://me:p%40ss@${host}/prom/?tenant=7`, ...options });
    expect(await prometheus.samples('x{a="b"}', 300_000, 600_000, never)).toEqual([
      {
        labels: { vdn: '1' },
        samples: [
          [300_000, 2],
          [599_999, 3],
        ],
      },
    ]);
    expect(seen).toBe(`POST /prom/api/v1/query?tenant=7 Basic ${Buffer.from('me:p@ss').toString('base64')}`);
    expect(Object.fromEntries(new URLSearchParams(body))).toEqual({ query: 'x{a="b"}[300000ms]', time: '599.999' });
  });

  test.each([
    [
      422,
      '{"status":"error","error":"query processing would\\n load too many samples"}',
      'HTTP 422: query processing would load too many samples',
    ],
    [401, '<html>', 'HTTP 401\nCheck the user and the password'],
    [404, '', 'HTTP 404\nIf the server has a path in front of /api/v1'],
    [503, '', 'HTTP 503\nCheck --prometheus.url'],
    [200, '<html>', 'the response is not JSON'],
    [200, '{"status":"success","data":{"resultType":"vector","result":[]}}', 'the response is not a matrix'],
  ])('that responds with %i %s is an error without the password', async (status, body, text) => {
    const host = await start((_, response) => response.writeHead(status).end(body));
    const { message } = await failure(`http://me:secret@${host}`);
    expect(message).toContain(text);
    expect(message).toContain(`http://${host}: `);
    expect(message).not.toContain('secret');
  });

  test('takes a password with a bare percent sign', async () => {
    let seen: unknown;
    const host = await start((request, response) => {
      seen = request.headers.authorization;
      response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}');
    });
    await createPrometheus({ url: `http://me:100%@${host}`, ...options }).samples('x', 0, 1, never);
    expect(seen).toBe(`Basic ${Buffer.from('me:100%').toString('base64')}`);
  });

  test('gets the headers of a file, whose authorization goes before that of the URL', async () => {
    let seen: unknown;
    const host = await start((request, response) => {
      seen = [request.headers.authorization, request.headers['x-scope-orgid']];
      response.end('{"status":"success","data":{"resultType":"matrix","result":[]}}');
    });
    const headers = parseHeaders('# Mimir\nX-Scope-OrgID: hq\r\n\nAuthorization:  Bearer a.b-c== \n', 'headers');
    await createPrometheus({ url: `http://me:pass@${host}`, ...options, headers }).samples('x', 0, 1, never);
    expect(seen).toEqual(['Bearer a.b-c==', 'hq']);
  });

  test('a line that is no header is refused with its place, and is not repeated', () => {
    const parse = () => parseHeaders('A: b\nBearer secret', 'the/file');
    expect(parse).toThrow(new UsageError('the/file:2: no header: write Name: value'));
    expect(() => parseHeaders('A: b\u0000c', 'f')).toThrow(UsageError);
  });

  test('with a partial response: reported as a warning', async () => {
    const host = await start((_, response) =>
      response.end(
        '{"status":"success","isPartial":true,"warnings":["store\\n gone"],"data":{"resultType":"matrix","result":[]}}',
      ),
    );
    await createPrometheus({ url: `http://me:secret@${host}`, ...options }).samples('x', 0, 1, never);
    expect(warnings).toEqual([`http://${host}: store gone`, `http://${host}: the response is partial`]);
  });

  test('that cannot be reached is an error without the password', async () => {
    const host = await start(() => undefined);
    server?.close();
    const { message } = await failure(`http://me:secret@${host}`);
    expect(message).toContain('ECONNREFUSED');
    expect(message).not.toContain('secret');
  });

  test.each(['localhost:9090', 'ftp://host', 'x'])('refuses %s, and does not repeat it', (url) => {
    expect(() => createPrometheus({ url, ...options })).toThrow(UsageError);
  });
});
