import { spawnSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';
import { runMounted } from '../support/program.ts';

/** A mount namespace of its own lets the program have another resolv.conf. */
const canUnshare = spawnSync('unshare', ['-m', 'true']).status === 0;
if (!canUnshare) console.warn('Skipped: tests of name servers need "unshare -m", which needs root on Linux');

/** Every run has its own address. */
const NAME_SERVER = `127.53.${(process.pid >> 8) & 255}.${Math.max(1, process.pid & 255)}`;

/** Answers `good.test` with 127.0.0.1, and no other name: a forwarder whose other side is down. */
async function deafNameServer(): Promise<void> {
  const socket = createSocket('udp4');
  socket.on('message', (query, client) => {
    const end = query.indexOf(0, 12);
    if (query.toString('latin1', 12, end).toLowerCase() !== '\u0004good\u0004test') return;
    const isIpv4 = query.readUInt16BE(end + 1) === 1;
    const address = Buffer.from(isIpv4 ? 'c00c000100010000000500047f000001' : '', 'hex');
    const counts = Buffer.from([0, 1, 0, isIpv4 ? 1 : 0, 0, 0, 0, 0]);
    const reply = [query.subarray(0, 2), Buffer.from([0x81, 0x80]), counts, query.subarray(12, end + 5), address];
    socket.send(Buffer.concat(reply), client.port, client.address);
  });
  socket.bind(53, NAME_SERVER);
  await once(socket, 'listening');
  cleanup(() => socket.close());
}

describe.runIf(canUnshare)('call centers whose names no server answers', () => {
  test('do not delay another one, are named in the log, and do not outlive SIGTERM', async () => {
    await deafNameServer();
    const simulator = await startSimulator({ vdns: [1] });
    cleanup(() => simulator.close());
    const directory = temporaryDirectory();
    const resolvConf = join(directory, 'resolv.conf');
    writeFileSync(resolvConf, `nameserver ${NAME_SERVER}\n`);
    const center = (name: string, url: string, rest: string) =>
      `  - { name: ${name}, url: '${url}', access_key: demo-access-key, secret_key: demo-secret-key, ${rest} }\n`;
    // The lookups of all but the first would be pending for longer than this test may take.
    const dead = Array.from({ length: 6 }, (_, index) =>
      center(
        `dead${index}`,
        `http://dead-${index}.test`,
        `vdns: [1-400]${index === 0 ? '' : ', poll: { timeout: 2m }'}`,
      ),
    );
    const config = join(directory, 'config.yaml');
    writeFileSync(
      config,
      `call_centers:\n${dead.join('')}${center('good', `http://good.test:${simulator.port}`, 'vdns: [1]')}`,
    );
    const program = runMounted(`mount --bind ${resolvConf} /etc/resolv.conf`, [
      `--config.file=${config}`,
      '--web.listen-address=127.0.0.1:0',
    ]);
    const [line] = await program.says(/^.*\bListening\b.*$/m);
    const [url = ''] = /http:\/\/127\.0\.0\.1:\d+/.exec(line) ?? [];
    await eventually(async () =>
      (await (await fetch(`${url}/metrics`)).text()).includes('aicc_cti_up{call_center="good"} 1'),
    );
    // Nothing else has failed yet: the good one did not wait for any of them.
    expect(program.stderr()).not.toMatch(/dead/);
    await program.says(/DNS: no name server answered for dead-0\.test/);
    program.child.kill('SIGTERM');
    await program.says(/\bStopped\b/);
    // Lookups are still pending.
    expect(await program.ended()).toBe(0);
  });
});
