import type { Socket } from 'node:net';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FAILURE_REASONS } from '../../src/core/errors.ts';
import { runQuery, clientOf } from '../support/api-client.ts';
import { cleanup } from '../support/cleanup.ts';
import { serveTcp } from '../support/local-servers.ts';

const BODY = '{"resultCode":0,"resultDesc":{"data":[],"count":0}}';
const GOOD = `HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ${BODY.length}\r\n\r\n${BODY}`;

/** What a server may do with one request. */
const misbehavior = fc.oneof(
  { weight: 3, arbitrary: fc.constant({ sent: GOOD, then: 'keep' }) },
  fc.record({
    sent: fc.oneof(
      fc.nat(GOOD.length).map((length) => GOOD.slice(0, length)),
      fc.constantFrom(GOOD + GOOD, `HTTP/1.1 100 Continue\r\n\r\n${GOOD}`, `HTTP/1.1 103 Early\r\nA: b\r\n\r\n${GOOD}`),
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.string({ maxLength: 50 }).map((header) => GOOD.replace('Content-Type: ', `Content-Type: ${header}\r\nX: `)),
      fc
        .string({ unit: 'grapheme', maxLength: 80 })
        .map((text) => `HTTP/1.1 502 ${text}\r\n\r\n<title>${text}</title>`),
    ),
    then: fc.constantFrom('close', 'reset'),
  }),
);

/** More runs search for new cases: FUZZ_RUNS=100000 FUZZ_SEED=7. */
const { FUZZ_RUNS = '150', FUZZ_SEED = '1' } = process.env;

test('whatever a server sends, a query ends with a result or a printable failure, and the next good one succeeds', async () => {
  let plan: readonly { sent: string; then: string }[] = [];
  let requests = 0;
  const server = await serveTcp((socket: Socket) => {
    let received = '';
    socket.on('data', (data) => {
      received += data.toString('latin1');
      const end = received.indexOf('\r\n\r\n');
      const length = Number(/content-length: (\d+)/i.exec(received)?.[1]);
      if (end < 0 || received.length < end + 4 + length) return;
      received = received.slice(end + 4 + length);
      const { sent, then } = plan[requests++] ?? { sent: GOOD, then: 'keep' };
      socket.write(sent, () => {
        if (then === 'close') socket.end();
        else if (then === 'reset') socket.resetAndDestroy();
      });
    });
  });
  cleanup(() => server.close());
  await fc.assert(
    fc.asyncProperty(fc.array(misbehavior, { minLength: 1, maxLength: 6 }), async (next) => {
      [plan, requests] = [next, 0];
      const client = clientOf({ url: server.url, connections: 1 });
      while (requests < plan.length) {
        const { failure } = await runQuery(client);
        if (failure === undefined) continue;
        expect(FAILURE_REASONS).toContain(failure.reason);
        expect(failure.message + failure.hint).not.toMatch(/[\p{Cc}\p{Bidi_Control}\p{Cs}]/u);
      }
      // A connection that was left in an unknown state may cost the next request, not the one after.
      await runQuery(client);
      expect((await runQuery(client)).failure).toBeUndefined();
      await client.close();
    }),
    { numRuns: Number(FUZZ_RUNS), seed: Number(FUZZ_SEED) },
  );
});
