import type { Socket } from 'node:net';
import { describe, expect, test } from 'vitest';
import { runQuery, clientOf, failureOf } from '../support/api-client.ts';
import { cleanup } from '../support/cleanup.ts';
import { serveTcp } from '../support/local-servers.ts';

const BODY = '{"resultCode":0,"resultDesc":{"data":[],"count":0}}';
const HEAD = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n`;

/** Responds well to the first request of each connection, and to the others what `respond` sends. */
async function serve(respond: (socket: Socket) => void, isFirstGood = true) {
  const server = await serveTcp((socket) => {
    let responses = 0;
    let received = '';
    socket.on('data', (data) => {
      received += data.toString();
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      received = received.slice(end + 4 + length);
      if (responses++ === 0 && isFirstGood) socket.write(HEAD + BODY);
      else respond(socket);
    });
  });
  cleanup(() => server.close());
  return server;
}

const MISUSES: readonly (readonly [string, (socket: Socket) => void])[] = [
  ['closed instead of a response', (socket) => socket.end()],
  ['reset instead of a response', (socket) => socket.resetAndDestroy()],
  ['cut in the body', (socket) => socket.end(HEAD + BODY.slice(0, 20))],
  ['cut in the headers', (socket) => socket.end(HEAD.slice(0, 40))],
  ['reset in the body', (socket) => socket.write(HEAD + BODY.slice(0, 20), () => socket.resetAndDestroy())],
];

describe('a kept connection', () => {
  test.each(MISUSES)('that is %s costs another try, signed anew', async (_, misuse) => {
    const server = await serve(misuse);
    const client = clientOf({ url: server.url, connections: 1 });
    for (let round = 0; round < 4; round++) expect((await runQuery(client)).failure).toBeUndefined();
    expect(client.reports).toHaveLength(4);
    expect(server.connections()).toBe(4);
    expect(new Set(client.prepared.map(({ headers }) => headers['authorization'])).size).toBe(client.prepared.length);
  });

  test.each(MISUSES)('is not one that was just made and is %s: the request fails', async (_, misuse) => {
    const server = await serve(misuse, false);
    const client = clientOf({ url: server.url });
    expect((await failureOf(client)).reason).toBe('network');
    expect(client.prepared).toHaveLength(1);
  });
});

test('"100 Continue" before a response is named', async () => {
  const server = await serve((socket) => socket.write(`HTTP/1.1 100 Continue\r\n\r\n${HEAD}${BODY}`), false);
  const { message, hint } = await failureOf(clientOf({ url: server.url }));
  expect(message).toBe(`${server.url}: the response starts with "100 Continue", which was not requested`);
  expect(hint).toContain('interim responses');
});
