import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';

import { generate } from 'selfsigned';
import type { SubjectAltNameEntry } from 'selfsigned';

export interface KeyPair {
  readonly cert: string;
  readonly key: string;
}

const DAY_MS = 86_400_000;
const THIS_MACHINE: SubjectAltNameEntry[] = [
  { type: 2, value: 'localhost' },
  { type: 7, ip: '127.0.0.1' },
];

export async function makeCa(name: string): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...common(30),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });
  return { cert: made.cert, key: made.private };
}

/** A certificate of this machine, or of a client that is called `altNames`. */
export async function issue(
  ca: KeyPair,
  name: string,
  { client, keyType = 'ec', days = 20 }: { client?: SubjectAltNameEntry[]; keyType?: 'ec' | 'rsa'; days?: number } = {},
): Promise<KeyPair> {
  const made = await generate([{ name: 'commonName', value: name }], {
    ...common(days),
    keyType,
    ca,
    extensions: [
      { name: 'basicConstraints', cA: false, critical: true },
      { name: 'keyUsage', digitalSignature: true, critical: true },
      { name: 'extKeyUsage', serverAuth: client === undefined, clientAuth: client !== undefined },
      { name: 'subjectAltName', altNames: client ?? THIS_MACHINE },
    ],
  });
  return { cert: made.cert, key: made.private };
}

export async function writePair(directory: string, { cert, key }: KeyPair): Promise<void> {
  await writeFile(join(directory, 'server.crt'), cert);
  await writeFile(join(directory, 'server.key'), key);
}

function common(days: number): { keyType: 'ec'; algorithm: string; notBeforeDate: Date; notAfterDate: Date } {
  const now = Date.now();
  return {
    keyType: 'ec',
    algorithm: 'sha256',
    notBeforeDate: new Date(now - 60 * DAY_MS),
    notAfterDate: new Date(now + days * DAY_MS),
  };
}
