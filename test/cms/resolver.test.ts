import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { createResolver, fromHostsFile, type HostResolver } from '../../src/cms/resolver.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';
import { eventually } from '../support/eventually.ts';

/** A name server that answers `good.test` with 127.0.0.1 and is silent about every other name. */
async function nameServer() {
  const queried: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, client) => {
    const labels: string[] = [];
    let at = 12;
    for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
      labels.push(query.toString('latin1', at + 1, at + 1 + length));
      at += 1 + length;
    }
    queried.push(labels.join('.'));
    if (labels.join('.') !== 'good.test') return;
    const isIpv4 = query.readUInt16BE(at + 1) === 1;
    const address = isIpv4 ? Buffer.from('c00c00010001000000050004' + '7f000001', 'hex') : Buffer.alloc(0);
    const counts = Buffer.from([0, 1, 0, isIpv4 ? 1 : 0, 0, 0, 0, 0]);
    const reply = [query.subarray(0, 2), Buffer.from([0x81, 0x80]), counts, query.subarray(12, at + 5), address];
    socket.send(Buffer.concat(reply), client.port, client.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  cleanup(() => socket.close());
  return { server: `127.0.0.1:${socket.address().port}`, queried };
}

function resolverOf(options: Partial<Parameters<typeof createResolver>[0]>): HostResolver {
  const resolver = createResolver({ timeoutMs: 60_000, ...options });
  cleanup(() => {
    resolver.close();
  });
  return resolver;
}

const lookup = (resolver: HostResolver, host: string) =>
  new Promise<unknown>((resolve, reject) => {
    resolver.lookup(host, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });

describe('lookups', () => {
  test('that no name server answers do not delay another one', async () => {
    const { server, queried } = await nameServer();
    const resolver = resolverOf({ servers: [server] });
    const dead = Array.from({ length: 20 }, (_, index) => lookup(resolver, `dead-${index}.test`));
    const failed = Promise.allSettled(dead);
    await eventually(() => new Set(queried).size === 20);
    expect(await lookup(resolver, 'good.test')).toEqual([{ address: '127.0.0.1', family: 4 }]);
    resolver.close();
    for (const result of await failed) expect(result.status).toBe('rejected');
  });

  test('of one host share a result while they are pending', async () => {
    const { server, queried } = await nameServer();
    const resolver = resolverOf({ servers: [server] });
    const both = await Promise.all([lookup(resolver, 'good.test'), lookup(resolver, 'good.test')]);
    expect(both[0]).toEqual(both[1]);
    const queries = queried.length;
    await lookup(resolver, 'good.test');
    expect(queried.length).toBe(2 * queries);
  });

  test('that take too long fail, and the error names DNS and the host', async () => {
    const { server } = await nameServer();
    const resolver = resolverOf({ servers: [server], timeoutMs: 200 });
    await expect(lookup(resolver, 'dead.test')).rejects.toThrow('DNS: no name server answered for dead.test');
  });
});

describe('the hosts file', () => {
  const hosts = join(temporaryDirectory(), 'hosts');
  writeFileSync(hosts, '# cms.test 1.2.3.4\n10.0.0.1\tother CMS.test # old\n2001:db8::1 cms.test\nfoo cms.test\n');

  test('comes before the name servers', async () => {
    const { server, queried } = await nameServer();
    const resolver = resolverOf({ servers: [server], hostsFile: hosts });
    const expected = [
      { address: '10.0.0.1', family: 4 },
      { address: '2001:db8::1', family: 6 },
    ];
    expect(await lookup(resolver, 'cms.test')).toEqual(expected);
    expect(fromHostsFile('CMS.TEST.', hosts)).toEqual(expected);
    expect(queried).toEqual([]);
  });

  test('may be missing or not have the name', () => {
    expect(fromHostsFile('cms.test', `${hosts}.missing`)).toEqual([]);
    expect(fromHostsFile('s.test', hosts)).toEqual([]);
  });
});
