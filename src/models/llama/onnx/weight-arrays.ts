// The arrays of a Llama's ONNX graph, made from the weights of its file while the ONNX file is streamed: projections turned
// to [in, out], those that read the same input side by side, tables of the rotation. One projection is in memory at a time,
// and of the embedding some rows.
import type { OnnxArray } from '../../../lib/formats/onnx';
import { transposeArray, type WeightReader } from '../../file-layout';
import { inverseFrequencies, type LlamaConfig } from '../llama-config';
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

/** cos or sin of each position's angles, [positions, headSize / 2]. */
export function rotationTable(
  name: string,
  config: LlamaConfig,
  positions: number,
  turn: (angle: number) => number,
): OnnxArray {
  const frequencies = inverseFrequencies(config);
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
