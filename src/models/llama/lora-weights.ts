// LoRA matrices as a view over a base: which projections have a side path, and its tensors.
import type { LoraPair, Tensor } from '../../engine';
import { hashSeed, Random } from '../../lib/random';
import type { LoraConfig } from '../../protocol/models';
import type { FileArray } from '../file-layout';
import type { DecoderWeights } from './decoder-weights';

export const loraA = (path: string): string => `${path}.lora_A.weight`;
export const loraB = (path: string): string => `${path}.lora_B.weight`;

/** The base with side paths from `read`, which gives null where there is none. */
export function withLora(
  base: DecoderWeights,
  { alpha, rank }: Pick<LoraConfig, 'alpha' | 'rank'>,
  read: (name: string) => Tensor | null,
): DecoderWeights {
  const pairOf = (path: string): LoraPair | null => {
    const [a, b] = [read(loraA(path)), read(loraB(path))];
    return a === null || b === null ? null : { a, b, scale: alpha / rank };
  };
  return {
    tensor: (name) => base.tensor(name),
    head: () => base.head(),
    linear: (path) => ({ weight: base.linear(path).weight, lora: pairOf(path) }),
  };
}

/** Matrices that change nothing yet: A uniform within 1 / sqrt(in) (PEFT's choice), B zero. */
export function initialLora(shapes: ReadonlyMap<string, number[]>, seed: number): Map<string, FileArray> {
  const arrays = new Map<string, FileArray>();
  for (const [name, shape] of shapes) {
    const [rows = 0, columns = 0] = shape;
    const data = new Float32Array(rows * columns);
    if (name.endsWith('.lora_A.weight')) {
      const random = new Random(hashSeed(seed, 'lora', name));
      const bound = 1 / Math.sqrt(columns);
      data.forEach((_, i) => (data[i] = (2 * random.next() - 1) * bound));
    }
    arrays.set(name, { shape, data });
  }
  return arrays;
}
