/**
 * At most one call in `intervalMs`. What is refused does not count.
 * @param now the simulated time in milliseconds
 */
export function createRateLimit(now: () => number, intervalMs: number): () => boolean {
  let last = -Infinity;
  return () => {
    const at = now();
    // A clock that was set back starts anew.
    if (at >= last && at - last < intervalMs) return false;
    last = at;
    return true;
  };
}
