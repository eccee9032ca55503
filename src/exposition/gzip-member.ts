/**
 * Gzip bodies of which most was compressed long before. One member (readers that stop after the first one are many:
 * curl, wget, zlib), made of a piece that is kept and a piece that is fresh:
 *
 *   kept ┌ 10 bytes   gzip header
 *        │ n bytes    deflate blocks of the kept text, the last one not marked final, ended by a sync flush:
 *        └            that pads to a whole byte, so other blocks can follow
 *   tail ┌ 5 + n      deflate "stored" blocks, at most 65,535 bytes each: the fresh text as it is;
 *        │            the last one is marked final
 *        │ 4 bytes    CRC-32 of kept and fresh text: the kept text's CRC is continued over the fresh one
 *        └ 4 bytes    length of both texts, modulo 2^32
 *
 * Formats: RFC 1951 section 3.2.4 (stored blocks), RFC 1952 section 2.3 (member).
 */
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, crc32, createDeflateRaw, inflateRaw } from 'node:zlib';

/** Deflate, no flags, no time, no extra flags, unknown system. */
const HEADER = Buffer.from([0x1f, 0x8b, 0x08, 0, 0, 0, 0, 0, 0, 0xff]);

const MAX_STORED = 0xffff;

/** The part of a gzip body that does not change from answer to answer. */
export interface KeptPiece {
  readonly bytes: Buffer;
  /** Of the text, not of the bytes. */
  readonly crc: number;
  readonly length: number;
}

/** Compresses text in the thread pool, and asks for the next slice only when it is done with the one before. */
export async function compress(text: Iterable<Buffer>): Promise<KeptPiece> {
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

/** The end of a gzip body: `Buffer.concat([kept.bytes, tail(kept, fresh)])` is the whole of it. */
export function tail(kept: KeptPiece, fresh: Buffer): Buffer {
  const blocks = Math.max(1, Math.ceil(fresh.length / MAX_STORED));
  const out = Buffer.allocUnsafe(blocks * 5 + fresh.length + 8);
  let at = 0;
  for (let block = 0; block < blocks; block++) {
    const start = block * MAX_STORED;
    const size = Math.min(MAX_STORED, fresh.length - start);
    at = out.writeUInt8(block === blocks - 1 ? 1 : 0, at);
    at = out.writeUInt16LE(size, at);
    at = out.writeUInt16LE(~size & 0xffff, at);
    at += fresh.copy(out, at, start, start + size);
  }
  at = out.writeUInt32LE(crc32(fresh, kept.crc), at);
  out.writeUInt32LE((kept.length + fresh.length) >>> 0, at);
  return out;
}

/** The kept text again. */
export async function decompress(kept: KeptPiece): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    inflateRaw(
      kept.bytes.subarray(HEADER.length),
      // One output buffer, a little too large, so that zlib never has to ask for a second one.
      { finishFlush: constants.Z_SYNC_FLUSH, chunkSize: Math.max(constants.Z_MIN_CHUNK, kept.length + 1) },
      (error, text) => {
        if (error === null) resolve(text);
        else reject(error);
      },
    );
  });
}
