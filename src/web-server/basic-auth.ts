import { createHmac, randomBytes } from 'node:crypto';
import { isIPv6 } from 'node:net';

/** True when `password` is that of the bcrypt `hash`. */
export type Compare = (password: string, hash: string) => Promise<boolean>;

/** `busy`: too many passwords are being compared; try again later. */
export type Verdict = 'yes' | 'no' | 'busy';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

// Far more than an exporter has users.
const MAX_VERIFIED = 1000;
const MAX_WAITING = 64;
/** Several programs behind one address may log in at once, but one address cannot fill the whole queue. */
const MAX_WAITING_PER_CLIENT = 8;

/** Hash of a random password, for names that do not exist. Its cost is the one that `htpasswd -C 10` would use. */
const DECOY = '$2b$10$wi7vwzziVdxyJWS1ljTEIeAga5yq5w9huMLycfReHuUKh0OtBwSnG';

/** The credentials of an Authorization header; undefined when it holds none. */
export function basicCredentials(header: string | undefined): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/** The address that waiting comparisons are counted by: of IPv6 the network, because a client has all addresses of it. */
function clientNetwork(address: string): string {
  const plain = address.replace(/^::ffff:(?=\d+\.)/i, '').replace(/%.*$/, '');
  if (!isIPv6(plain)) return plain;
  const [start = '', end = ''] = plain.split('::');
  const head = start === '' ? [] : start.split(':');
  const tail = end === '' ? [] : end.split(':');
  const zeros = plain.includes('::') ? Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0') : [];
  return [...head, ...zeros, ...tail].slice(0, 4).join(':');
}

/**
 * Checks passwords against bcrypt hashes. Correct passwords are cached, as a keyed hash of user, hash and password;
 * wrong ones are not, so that guesses cannot displace them. A name that does not exist costs one comparison, too.
 */
export class Authenticator {
  readonly #compare: Compare;
  readonly #key = randomBytes(32);
  readonly #verified = new Set<string>();
  readonly #waiting = new Map<string, Promise<boolean>>();
  readonly #waitingByClient = new Map<string, number>();

  constructor(compare: Compare) {
    this.#compare = compare;
  }

  /**
   * Returns the verdict at once when the credentials are cached or too many comparisons wait.
   * @param users bcrypt hash by name
   * @param address IP address of the client
   */
  check(users: ReadonlyMap<string, string>, credentials: Credentials, address: string): Verdict | Promise<Verdict> {
    const { user, password } = credentials;
    const hash = users.get(user);
    const id = this.#digest([user, hash ?? '', password]);
    if (hash !== undefined && this.#verified.has(id)) return 'yes';
    const comparison = this.#waiting.get(id) ?? this.#verify(id, password, hash, clientNetwork(address));
    return comparison === 'busy' ? 'busy' : comparison.then((isRight) => (isRight ? 'yes' : 'no'));
  }

  #verify(id: string, password: string, hash: string | undefined, client: string): Promise<boolean> | 'busy' {
    const waiting = this.#waitingByClient.get(client) ?? 0;
    if (waiting >= MAX_WAITING_PER_CLIENT || this.#waiting.size >= MAX_WAITING) return 'busy';
    this.#waitingByClient.set(client, waiting + 1);
    const verification = this.#compare(password, hash ?? DECOY)
      .then((isSame) => {
        const isRight = isSame && hash !== undefined;
        if (isRight) this.#remember(id);
        return isRight;
      })
      .finally(() => {
        this.#waiting.delete(id);
        this.#release(client);
      });
    this.#waiting.set(id, verification);
    return verification;
  }

  #release(client: string): void {
    const left = (this.#waitingByClient.get(client) ?? 1) - 1;
    if (left === 0) this.#waitingByClient.delete(client);
    else this.#waitingByClient.set(client, left);
  }

  #remember(id: string): void {
    const [oldest] = this.#verified;
    if (this.#verified.size >= MAX_VERIFIED && oldest !== undefined) this.#verified.delete(oldest);
    this.#verified.add(id);
  }

  #digest(parts: readonly string[]): string {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest('base64');
  }
}
