import { unzipSync } from 'fflate';
import { describe, expect, it } from 'vitest';
import { Crc32 } from './crc32';
import { ZipWriter, type ZipLimits } from './zip-writer';

interface Given {
  name: string;
  chunks: Uint8Array[];
  isCompressed?: boolean;
}

const bytesOf = (length: number, seed = 1): Uint8Array<ArrayBuffer> =>
  Uint8Array.from({ length }, (_, i) => (i * 31 + seed) % 251);

function zipOf(files: readonly Given[], limits?: ZipLimits): Uint8Array {
  const pieces: number[] = [];
  const zip = new ZipWriter((piece) => pieces.push(...piece), limits);
  for (const { name, chunks, isCompressed = false } of files) {
    zip.begin(name, { sizeBytes: chunks.reduce((sum, { length }) => sum + length, 0), isCompressed });
    for (const chunk of chunks) zip.push(chunk);
    zip.close();
  }
  zip.end();
  return Uint8Array.from(pieces);
}

const joined = ({ chunks }: Given): Uint8Array => Uint8Array.from(chunks.flatMap((chunk) => [...chunk]));

const FILES: readonly Given[] = [
  { name: 'weights.bin', chunks: [bytesOf(300), bytesOf(13, 7)] },
  { name: 'über.json', chunks: [bytesOf(500), bytesOf(500)], isCompressed: true },
  { name: 'empty', chunks: [] },
];

/** 10 bytes count as too many for 32 bits, and two files for 16. */
const TINY: ZipLimits = { bytes: 10, files: 2 };

/** Numbers of the file by their place. */
const reader = (zip: Uint8Array) => {
  const view = new DataView(zip.buffer);
  return {
    u16: (at: number) => view.getUint16(at, true),
    u32: (at: number) => view.getUint32(at, true),
    u64: (at: number) => Number(view.getBigUint64(at, true)),
  };
};

describe('ZipWriter', () => {
  it('crc32: the check value of its definition, however the bytes are cut', () => {
    const text = new TextEncoder().encode('123456789');
    for (const cut of [0, 1, 5, 8, 9]) {
      const crc = new Crc32();
      crc.update(text.subarray(0, cut));
      crc.update(text.subarray(cut));
      expect(crc.value).toBe(0xcbf4_3926);
    }
  });

  it.each([
    ['with the usual fields', undefined],
    ['with fields of 64 bits', TINY],
  ])('zip: %s, another reader finds every file', (_, limits) => {
    const read = unzipSync(zipOf(FILES, limits));
    expect(Object.keys(read)).toEqual(FILES.map(({ name }) => name));
    for (const file of FILES) expect(read[file.name]).toEqual(joined(file));
  });

  it('zip: small ones have nothing that an old reader would not know', () => {
    const zip = zipOf(FILES);
    const { u16, u32 } = reader(zip);
    const end = zip.length - 22;
    expect([u32(end), u16(end + 10), u32(end + 12) + u32(end + 16)]).toEqual([0x0605_4b50, 3, end]);
    expect([u16(4), u16(6), u32(18), u16(28)]).toEqual([20, 0x0808, 0, 0]);
    expect(zipOf(FILES)).toEqual(zip);
  });

  it('zip: a large file has its sizes in 64 bits: announced, behind the data, and in the directory', () => {
    const [file] = FILES as [Given];
    const zip = zipOf([file], TINY);
    const { u16, u32, u64 } = reader(zip);
    const size = joined(file).length;
    // The local header: sizes in the extra field 1, which has 16 bytes and is filled in behind the data.
    expect([u32(0), u16(4), u32(18), u32(22), u16(28)]).toEqual([
      0x0403_4b50, 45, 0xffff_ffff, 0xffff_ffff, 20,
    ]);
    const extra = 30 + u16(26);
    expect([u16(extra), u16(extra + 2), u64(extra + 4)]).toEqual([1, 16, 0]);
    const after = extra + 20 + size;
    expect([u32(after), u64(after + 8), u64(after + 16)]).toEqual([0x0807_4b50, size, size]);
    // The directory: both sizes did not fit, the offset did.
    const directory = after + 24;
    expect([u32(directory), u32(directory + 20), u32(directory + 24)]).toEqual([
      0x0201_4b50, 0xffff_ffff, 0xffff_ffff,
    ]);
    expect([u16(directory + 30), u32(directory + 42)]).toEqual([20, 0]);
    const large = directory + 46 + u16(directory + 28);
    expect([u16(large), u16(large + 2), u64(large + 4), u64(large + 12)]).toEqual([1, 16, size, size]);
    // The end: a record of 64 bits, where it is, and the usual one that points there.
    const end = large + 20;
    expect([u32(end), u64(end + 4), u64(end + 32), u64(end + 48)]).toEqual([0x0606_4b50, 44, 1, directory]);
    expect([u32(end + 56), u64(end + 64), u32(end + 72)]).toEqual([0x0706_4b50, end, 1]);
    expect([u32(end + 76), u16(end + 86), u32(end + 92)]).toEqual([0x0605_4b50, 1, 0xffff_ffff]);
    expect(zip.length).toBe(end + 98);
  });

  it('zip: a small file behind 4 GB has its place in 64 bits', () => {
    const zip = zipOf([FILES[0], { name: 'b', chunks: [bytesOf(3)] }] as Given[], { bytes: 100, files: 9 });
    const { u16, u32, u64 } = reader(zip);
    // The last entry of the directory, which begins 46 bytes, a name of one and an extra field of twelve before its end.
    const entry = zip.length - 98 - 59;
    expect(u32(entry)).toBe(0x0201_4b50);
    expect([u32(entry + 20), u32(entry + 24), u32(entry + 42), u16(entry + 30)]).toEqual([
      3, 3, 0xffff_ffff, 12,
    ]);
    expect(u32(u64(entry + 47 + 4))).toBe(0x0403_4b50);
  });

  it('zip: files come one after the other, and no longer than announced', () => {
    const zip = new ZipWriter(() => undefined, TINY);
    expect(() => zip.push(bytesOf(1))).toThrow('No file of the zip is open');
    zip.begin('a', { sizeBytes: 4, isCompressed: false });
    expect(() => zip.begin('b', { sizeBytes: 4, isCompressed: false })).toThrow('before the last file ended');
    expect(() => zip.push(bytesOf(11))).toThrow('more than was announced');
  });
});
