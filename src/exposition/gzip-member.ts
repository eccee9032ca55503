/**
 * Gzip bodies of which most was compressed long before. A body is one member (curl, wget, zlib and others stop after the
 * first one), made of two parts:
 *
 *   compressed text ┌ 10 bytes   gzip header
 *   (kept)          │ n bytes    deflate blocks, the last one not marked final, ended by a sync flush: that pads to a
 *                   └            whole byte, so other blocks can follow
 *   suffix          ┌ 5 + n      deflate "stored" blocks, at most 65,535 bytes each: the rest of the text as it is;
 *   (made anew)     │            the last one is marked final
 *                   │ 4 bytes    CRC-32 of both texts: the one of the compressed text is continued over the rest
 *                   └ 4 bytes    length of both texts, modulo 2^32
 *
 * Formats: RFC 1951 section 3.2.4 (stored blocks), RFC 1952 section 2.3 (member).
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, crc32, createDeflateRaw, inflateRaw } from 'node:zlib';

/** Deflate, no flags, no time, no extra flags, unknown system. */
const HEADER = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);

const MAX_STORED = 0xffff;

/** The part of a gzip body that does not change from response to response. */
export interface CompressedText {
  readonly bytes: Buffer;
  /** Of the text, not of the bytes. */
  readonly crc: number;
  readonly length: number;
}

/** Compresses text in the thread pool. Takes the next slice only after the one before is compressed. */
export async function compress(text: Iterable<Buffer>): Promise<CompressedText> {
  let crc = 0;
  let length = 0;
  function* measured(): Generator<Buffer> {
    for (const slice of text) {
      crc = crc32(slice, crc);
      length += slice.length;
      yield slice;
    }
  }
  const chunks: Buffer[] = [HEADER];
  await pipeline(
    Readable.from(measured()),
    createDeflateRaw({ finishFlush: constants.Z_SYNC_FLUSH, chunkSize: 65_536 }),
    async (compressed: AsyncIterable<Buffer>) => {
      for await (const chunk of compressed) chunks.push(chunk);
    },
  );
  return { bytes: Buffer.concat(chunks), crc, length };
}

/** The end of a gzip body: `Buffer.concat([text.bytes, suffix(text, rest)])` is the whole body. */
export function suffix(text: CompressedText, rest: Buffer): Buffer {
  const blocks = Math.max(1, Math.ceil(rest.length / MAX_STORED));
  const out = Buffer.allocUnsafe(blocks * 5 + rest.length + 8);
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    const start = block * MAX_STORED;
    const size = Math.min(MAX_STORED, rest.length - start);
    at = out.writeUInt8(block === blocks - 1 ? 1 : 0, at);
    at = out.writeUInt16LE(size, at);
    at = out.writeUInt16LE(~size & 0xffff, at);
    at += rest.copy(out, at, start, start + size);
  }
  at = out.writeUInt32LE(crc32(rest, text.crc), at);
  out.writeUInt32LE((text.length + rest.length) >>> 0, at);
  return out;
}

/** The text that was compressed. */
export async function decompress({ bytes, length }: CompressedText): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    inflateRaw(
      bytes.subarray(HEADER.length),
      // One output buffer, a little too large, so that zlib never needs a second one.
      { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: Math.max(constants.Z_MIN_CHUNK, length + 1) },
      (error, text) => {
        if (error === null) resolve(text);
        else reject(error);
      },
    );
  });
}
