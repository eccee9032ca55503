import { readFileSync } from 'node:fs';
import type { Socket } from 'node:net';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  authorization,
  canonicalRequest,
  normalize,
  signedHeaderNames,
  signingTimestamp,
} from '../../src/cms/signature.ts';
import { runQuery, clientOf } from '../support/api-client.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { serveTcp } from '../support/local-servers.ts';

interface Vector {
  readonly name: string;
  readonly access_key: string;
  readonly secret_key: string;
  readonly timestamp: string;
  readonly method: string;
  readonly path: string;
  readonly signed_headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly authorization: string;
}

const vectors = JSON.parse(readFileSync(new URL('./vectors/signature.json', import.meta.url), 'utf8')) as Vector[];
const PATH = '/rest/cmsapp/v1/openapi/cti/sysindex';
const NOW = Date.UTC(2026, 10, 18, 12, 1, 2, 3);

describe('the vectors of an independent implementation', () => {
  test('there are some', () => {
    expect(vectors.length).toBeGreaterThanOrEqual(3);
  });

  test.each(vectors)('$name', (vector) => {
    const request = {
      method: vector.method,
      path: vector.path,
      headers: vector.signed_headers,
      body: Buffer.from(vector.body),
    };
    const key = { accessKey: vector.access_key, secretKey: vector.secret_key };
    expect(authorization(request, key, vector.timestamp)).toBe(vector.authorization);
  });
});

describe('normalize', () => {
  test('keeps the unreserved bytes and writes every other one as %XX', () => {
    const all = Uint8Array.from({ length: 256 }, (_, byte) => byte);
    const kept = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~';
    const expected = [...all].map((byte) => {
      const char = String.fromCharCode(byte);
      return kept.includes(char) ? char : `%${(byte + 256).toString(16).slice(1).toUpperCase()}`;
    });
    expect(normalize(all)).toBe(expected.join(''));
  });

  test('of any bytes can be read back, and holds no other characters than it may', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const text = normalize(bytes);
        expect(text).toMatch(/^([A-Za-z0-9._~-]|%[0-9A-F]{2})*$/);
        const read = text.replaceAll(/%(..)/g, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)));
        expect(Buffer.from(read, 'latin1')).toEqual(Buffer.from(bytes));
      }),
    );
  });

  test('of a text is that of its UTF-8 bytes', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 20 }), (text) => {
        expect(normalize(text)).toBe(normalize(new TextEncoder().encode(text)));
      }),
    );
    expect(normalize("!'()*")).toBe('%21%27%28%29%2A');
  });
});

describe('the canonical request', () => {
  const request = { method: 'POST', path: PATH, headers: { Host: 'cms:1', 'Content-Type': 'a/b' }, body: Buffer.of() };

  test('sorts lower-case header names, and does without the line of a query that is not there', () => {
    expect(signedHeaderNames(request.headers)).toBe('content-type;host');
    const expected = `POST\n${PATH}\ncontent-type;host\ncontent-type:a%2Fb\nhost:cms%3A1\n`;
    expect(canonicalRequest(request)).toBe(expected);
    expect(canonicalRequest({ ...request, query: '' })).toBe(expected);
  });

  test('has the query on a line of its own', () => {
    expect(
      canonicalRequest({ ...request, query: 'a=1' })
        .split('\n')
        .slice(0, 4),
    ).toEqual(['POST', PATH, 'a=1', 'content-type;host']);
  });

  test('the order in which headers are given does not matter', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.stringMatching(/^[a-z-]{1,12}$/), fc.string()), (headers) => {
        const reversed = Object.fromEntries(Object.entries(headers).reverse());
        expect(canonicalRequest({ ...request, headers: reversed })).toBe(canonicalRequest({ ...request, headers }));
      }),
    );
  });
});

test('the timestamp is UTC, with or without milliseconds', () => {
  expect(signingTimestamp(NOW)).toBe('2026-11-18T12:01:02.003Z');
  expect(signingTimestamp(NOW, false)).toBe('2026-11-18T12:01:02Z');
});

/** Takes one request off a socket, byte for byte. */
async function capture(run: (url: string) => Promise<unknown>): Promise<{ head: string; body: Buffer }> {
  let received = Buffer.alloc(0);
  const response = '{"resultCode":"0","resultDesc":[]}';
  const server = await serveTcp((socket: Socket) => {
    socket.on('data', (data) => {
      received = Buffer.concat([received, data]);
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received.toString('latin1'))?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${response.length}\r\n\r\n${response}`);
    });
  });
  await run(server.url);
  await server.close();
  const end = received.indexOf('\r\n\r\n');
  return { head: received.subarray(0, end).toString('latin1'), body: received.subarray(end + 4) };
}

describe('what goes over the wire', () => {
  const key = { accessKey: 'ak', secretKey: 'sk' };
  const range = { from: Date.UTC(2026, 10, 18, 11, 55), to: Date.UTC(2026, 10, 18, 12) };
  const headersOf = (head: string) =>
    Object.fromEntries(
      head
        .split('\r\n')
        .slice(1)
        .map((line) => [line.slice(0, line.indexOf(':')).toLowerCase(), line.slice(line.indexOf(':') + 1).trim()]),
    );

  test.each([
    ['by default', {}, 'content-length;content-type;host', '2026-11-18T12:01:02.003Z'],
    ['with the host alone', { headers: ['host'] }, 'host', '2026-11-18T12:01:02.003Z'],
    ['without milliseconds', { milliseconds: false }, 'content-length;content-type;host', '2026-11-18T12:01:02Z'],
    ['with another host', { host: 'cms.example.com:28443' }, 'content-length;content-type;host', undefined],
  ])('is what was signed, %s', async (_, signing, names, timestamp) => {
    const { head, body } = await capture(async (url) => {
      const client = clientOf({ url, ...key, ccId: 7, clock: new FakeClock(NOW), signing });
      expect((await runQuery(client, { vdns: [1, 20], range })).failure).toBeUndefined();
      const host = 'host' in signing ? signing.host : new URL(url).host;
      expect(client.prepared[0]?.headers['host']).toBe(host);
    });
    const headers = headersOf(head);
    expect(head.split('\r\n')[0]).toBe(`POST ${PATH} HTTP/1.1`);
    expect(head.match(/^host:/gim)).toHaveLength(1);
    expect(headers['content-type']).toBe('application/json;charset=UTF-8');
    expect(body.toString()).toBe(
      '{"ccId":7,"vdn":[1,20],"beginDate":"2026-11-18 11:55:00","endDate":"2026-11-18 12:00:00","limit":100,"offset":0}',
    );
    const signed = Object.fromEntries(names.split(';').map((name) => [name, headers[name] ?? 'not sent']));
    const at = timestamp ?? '2026-11-18T12:01:02.003Z';
    expect(headers['authorization']).toBe(
      authorization({ method: 'POST', path: PATH, headers: signed, body }, key, at),
    );
  });

  test('leaves out ccId and vdn when they are not configured', async () => {
    const { body } = await capture(async (url) => runQuery(clientOf({ url }), { vdns: 'all', range }));
    expect(Object.keys(JSON.parse(body.toString()) as object)).toEqual(['beginDate', 'endDate', 'limit', 'offset']);
  });
});
