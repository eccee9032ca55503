import { execFileSync } from 'node:child_process';
import { gunzipSync } from 'node:zlib';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { compress, decompress, tail } from '../../src/exposition/gzip-member.ts';

function from(slices: readonly Uint8Array[]): Buffer[] {
  return slices.map((slice) => Buffer.from(slice));
}

async function body(slices: readonly Uint8Array[], fresh: Uint8Array): Promise<Buffer> {
  const kept = await compress(from(slices));
  return Buffer.concat([kept.bytes, tail(kept, Buffer.from(fresh))]);
}

describe('a gzip body of a kept and a fresh piece', () => {
  it('is one member that zlib reads as both texts, its checksum and length included', async () => {
    const bytes = fc.uint8Array({ maxLength: 3000 });
    await fc.assert(
      fc.asyncProperty(fc.array(bytes, { maxLength: 5 }), bytes, async (slices, fresh) => {
        expect(gunzipSync(await body(slices, fresh)).equals(Buffer.concat([...slices, fresh]))).toBe(true);
      }),
    );
  });

  it.each([0, 1, 65_534, 65_535, 65_536, 131_070, 131_071, 200_000])('holds %i fresh bytes', async (length) => {
    const fresh = Buffer.alloc(length, 'aicc');
    const whole = await body([Buffer.from('kept ')], fresh);
    expect(gunzipSync(whole).equals(Buffer.concat([Buffer.from('kept '), fresh]))).toBe(true);
  });

  it('lets the same kept piece be followed by other fresh ones', async () => {
    const kept = await compress(from([Buffer.from('a line\n'.repeat(100_000))]));
    for (const fresh of ['one', 'two', '']) {
      const text = gunzipSync(Buffer.concat([kept.bytes, tail(kept, Buffer.from(fresh))])).toString();
      expect(text.slice(700_000)).toBe(fresh);
    }
  });

  it('gives the kept text back', async () => {
    for (const text of ['', 'short', 'a line\n'.repeat(100_000)]) {
      const kept = await compress(from([Buffer.from(text)]));
      expect((await decompress(kept)).toString()).toBe(text);
    }
  });

  it('is read whole by the gzip program', async () => {
    const whole = await body([Buffer.from('kept\n'.repeat(50_000))], Buffer.from('fresh\n'));
    const text = execFileSync('gzip', ['-dc'], { input: whole, encoding: 'utf8', maxBuffer: 1e7 });
    expect(text).toHaveLength(250_006);
    expect(text.endsWith('kept\nfresh\n')).toBe(true);
  });

  it('rejects when the text fails half-way', async () => {
    function* failing(): Generator<Buffer> {
      yield Buffer.from('half');
      throw new Error('no more');
    }
    await expect(compress(failing())).rejects.toThrow('no more');
  });
});
