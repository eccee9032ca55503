import { vi } from 'vitest';

/**
 * Looks every 20 ms until `look` returns something true, and returns that.
 * Where the check is an `expect`, use `vi.waitFor` instead: it retries what throws.
 */
export function eventually<T>(look: () => Promise<T | undefined | false> | T | undefined | false) {
  return vi.waitUntil(look, { timeout: 20_000, interval: 20 });
}
