// The arrays of a decoder's ONNX graph, made from the weights of its file while the ONNX file is streamed: projections turned
// to [in, out], those that read the same input side by side, or in few bits as they lie; tables of the rotation. One
// projection is in memory at a time, and of the embedding some rows.
import { GROUP_SIZE, quantise, type LevelBits } from '../../../engine/planned';
import type { OnnxArray } from '../../../lib/formats/onnx';
import { transposeArray, type WeightReader } from '../../file-layout';
import { inverseFrequencies, type DecoderConfig } from '../decoder-config';
import { pieces } from '../planned/load-base';

const bytesOf = (data: Float32Array<ArrayBuffer>): Uint8Array<ArrayBuffer> =>
  new Uint8Array(data.buffer, data.byteOffset, data.byteLength);

/** An array as the file has it, some rows at a time. */
export function storedArray(read: WeightReader, name: string, shape: number[]): OnnxArray {
  async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const size = shape.reduce((product, n) => product * n, 1);
    for (const rows of pieces(shape)) {
      const { data } = await read(name, rows);
      yield bytesOf(data);
      if (data.length === size) return;
    }
  }
  return { name, type: 'float', shape, chunks };
}

/** Projections [out, in] of the file as one matrix [in, sum of out] for products from the right. */
export function projectionArray(
  read: WeightReader,
  name: string,
  members: readonly string[],
  shape: [number, number],
): OnnxArray {
  const [width, total] = shape;
  async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    const rows = new Float32Array(total * width);
    let filled = 0;
    for (const member of members) {
      const { data } = await read(member);
      rows.set(data, filled);
      filled += data.length;
    }
    yield bytesOf(transposeArray(rows, total, width));
  }
  return { name, type: 'float', shape, chunks };
}

/** Vectors behind each other, `size` numbers in all. */
export function joinedVectors(
  read: WeightReader,
  name: string,
  members: readonly string[],
  size: number,
): OnnxArray {
  async function* chunks(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    for (const member of members) yield bytesOf((await read(member)).data);
  }
  return { name, type: 'float', shape: [size], chunks };
}

/** What turns a level of two's complement into one counted from the middle, in all places of a word at once. */
const SIGN_BITS: Record<LevelBits, number> = { 4: 0x88888888, 8: 0x80808080 };

/**
 * Projections in few bits as `MatMulNBits` reads them, the rows of one below those of another: the levels and scales that
 * our own engine would have, levels counted from the middle. Weights are read once for each of the two arrays.
 * @param width columns of all members, a multiple of 32. @param rows of each member by its name.
 */
export function quantisedArrays(
  read: WeightReader,
  name: string,
  rows: ReadonlyMap<string, number>,
  width: number,
  bits: LevelBits,
): { levels: OnnxArray; scales: OnnxArray } {
  const total = [...rows.values()].reduce((sum, n) => sum + n, 0);
  const groups = width / GROUP_SIZE;
  async function* quantised() {
    for (const [member, count] of rows) {
      for (const piece of pieces([count, width])) {
        const { data } = await read(member, piece);
        yield quantise(data, bits);
        if (data.length === count * width) break;
      }
    }
  }
  async function* levels(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    for await (const { words } of quantised()) {
      yield new Uint8Array(words.map((word) => word ^ SIGN_BITS[bits]).buffer);
    }
  }
  async function* scales(): AsyncGenerator<Uint8Array<ArrayBuffer>, void> {
    for await (const part of quantised()) yield bytesOf(part.scales);
  }
  return {
    levels: {
      name: `${name}_Q${bits}`,
      type: 'uint8',
      shape: [total, groups, (GROUP_SIZE * bits) / 8],
      chunks: levels,
    },
    scales: { name: `${name}_scales`, type: 'float', shape: [total * groups], chunks: scales },
  };
}

/** cos or sin of each position's angles, [positions, headSize / 2]. @param local those of layers with angles of their own. */
export function rotationTable(
  name: string,
  config: DecoderConfig,
  positions: number,
  turn: (angle: number) => number,
  local = false,
): OnnxArray {
  const frequencies = inverseFrequencies(config, local);
  const shape = [positions, frequencies.length];
  function* chunks(): Generator<Uint8Array<ArrayBuffer>, void> {
    for (const { first, count } of pieces(shape)) {
      const table = new Float32Array(count * frequencies.length);
      table.forEach((_, index) => {
        const position = first + Math.floor(index / frequencies.length);
        table[index] = turn(position * (frequencies[index % frequencies.length] ?? 0));
      });
      yield bytesOf(table);
    }
  }
  return { name, type: 'float', shape, chunks };
}
