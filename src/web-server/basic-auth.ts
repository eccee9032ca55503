import { createHmac, randomBytes } from 'node:crypto';

/** True when `password` is that of the bcrypt `hash`. */
export type Compare = (password: string, hash: string) => Promise<boolean>;

/** `busy`: too many passwords are being compared; ask again later. */
export type Verdict = 'yes' | 'no' | 'busy';

export interface Credentials {
  readonly user: string;
  readonly password: string;
}

// Far more than an exporter has users; a flood of guesses must not pile up.
const MAX_VERIFIED = 1000;
const MAX_WAITING = 64;

/** The credentials of an Authorization header; undefined when it holds none. */
export function basicCredentials(header: string | undefined): Credentials | undefined {
  const encoded = /^basic +([A-Za-z0-9+/=_-]+) *$/i.exec(header ?? '')?.[1];
  if (encoded === undefined) return undefined;
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  const colon = text.indexOf(':');
  return colon < 0 ? undefined : { user: text.slice(0, colon), password: text.slice(colon + 1) };
}

/**
 * Checks passwords against bcrypt hashes. What was right once is known from then on, by a keyed hash of user, hash and
 * password; what was wrong is not remembered, so that guesses cannot push out what is right.
 *
 * A user that does not exist costs one comparison, as one that exists does: with the hash of some user, always the same
 * one for the same name, so that differing bcrypt costs tell nothing either.
 */
export class Authenticator {
  readonly #compare: Compare;
  readonly #key = randomBytes(32);
  readonly #verified = new Set<string>();
  readonly #waiting = new Map<string, Promise<boolean>>();

  constructor(compare: Compare) {
    this.#compare = compare;
  }

  /** `users`: bcrypt hash by name. Answers without waiting when the credentials were right before. */
  check(users: ReadonlyMap<string, string>, { user, password }: Credentials): Verdict | Promise<Verdict> {
    const hash = users.get(user);
    const id = this.#digest([user, hash ?? '', password]).toString('base64');
    if (hash !== undefined && this.#verified.has(id)) return 'yes';
    const waiting = this.#waiting.get(id);
    if (waiting === undefined && this.#waiting.size >= MAX_WAITING) return 'busy';
    return (waiting ?? this.#verify(id, password, hash ?? this.#decoy(user, users), hash !== undefined)).then(
      (right) => (right ? 'yes' : 'no'),
    );
  }

  #verify(id: string, password: string, hash: string, known: boolean): Promise<boolean> {
    const verification = this.#compare(password, hash)
      .then((same) => {
        if (same && known) this.#remember(id);
        return same && known;
      })
      .finally(() => this.#waiting.delete(id));
    this.#waiting.set(id, verification);
    return verification;
  }

  #remember(id: string): void {
    const [oldest] = this.#verified;
    if (this.#verified.size >= MAX_VERIFIED && oldest !== undefined) this.#verified.delete(oldest);
    this.#verified.add(id);
  }

  #decoy(user: string, users: ReadonlyMap<string, string>): string {
    const hashes = [...users.values()];
    return hashes[this.#digest([user]).readUInt32BE(0) % hashes.length] ?? '';
  }

  #digest(parts: readonly string[]): Buffer {
    return createHmac('sha256', this.#key).update(JSON.stringify(parts)).digest();
  }
}
