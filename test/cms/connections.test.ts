import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type KeyPair, makeCertificates } from '../../src/simulator/certificates.ts';
import { runQuery, clientOf, failureOf } from '../support/api-client.ts';
import { cleanup, temporaryDirectory } from '../support/cleanup.ts';
import { respondingWith, serveHttp } from '../support/local-servers.ts';

/** Replaces a file as a renewal does. */
function replace(file: string, content: string): void {
  writeFileSync(`${file}.new`, content);
  renameSync(`${file}.new`, file);
}

test('a renewed CA and client certificate are used by the next connection', async () => {
  const [old, renewed] = [await makeCertificates({}), await makeCertificates({})];
  const directory = temporaryDirectory();
  const [caFile, certFile, keyFile] = ['ca', 'cert', 'key'].map((name) => join(directory, name)) as [
    string,
    string,
    string,
  ];
  const write = (ca: string, { certPem, keyPem }: KeyPair) => {
    replace(caFile, ca);
    replace(certFile, certPem);
    replace(keyFile, keyPem);
  };
  write(old.caPem, old.client);
  const tls = { cert: renewed.server.certPem, key: renewed.server.keyPem, ca: renewed.caPem, requestCert: true };
  const server = await serveHttp(respondingWith([]), tls);
  cleanup(() => server.close());
  const client = clientOf({ url: server.url, tls: { caFile, certFile, keyFile } });
  expect((await failureOf(client)).reason).toBe('tls');
  write(renewed.caPem, renewed.client);
  expect((await runQuery(client)).failure).toBeUndefined();
});

test('the files that were read last stay in use while a renewal is half done', async () => {
  const { caPem, server: pair } = await makeCertificates({});
  const caFile = join(temporaryDirectory(), 'ca');
  writeFileSync(caFile, caPem);
  const server = await serveHttp(respondingWith([]), { cert: pair.certPem, key: pair.keyPem });
  cleanup(() => server.close());
  const client = clientOf({ url: server.url, tls: { caFile } });
  writeFileSync(caFile, '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n');
  expect((await runQuery(client)).failure).toBeUndefined();
});

test('a host with a trailing dot is named without it in the TLS handshake', async () => {
  const { caPem, server: pair } = await makeCertificates({});
  const caFile = join(temporaryDirectory(), 'ca');
  writeFileSync(caFile, caPem);
  const names: string[] = [];
  const server = createServer(
    {
      cert: pair.certPem,
      key: pair.keyPem,
      SNICallback: (name, done) => {
        names.push(name);
        done(null);
      },
    },
    respondingWith([]),
  );
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  cleanup(() => server.close());
  const address = server.address();
  const port = typeof address === 'object' ? (address?.port ?? 0) : 0;
  expect((await runQuery(clientOf({ url: `https://localhost.:${port}`, tls: { caFile } }))).failure).toBeUndefined();
  expect(names).toEqual(['localhost']);
});
