import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, decompress, suffix } from '../../src/exposition/gzip-member.ts';

function from(slices: readonly Uint8Array[]): Buffer[] {
  return slices.map((slice) => Buffer.from(slice));
}

async function body(slices: readonly Uint8Array[], rest: Uint8Array): Promise<Buffer> {
  const text = await compress(from(slices));
  return Buffer.concat([text.bytes, suffix(text, Buffer.from(rest))]);
}

describe('a gzip body of compressed text and a suffix', () => {
  it('is one member that zlib reads as both texts, its checksum and length included', async () => {
    const bytes = fc.uint8Array({ maxLength: 3000 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), bytes, async (slices, rest) => {
        expect(gunzipSync(await body(slices, rest)).equals(Buffer.concat([...slices, rest]))).toBe(true);
      }),
    );
  });

  it.each([0, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 200_000])('holds %i uncompressed bytes', async (length) => {
    const rest = Buffer.alloc(length, 'aicc');
    const whole = await body([Buffer.from('text ')], rest);
    expect(gunzipSync(whole).equals(Buffer.concat([Buffer.from('text '), rest]))).toBe(true);
  });

  it('lets several suffixes follow the same compressed text', async () => {
    const text = await compress(from([Buffer.from('a line\n'.repeat(100_000))]));
    for (const rest of ['one', 'two', '']) {
      const whole = gunzipSync(Buffer.concat([text.bytes, suffix(text, Buffer.from(rest))])).toString();
      expect(whole.slice(700_000)).toBe(rest);
    }
  });

  it('gives the compressed text back', async () => {
    for (const text of ['', 'short', 'a line\n'.repeat(100_000)]) {
      const compressed = await compress(from([Buffer.from(text)]));
      expect((await decompress(compressed)).toString()).toBe(text);
    }
  });

  it('is read whole by the gzip program', async () => {
    const whole = await body([Buffer.from('text\n'.repeat(50_000))], Buffer.from('rest\n'));
    const text = execFileSync('gzip', ['-dc'], { input: whole, encoding: 'utf8', maxBuffer: 1e7 });
    expect(text).toHaveLength(250_005);
    expect(text.endsWith('text\nrest\n')).toBe(true);
  });

  it('rejects when the text fails half-way', async () => {
    function* failing(): Generator<Buffer> {
      yield Buffer.from('half');
      throw new Error('no more');
    }
    await expect(compress(failing())).rejects.toThrow('no more');
  });
});
