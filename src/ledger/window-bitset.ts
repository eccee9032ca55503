import { WINDOW_MS } from '../core/window.ts';

const BYTE_MS = 8 * WINDOW_MS;
const ONES = Uint8Array.from({ length: 256 }, (_, byte) => byte.toString(2).replaceAll('0', '').length);

/**
 * A set of windows within a moving span, one bit each. The first bit stands for the last window at or before the start
 * of the span whose number since the epoch is a multiple of 8.
 */
export class WindowBitset {
  #start: number;
  readonly #bytes: Buffer;

  /**
   * @param from first window that it can hold
   * @param span number of windows from there on; those beyond are not kept
   * @param stored the result of {@link toString} of a set with the same `from`
   */
  constructor(from: number, span: number, stored = '') {
    const bytes = Buffer.from(stored, 'base64');
    this.#start = Math.floor(from / BYTE_MS) * BYTE_MS;
    this.#bytes = Buffer.alloc(Math.max(Math.ceil(span / 8) + 1, bytes.length));
    this.#bytes.set(bytes);
  }

  has(start: number): boolean {
    const index = (start - this.#start) / WINDOW_MS;
    return index >= 0 && ((this.#bytes[index >> 3] ?? 0) & (1 << (index & 7))) !== 0;
  }

  add(start: number): void {
    const index = (start - this.#start) / WINDOW_MS;
    const byte = this.#bytes[index >> 3];
    if (byte !== undefined) this.#bytes[index >> 3] = byte | (1 << (index & 7));
  }

  delete(start: number): void {
    const index = (start - this.#start) / WINDOW_MS;
    const byte = this.#bytes[index >> 3];
    if (byte !== undefined) this.#bytes[index >> 3] = byte & ~(1 << (index & 7));
  }

  /** How many windows that start in [from, to) are in it. */
  count(from: number, to: number): number {
    let index = Math.max(0, (from - this.#start) / WINDOW_MS);
    const end = Math.min(this.#bytes.length * 8, (to - this.#start) / WINDOW_MS);
    let count = 0;
    while (index < end) {
      const byte = this.#bytes[index >> 3] ?? 0;
      const isWhole = (index & 7) === 0 && index + 8 <= end;
      count += isWhole ? (ONES[byte] ?? 0) : (byte >> (index & 7)) & 1;
      index += isWhole ? 8 : 1;
    }
    return count;
  }

  /** The windows that start in [from, to) and are not in it. */
  absent(from: number, to: number): number[] {
    const windows: number[] = [];
    for (let start = from; start < to; start += WINDOW_MS) {
      const index = (start - this.#start) / WINDOW_MS;
      if ((index & 7) === 0 && index >= 0 && this.#bytes[index >> 3] === 0xff) start += BYTE_MS - WINDOW_MS;
      else if (!this.has(start)) windows.push(start);
    }
    return windows;
  }

  /** The windows that start in [from, to) and are in it. */
  present(from: number, to: number): number[] {
    const windows: number[] = [];
    for (let start = Math.max(from, this.#start); start < to; start += WINDOW_MS) {
      const index = (start - this.#start) / WINDOW_MS;
      if (index >> 3 >= this.#bytes.length) break;
      if ((index & 7) === 0 && this.#bytes[index >> 3] === 0) start += BYTE_MS - WINDOW_MS;
      else if (this.has(start)) windows.push(start);
    }
    return windows;
  }

  /** Drops the windows before another, and makes room for newer ones. Never goes back. */
  moveTo(from: number): void {
    const start = Math.floor(from / BYTE_MS) * BYTE_MS;
    const bytes = (start - this.#start) / BYTE_MS;
    if (bytes > 0) {
      this.#bytes.copyWithin(0, bytes);
      this.#bytes.fill(0, Math.max(0, this.#bytes.length - bytes));
      this.#start = start;
    }
    const bits = Math.max(0, (from - this.#start) / WINDOW_MS);
    this.#bytes[0] = (this.#bytes[0] ?? 0) & (0xff << bits);
  }

  /** Base64 of the bits, lowest first in each byte, without the empty bytes at the end. */
  toString(): string {
    let length = this.#bytes.length;
    while (length > 0 && this.#bytes[length - 1] === 0) length--;
    return this.#bytes.toString('base64', 0, length);
  }
}
