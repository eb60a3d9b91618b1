// The references below walk through a block in the order in which the format packs it, value by value; the code under test
// goes by sub-blocks. Both must agree on every bit.
import { describe, expect, it } from 'vitest';
import { hashSeed, uniformAt } from '../../random';
import { bfloatToFloat, floatToHalf, halfToFloat } from '../float16';
import { decodeBlocks } from './gguf-blocks';
import { encodeBlocks } from './gguf-encode';
import { GGUF_LAYOUTS, type GgufType } from './gguf-types';
import { ggufRows, readGgufTensor, streamGgufTensor } from './gguf-tensor';

type Reference = (block: DataView) => number[];

const half = (block: DataView, at: number): number => halfToFloat(block.getUint16(at, true));
const range = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
/** Bit i of the run of bytes from `at`, lowest bit of a byte first. */
const bit = (block: DataView, at: number, i: number): number =>
  (block.getUint8(at + (i >> 3)) >> (i & 7)) & 1;
/** The 32 four-bit numbers of 16 bytes: all low halves, then all high ones. */
const fours = (block: DataView, at: number): number[] => [
  ...range(16).map((j) => block.getUint8(at + j) % 16),
  ...range(16).map((j) => Math.floor(block.getUint8(at + j) / 16)),
];

/** The eight scales, then the eight minimums, of six bits each. */
function sixBits(block: DataView, at: number): { scales: number[]; minimums: number[] } {
  const bytes = range(12).map((i) => block.getUint8(at + i));
  const of = (i: number): number => bytes[i] ?? 0;
  return {
    scales: [0, 1, 2, 3]
      .map((i) => of(i) % 64)
      .concat([0, 1, 2, 3].map((i) => (of(8 + i) % 16) + 16 * (of(i) >> 6))),
    minimums: [4, 5, 6, 7]
      .map((i) => of(i) % 64)
      .concat([0, 1, 2, 3].map((i) => (of(8 + i) >> 4) + 16 * (of(4 + i) >> 6))),
  };
}

/** Groups of 64: 32 low halves under one scale, then 32 high halves under the next. */
function kBlock(block: DataView, quants: number, fifths: number | null): number[] {
  const { scales, minimums } = sixBits(block, 4);
  const values: number[] = [];
  for (let group = 0; group < 4; group += 1) {
    for (const side of [0, 1]) {
      const j = 2 * group + side;
      for (let i = 0; i < 32; i += 1) {
        const byte = block.getUint8(quants + 32 * group + i);
        const fifth = fifths === null ? 0 : 16 * bit(block, fifths + i, j);
        const level = (side === 0 ? byte % 16 : byte >> 4) + fifth;
        values.push(half(block, 0) * (scales[j] ?? 0) * level - half(block, 2) * (minimums[j] ?? 0));
      }
    }
  }
  return values;
}

function q6Block(block: DataView): number[] {
  const values = new Array<number>(256).fill(0);
  for (const part of [0, 1]) {
    for (let i = 0; i < 32; i += 1) {
      const [low, next] = [block.getUint8(64 * part + i), block.getUint8(64 * part + 32 + i)];
      const high = block.getUint8(128 + 32 * part + i);
      const levels = [low % 16, next % 16, low >> 4, next >> 4].map(
        (four, k) => four + 16 * ((high >> (2 * k)) % 4) - 32,
      );
      levels.forEach((level, k) => {
        const scale = block.getInt8(192 + 8 * part + 2 * k + (i >> 4));
        values[128 * part + 32 * k + i] = half(block, 208) * scale * level;
      });
    }
  }
  return values;
}

const REFERENCES: Record<GgufType, Reference> = {
  F32: (block) => [block.getFloat32(0, true)],
  F16: (block) => [half(block, 0)],
  BF16: (block) => [bfloatToFloat(block.getUint16(0, true))],
  Q8_0: (block) => range(32).map((i) => block.getInt8(2 + i) * half(block, 0)),
  Q4_0: (block) => fours(block, 2).map((level) => (level - 8) * half(block, 0)),
  Q4_1: (block) => fours(block, 4).map((level) => level * half(block, 0) + half(block, 2)),
  Q5_0: (block) => fours(block, 6).map((level, i) => (level + 16 * bit(block, 2, i) - 16) * half(block, 0)),
  Q5_1: (block) =>
    fours(block, 8).map((level, i) => (level + 16 * bit(block, 4, i)) * half(block, 0) + half(block, 2)),
  Q4_K: (block) => kBlock(block, 16, null),
  Q5_K: (block) => kBlock(block, 48, 16),
  Q6_K: q6Block,
};

function createRandom(...purpose: (string | number)[]): () => number {
  let counter = 0;
  return () => uniformAt(hashSeed(...purpose), counter++);
}

/** Where a block keeps halves; random bytes there would be infinite now and then. */
const HALVES: Partial<Record<GgufType, number[]>> = {
  F16: [0],
  Q8_0: [0],
  Q4_0: [0],
  Q4_1: [0, 2],
  Q5_0: [0],
  Q5_1: [0, 2],
  Q4_K: [0, 2],
  Q5_K: [0, 2],
  Q6_K: [208],
};

function randomBlocks(type: GgufType, count: number): ArrayBuffer {
  const random = createRandom(7, type);
  const { blockBytes } = GGUF_LAYOUTS[type];
  const bytes = Uint8Array.from({ length: blockBytes * count }, () => Math.floor(random() * 256));
  const view = new DataView(bytes.buffer);
  for (let at = 0; at < bytes.length; at += blockBytes) {
    for (const place of HALVES[type] ?? [])
      view.setUint16(at + place, floatToHalf(random() * 0.2 - 0.1), true);
    if (type === 'F32') view.setFloat32(at, random(), true);
    if (type === 'BF16') view.setUint8(at + 1, 0x3f);
  }
  return bytes.buffer;
}

const plain = (value: number): number => Math.fround(value) + 0;

describe('gguf blocks', () => {
  it.each(Object.keys(REFERENCES) as GgufType[])('gguf blocks: %s agrees with its definition', (type) => {
    const { blockBytes, blockSize } = GGUF_LAYOUTS[type];
    const bytes = randomBlocks(type, 40);
    const expected = range(40).flatMap((i) =>
      REFERENCES[type](new DataView(bytes, i * blockBytes, blockBytes)),
    );
    const decoded = decodeBlocks(type, bytes);
    expect(decoded.length).toBe(40 * blockSize);
    expect([...decoded].map(plain)).toEqual(expected.map(plain));
    expect(() => decodeBlocks(type, new ArrayBuffer(blockBytes + 1))).toThrow('no whole number');
  });

  it('gguf blocks: rows are read alone and part by part', async () => {
    const bytes = randomBlocks('Q4_K', 6);
    const file = new Blob([new Uint8Array(5), bytes]);
    const entry = { type: 'Q4_K', shape: [3, 512], begin: 5, end: 5 + 6 * 144 } as const;
    const whole = await readGgufTensor(file, { ...entry, shape: [3, 512] });
    const row = await readGgufTensor(file, ggufRows({ ...entry, shape: [3, 512] }, 1, 1));
    expect(row).toEqual({ shape: [1, 512], data: whole.data.slice(512, 1024) });
    const firsts: number[] = [];
    const joined: number[] = [];
    for await (const { first, rows } of streamGgufTensor(file, { ...entry, shape: [3, 512] }, 1100)) {
      firsts.push(first);
      joined.push(...rows.data);
    }
    expect(firsts).toEqual([0, 2]);
    expect(joined).toEqual([...whole.data]);
    expect(() => ggufRows({ ...entry, shape: [3, 512] }, 2, 2)).toThrow('not among 3');
    expect(() => ggufRows({ ...entry, shape: [1536] }, 100, 256)).toThrow('cut blocks of 256');
  });

  it('gguf blocks: Q8_0 is off by half a step at most, Q4_0 by one where it clips', () => {
    const random = createRandom(1, 'weights');
    const values = Float32Array.from({ length: 32 * 50 }, () => random() * 2 - 1);
    const worst = { Q8_0: 0, Q4_0: 0 };
    for (const type of ['Q8_0', 'Q4_0'] as const) {
      const decoded = decodeBlocks(type, encodeBlocks(type, values, 'w').buffer);
      for (let block = 0; block < 50; block += 1) {
        const part = values.subarray(32 * block, 32 * block + 32);
        const step = Math.max(...part.map(Math.abs)) / (type === 'Q8_0' ? 127 : 8);
        part.forEach((value, i) => {
          const off = Math.abs(value - (decoded[32 * block + i] ?? NaN)) / step;
          worst[type] = Math.max(worst[type], off);
        });
      }
    }
    // Half a step of rounding, and up to 127 (8) steps times the 2^-11 of a scale kept in half precision.
    expect(worst.Q8_0).toBeLessThan(0.5 + 127 / 2048);
    expect(worst.Q4_0).toBeLessThan(1 + 8 / 2048);
  });

  it('gguf blocks: what was decoded from Q8_0 and Q4_0 is encoded to the same values', () => {
    for (const type of ['Q8_0', 'Q4_0'] as const) {
      // Scale 1/64 with the extreme level in every block: nothing is left to round.
      const levels = range(64).map((i) => (type === 'Q8_0' ? (i % 32 === 0 ? -127 : i - 20) : (i % 16) - 8));
      const values = Float32Array.from(levels, (level) => level / 64);
      expect([...decodeBlocks(type, encodeBlocks(type, values, 'w').buffer)]).toEqual([...values]);
    }
  });

  it('gguf blocks: zeros stay zeros; what a type cannot hold is refused with its name and value', () => {
    for (const type of ['F16', 'Q8_0', 'Q4_0'] as const) {
      expect(
        [...decodeBlocks(type, encodeBlocks(type, new Float32Array(32), 'w').buffer)].map(Math.abs),
      ).toEqual(new Array(32).fill(0));
      const broken = new Float32Array(32).fill(1);
      broken[3] = NaN;
      expect(() => encodeBlocks(type, broken, 'w')).toThrow(`w holds NaN, which ${type} cannot store`);
      broken[3] = 1e8;
      expect(() => encodeBlocks(type, broken, 'w')).toThrow('w holds 100000000');
    }
    expect(() => encodeBlocks('Q8_0', new Float32Array(31), 'w')).toThrow('no whole number');
  });
});
