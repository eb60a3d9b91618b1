// Arrays as JSON, for tests of what stands above the codec.
import type { StateArrays } from '../../models/trainable-model';
import type { ArrayCodec } from '../checkpoint-store';

export const jsonCodec: ArrayCodec = {
  encode: (arrays) =>
    new TextEncoder().encode(
      JSON.stringify([...arrays].map(([name, { shape, data }]) => [name, shape, [...data]])),
    ),
  decode: (bytes) => {
    const rows = JSON.parse(new TextDecoder().decode(bytes)) as [string, number[], number[]][];
    const arrays: StateArrays = new Map();
    for (const [name, shape, data] of rows) arrays.set(name, { shape, data: new Float32Array(data) });
    return arrays;
  },
};
