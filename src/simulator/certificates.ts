/** How the server's certificate is made. Everything but the defaults is for testing clients. */
export interface TlsOptions {
  /** `wrong` names a host that is not this one. */
  readonly host?: 'right' | 'wrong';
  readonly validity?: 'valid' | 'expired';
  /** Clients must present a certificate of the same CA; the simulator makes one for them. */
  readonly requireClientCertificate?: boolean;
}

export interface KeyPair {
  readonly certPem: string;
  readonly keyPem: string;
}

export interface Certificates {
  readonly caPem: string;
  readonly server: KeyPair;
  readonly client: KeyPair;
  /** When the server's certificate expires, in milliseconds since the epoch. */
  readonly notAfter: number;
}

const DAY_MS = 86_400_000;
const THIS_MACHINE = [
  { type: 2, value: 'localhost' } as const,
  { type: 7, ip: '127.0.0.1' } as const,
  { type: 7, ip: '::1' } as const,
];

/** Makes a CA, a server certificate for this machine and a client certificate, all EC P-256, with new keys. */
export async function makeCertificates({ host = 'right', validity = 'valid' }: TlsOptions): Promise<Certificates> {
  // Loaded only when certificates are wanted: it takes longer than the rest of the start.
  const { generate } = await import('selfsigned');
  // The machine's clock, whatever clock is simulated: the client's TLS library uses the machine's, too.
  const now = Date.now();
  const common = { keyType: 'ec', algorithm: 'sha256', notBeforeDate: new Date(now - 60 * DAY_MS) } as const;
  const notAfter = Math.floor((now + (validity === 'valid' ? 60 : -1) * DAY_MS) / 1000) * 1000;

  const authority = await generate([{ name: 'commonName', value: 'Simulated CMS CA' }], {
    ...common,
    notAfterDate: new Date(now + 90 * DAY_MS),
    extensions: [
      { name: 'basicConstraints', cA: true, critical: true },
      { name: 'keyUsage', keyCertSign: true, cRLSign: true, critical: true },
    ],
  });

  const issue = async (commonName: string, until: number, server: boolean): Promise<KeyPair> => {
    const issued = await generate([{ name: 'commonName', value: commonName }], {
      ...common,
      ca: { key: authority.private, cert: authority.cert },
      notAfterDate: new Date(until),
      extensions: [
        { name: 'basicConstraints', cA: false, critical: true },
        { name: 'keyUsage', digitalSignature: true, critical: true },
        { name: 'extKeyUsage', serverAuth: server, clientAuth: !server },
        {
          name: 'subjectAltName',
          altNames: server && host === 'right' ? THIS_MACHINE : [{ type: 2, value: commonName }],
        },
      ],
    });
    return { certPem: issued.cert, keyPem: issued.private };
  };

  return {
    caPem: authority.cert,
    server: await issue(host === 'right' ? 'localhost' : 'other.example.com', notAfter, true),
    client: await issue('client.example.com', now + 60 * DAY_MS, false),
    notAfter,
  };
}
