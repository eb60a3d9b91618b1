// What every peer starts from: the weights by their names in a model file, so that loss curves can be compared.
import type { FileArray } from '../../src/models/file-layout';
import type { DecoderConfig } from '../../src/models/decoder/decoder-config';

export interface Start {
  config: DecoderConfig;
  /** Projections are [out, in], as in the file. */
  weights: ReadonlyMap<string, FileArray>;
  /** Low-rank side paths on all projections, the weights then frozen; null trains the weights themselves. */
  lora: { arrays: ReadonlyMap<string, FileArray>; scale: number } | null;
  learningRate: number;
}

/** Rows and columns exchanged where the array is a matrix that multiplies activations from the right. */
export function forProducts(name: string, { shape, data }: FileArray): FileArray {
  const [rows = 0, columns = 0] = shape;
  if (shape.length < 2 || name.includes('embed_tokens')) return { shape, data };
  const turned = new Float32Array(data.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      turned[column * rows + row] = data[row * columns + column] ?? 0;
    }
  }
  return { shape: [columns, rows], data: turned };
}

/** Cosines and sines, [length, headSize / 2] each. */
export function ropeTables(config: DecoderConfig, length: number) {
  const half = config.headSize / 2;
  const angle = (index: number) => Math.floor(index / half) * config.ropeTheta ** (-(index % half) / half);
  const table = (turn: (angle: number) => number) =>
    Float32Array.from({ length: length * half }, (_, index) => turn(angle(index)));
  return { cosine: table(Math.cos), sine: table(Math.sin), half };
}
