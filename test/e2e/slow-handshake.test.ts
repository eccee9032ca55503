import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { runMounted } from '../support/program.ts';

/** A mount namespace of its own lets the program have another hosts file. */
const canUnshare = spawnSync('unshare', ['-m', 'true']).status === 0;
if (!canUnshare) console.warn('Skipped: the test of slow handshakes needs "unshare -m", which needs root on Linux');

/** Passes connections on to a port of this machine, and has room for one connection that it has not accepted yet. */
const FORWARDER = `
import { connect, createServer } from 'node:net';
const server = createServer((client) => {
  const upstream = connect(Number(process.argv[1]), '127.0.0.1');
  for (const socket of [client, upstream]) socket.on('error', () => undefined);
  client.pipe(upstream).pipe(client);
});
server.listen({ port: 0, host: '127.0.0.1', backlog: 1 }, () => console.log(server.address().port));
`;

async function startForwarder(port: number): Promise<{ child: ChildProcess; port: number }> {
  const child = spawn(process.execPath, ['--input-type=module', '--eval', FORWARDER, String(port)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  cleanup(() => child.kill('SIGKILL'));
  const [line] = (await once(child.stdout, 'data')) as [Buffer];
  return { child, port: Number(line) };
}

/** Connections of this machine to a port that have sent a SYN and got no answer (proc(5): state 02). */
function handshakesTo(port: number): number {
  const remote = new RegExp(`:${port.toString(16).toUpperCase().padStart(4, '0')} 02 `);
  return readFileSync('/proc/net/tcp', 'utf8')
    .split('\n')
    .filter((line) => remote.test(line)).length;
}

describe.runIf(canUnshare)('a host with two addresses', () => {
  // Nothing listens at the second address.
  test('is reached by the first of them although the handshake takes longer than a quarter of a second', async () => {
    const simulator = await startSimulator({ vdns: [1] });
    cleanup(() => simulator.close());
    const { child, port } = await startForwarder(simulator.port);
    const directory = temporaryDirectory();
    writeFileSync(join(directory, 'hosts'), '127.0.0.1 slow.test\n127.0.0.2 slow.test\n');
    writeFileSync(
      join(directory, 'config.yaml'),
      `call_centers:
  - { name: slow, url: 'http://slow.test:${port}', access_key: demo-access-key, secret_key: demo-secret-key, vdns: [1], poll: { timeout: 1m } }
`,
    );

    // A stopped process accepts nothing: once its queue is full, Linux drops the first packet of further handshakes,
    // which is sent again after a second.
    child.kill('SIGSTOP');
    const filling = () => {
      const socket = connect(port, '127.0.0.1');
      socket.on('error', () => undefined);
      cleanup(() => socket.destroy());
    };
    await eventually(async () => {
      filling();
      await delay(20);
      return handshakesTo(port) > 0;
    });
    const waiting = handshakesTo(port);

    const program = runMounted(`mount --bind '${directory}/hosts' /etc/hosts`, [
      'query',
      `--config.file=${directory}/config.yaml`,
    ]);
    await eventually(() => handshakesTo(port) > waiting);
    await delay(700);
    child.kill('SIGCONT');
    expect(await program.ended(), program.stderr()).toBe(0);
    expect(program.stdout()).toContain('Total');
  });
});
