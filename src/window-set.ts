import { WINDOW_MS } from './window.ts';

/**
 * A set of windows within a span that moves on: one bit a window, however many there are. Only windows less than
 * `span` windows apart can be in it at once; the owner deletes the old ones before it adds new ones.
 */
export class WindowSet {
  readonly #bits: Uint8Array;
  readonly #span: number;

  constructor(span: number) {
    this.#span = span;
    this.#bits = new Uint8Array(Math.ceil(span / 8));
  }

  #place(begin: number): [byte: number, mask: number] {
    const index = (begin / WINDOW_MS) % this.#span;
    return [index >> 3, 1 << (index & 7)];
  }

  has(begin: number): boolean {
    const [byte, mask] = this.#place(begin);
    return ((this.#bits[byte] ?? 0) & mask) !== 0;
  }

  add(begin: number): void {
    const [byte, mask] = this.#place(begin);
    this.#bits[byte] = (this.#bits[byte] ?? 0) | mask;
  }

  delete(begin: number): void {
    const [byte, mask] = this.#place(begin);
    this.#bits[byte] = (this.#bits[byte] ?? 0) & ~mask;
  }
}
