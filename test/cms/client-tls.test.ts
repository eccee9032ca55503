import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { type KeyPair, makeCertificates, type TlsOptions } from '../../src/simulator/certificates.ts';
import { startSimulator } from '../../src/simulator/simulator.ts';
import { runQuery, clientOf, failureOf, type TestClient } from '../support/api-client.ts';
import { respondingWith, serveHttp } from '../support/local-servers.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';

const directory = temporaryDirectory();
let files = 0;
function file(pem: string): string {
  const path = join(directory, `${files++}.pem`);
  writeFileSync(path, pem);
  return path;
}
const pairFiles = ({ certPem, keyPem }: KeyPair) => ({ certFile: file(certPem), keyFile: file(keyPem) });

async function simulate(tls: TlsOptions = {}) {
  const simulator = await startSimulator({ tls });
  cleanup(() => simulator.close());
  const caFile = file(simulator.caPem ?? '');
  return { simulator, url: simulator.url, caFile };
}

async function expectGood(client: TestClient): Promise<void> {
  expect((await runQuery(client)).failure).toBeUndefined();
}

describe('the certificate of the CMS', () => {
  test('is checked against the CA of the config, and its expiry is reported', async () => {
    const { simulator, url, caFile } = await simulate();
    const client = clientOf({ url, tls: { caFile } });
    await expectGood(client);
    expect(client.expiries).toEqual([simulator.certificateNotAfter]);
  });

  test('of a private CA is refused without it, and the hint says what to set', async () => {
    const { simulator, url } = await simulate();
    const error = await failureOf(clientOf({ url }));
    expect(error.reason).toBe('tls');
    expect(error.message).toMatch(/certificate comes from (a private|an unknown) CA/);
    expect(error.hint).toContain('Set tls.ca_file');
    expect(simulator.requests).toHaveLength(0);
  });

  test('is refused with the CA of someone else', async () => {
    const { url } = await simulate();
    const error = await failureOf(clientOf({ url, tls: { caFile: file((await makeCertificates({})).caPem) } }));
    expect(error.reason).toBe('tls');
    expect(error.hint).toContain('tls.ca_file');
  });

  test('that has expired is refused', async () => {
    const { url, caFile } = await simulate({ validity: 'expired' });
    const error = await failureOf(clientOf({ url, tls: { caFile } }));
    expect(error.reason).toBe('tls');
    expect(error.message).toBe(`${url}: the certificate has expired`);
    expect(error.hint).toContain('Renew');
  });

  test.each(['127.0.0.1', 'localhost'])('that is for another host than %s is refused', async (host) => {
    const { simulator, caFile } = await simulate({ host: 'wrong' });
    const url = `https://${host}:${simulator.port}`;
    const error = await failureOf(clientOf({ url, tls: { caFile } }));
    expect(error.reason).toBe('tls');
    expect(error.message).toBe(`${url}: the certificate is for another host name (it is for DNS:other.example.com)`);
    expect(error.hint).toContain('tls.server_name');
  });

  test.each(['127.0.0.1', 'localhost'])('is checked against tls.server_name in place of %s', async (host) => {
    const { simulator, caFile } = await simulate({ host: 'wrong' });
    const url = `https://${host}:${simulator.port}`;
    await expectGood(clientOf({ url, tls: { caFile, serverName: 'other.example.com' } }));
    const wrong = await failureOf(clientOf({ url, tls: { caFile, serverName: 'third.example.com' } }));
    expect(wrong.message).toContain('another host name');
  });

  test('is not checked against the Host header that the signing options set', async () => {
    const { simulator, caFile } = await simulate();
    const signing = { host: 'cms.example.com:28443' };
    await expectGood(clientOf({ url: simulator.url, tls: { caFile }, signing }));
    await expectGood(clientOf({ url: `https://localhost:${simulator.port}`, tls: { caFile }, signing }));
  });

  test.each([
    ['of an unknown CA', {}],
    ['that has expired', { validity: 'expired' }],
    ['for another host', { host: 'wrong' }],
  ] satisfies [string, TlsOptions][])('%s passes with insecure_skip_verify, and is reported', async (_, tls) => {
    const { simulator, url } = await simulate(tls);
    const client = clientOf({ url, tls: { insecureSkipVerify: true } });
    await expectGood(client);
    expect(client.expiries).toEqual([simulator.certificateNotAfter]);
  });

  test('is reported at every new connection, and never by plain HTTP', async () => {
    const { simulator, url, caFile } = await simulate();
    const client = clientOf({ url, tls: { caFile } });
    await Promise.all([runQuery(client), runQuery(client), runQuery(client)]);
    expect(client.expiries).toEqual(Array(simulator.connections).fill(simulator.certificateNotAfter));
    const plain = await serveHttp(respondingWith([]));
    const other = clientOf({ url: plain.url });
    await runQuery(other);
    expect(other.expiries).toEqual([]);
    await plain.close();
  });
});

describe('a CMS that wants a client certificate', () => {
  test('gets it', async () => {
    const { simulator, url, caFile } = await simulate({ requireClientCertificate: true });
    if (simulator.client === undefined) throw new Error('There is no client certificate');
    await expectGood(clientOf({ url, tls: { caFile, ...pairFiles(simulator.client) } }));
  });

  test('refuses a client without one, or with one of another CA, and the hint names it', async () => {
    const { url, caFile } = await simulate({ requireClientCertificate: true });
    const foreign = await makeCertificates({});
    for (const tls of [{ caFile }, { caFile, ...pairFiles(foreign.client) }]) {
      const error = await failureOf(clientOf({ url, tls }));
      expect([error.reason, error.hint].join(': ')).toMatch(/(tls|network): .*client certificate/);
    }
  });
});

test('a chain of tls.cert_file that breaks off is refused at the start', async () => {
  const { simulator, url, caFile } = await simulate();
  const broken = `${simulator.client?.certPem ?? ''}\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n`;
  const client = { ...pairFiles(simulator.client as KeyPair), certFile: file(broken) };
  expect(() => clientOf({ url, tls: { caFile, ...client } })).toThrow(
    /^Cannot use cert_file: Certificate 2 of the file \(line \d+\) is malformed$/,
  );
});

describe('the wrong scheme', () => {
  test('https:// to a port that speaks HTTP', async () => {
    const server = await serveHttp(respondingWith([]));
    const error = await failureOf(clientOf({ url: server.url.replace('http:', 'https:') }));
    expect(error.reason).toBe('tls');
    expect(error.message).toContain('TLS handshake failed');
    expect(error.hint).toContain('port of url speaks HTTPS');
    await server.close();
  });

  test('http:// to a port that speaks HTTPS', async () => {
    const { simulator } = await simulate();
    const error = await failureOf(clientOf({ url: simulator.url.replace('https:', 'http:') }));
    expect(['network', 'invalid']).toContain(error.reason);
    expect(error.hint).toContain('https://');
  });
});
